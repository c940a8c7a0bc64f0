typedef int (*fn)(int);
extern void reg(fn);
extern int sink(int);
static int callback(int x) { return sink(x + 2); }
void f(void) { reg(callback); reg(callback); }
