int f(int x) { return x; }
static __attribute__((noinline)) int gone(int x) { return x * 5; }
int g(int x) { return gone(x); }
