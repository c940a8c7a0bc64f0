extern int call(const void *p);
static int one(int x) { return x + 1; }
static int two(int x) { return x + 2; }
static int (*const handlers[])(int) = { one, two, one };
int f(void) { return call(handlers); }
int g(int x) { return two(x); }
