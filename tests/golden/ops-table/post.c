struct ops { int a; int (*open)(int); int (*close)(int); const char *name; };
static int my_open(int x) { return x + 1; }
static int my_close(int x) { return x - 1; }
const struct ops table = { 7, my_open, my_close, "name" };
int f(const struct ops *o) { return my_close(o->open(1)); }
