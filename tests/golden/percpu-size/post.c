__attribute__((section(".data..percpu"))) int counters[4] = { 3 };
int f(int x) { return x + counters[1]; }
