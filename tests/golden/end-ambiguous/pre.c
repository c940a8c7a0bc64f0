#define SHARED __attribute__((section(".data..read_mostly")))
struct pool { long a, b, c; };
static SHARED int count = 7;
static SHARED struct pool pools[5] = { { 1, 2, 3 } };
extern int visit(struct pool *p, int n);
int f(void)
{
	for (struct pool *p = pools; p < pools + 5; p++)
		if (visit(p, count))
			return 1;
	return 0;
}
