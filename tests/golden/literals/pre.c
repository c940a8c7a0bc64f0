/* Constants that stand in an initializer are known by their slot, or by what they hold. */
struct ops {
	const char *name;
	int (*work)(int);
	int level;
};

int seen;

static __attribute__((noinline)) int one(int x)
{
	return x + seen;
}

static __attribute__((noinline)) int two(int x)
{
	return x * seen;
}

const struct ops *const table[] = {
	&(const struct ops){ .name = "one", .work = one, .level = 1 },
	&(const struct ops){ .name = "two", .work = two, .level = 2 },
	&(const struct ops){ .name = "three", .work = one, .level = 3 },
};

int call(unsigned int i, int x)
{
	return i < 3 ? table[i]->work(x) : 0;
}
