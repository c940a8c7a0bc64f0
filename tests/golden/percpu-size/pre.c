__attribute__((section(".data..percpu"))) int counters[2] = { 3 };
int f(int x) { return x + counters[1]; }
