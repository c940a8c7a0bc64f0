struct limit { int from, to; };
static struct limit limits[] = { { 1, 2 }, { 3, 4 } };
int nr;
int check(int x) { return x >= limits[nr].from && x < limits[nr].to; }
int check_all(int x) { for (int i = 0; i < 2; i++) if (x == limits[i].from) return 1; return 0; }
void *none(void) { return limits; }
static struct limit other = { 5, 6 };
int first(void) { return other.from * nr; }
void *its(void) { return &other; }
