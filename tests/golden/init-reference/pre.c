extern int sink(int);
static int __attribute__((section(".init.data"), noinline)) limit = 5;
int *late(void);
int __attribute__((section(".init.text"))) start(void) { return sink(limit); }
int f(int x) { return sink(x); }
