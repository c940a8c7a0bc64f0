typedef int (*fn)(int);
extern void reg(fn);
extern int sink(int);
static int callback(int x) { return sink(x + 1); }
void f(void) { reg(callback); }
