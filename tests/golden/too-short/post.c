extern void sink(void);
int f(void) { return 0; }
__attribute__((no_instrument_function)) void g(void) { sink(); }
