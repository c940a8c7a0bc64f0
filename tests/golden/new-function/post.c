extern int sink(int);
static int table[4] = { 1, 2, 3, 4 };
static __attribute__((noinline)) int pick(int x) { return table[x & 3]; }
int f(int x) { return sink(pick(x)); }
