extern void reg(int *);
void f(void) { reg(0); }
