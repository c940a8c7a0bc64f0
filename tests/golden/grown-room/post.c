extern int call(const void *p);
static int one(int x) { return x + 1; }
static int two(int x) { return x + 2; }
struct ops { int (*a)(int), (*b)(int), (*c)(int), (*d)(int), (*e)(int); };
struct more { struct ops o; int (*f)(int); };
/* The compiler aligns what is 32 bytes long or longer to 32. */
static const struct ops next = { one, two, one, two, one };
static const struct more ops = { { one, one, one, two, one }, two };
int f(void) { return call(&ops) + call(&next); }
int g(int x) { return two(x); }
