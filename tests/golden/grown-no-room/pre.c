extern int call(const void *p);
static int one(int x) { return x + 1; }
static int two(int x) { return x + 2; }
struct ops { int (*a)(int), (*b)(int), (*c)(int), (*d)(int), (*e)(int); };
/* What comes next needs no padding before it. */
static int (*const next[])(int) = { two };
static const struct ops ops = { one, two, one, two, one };
int f(void) { return call(&ops) + call(next); }
int g(int x) { return two(x); }
