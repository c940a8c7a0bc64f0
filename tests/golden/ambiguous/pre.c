extern void sink(int *, int *);
void f(void) { int *p, *q; { static int state; p = &state; } { static int state; q = &state; } sink(p, q); }
