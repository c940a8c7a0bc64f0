extern int use(const int *p, int n);
static const int policy[] = { 1, 2, 3 };
struct family { const int *policy; int n; };
struct family family = { policy, 3 };
int f(int x) { return use(policy, x); }
int g(int x) { return x + 1; }
