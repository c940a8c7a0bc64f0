extern void sink(int *, int *, int *);
void f(void) { int *p, *q, *r; { static int state; p = &state; } { static int state; q = &state; } { static int state; r = &state; } sink(p, q, r); }
