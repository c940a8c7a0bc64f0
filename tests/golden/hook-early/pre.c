int printk(const char *, ...);
int count;
__attribute__((noinline)) int shown(int x) { return printk("%d\n", x); }
__attribute__((noinline)) int same(int x) { return shown(x) + count; }
