extern void sink(int);
static inline __attribute__((always_inline)) int limit(int x) { return x > 20 ? 20 : x; }
void a(int x) { sink(limit(x)); }
void b(int x) { sink(limit(x) * 7); }
void c(int x) { sink(x); }
