int f(void) { return 0; }
__attribute__((no_instrument_function)) void g(void) { }
