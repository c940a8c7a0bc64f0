int state;
__attribute__((section(".noinstr.text"))) int quiet(int x) { return x + state; }
