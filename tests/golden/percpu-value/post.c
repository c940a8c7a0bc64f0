__attribute__((section(".data..percpu"))) int counter = 4;
int f(int x) { return x + counter; }
