extern void reg(int *);
static int fresh;
void f(void) { reg(&fresh); }
