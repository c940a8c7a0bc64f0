extern int use(const int *p, int n);
static const int policy[] = { 1, 2, 3, 4 };
struct family { const int *policy; int n; };
struct family family = { policy, 4 };
int f(int x) { return use(policy, x); }
int g(int x) { return x + 1; }
