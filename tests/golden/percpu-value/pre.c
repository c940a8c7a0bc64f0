__attribute__((section(".data..percpu"))) int counter = 3;
int f(int x) { return x + counter; }
