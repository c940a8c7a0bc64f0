#include "ksplice-patch.h"
struct limit { int from, to; };
static struct limit limits[] = { { 1, 2 }, { 3, 4 }, { 7, 9 } };
ksplice_assume_rodata(limits);
int nr;
int check(int x) { return x >= limits[nr].from && x < limits[nr].to; }
int check_all(int x) { for (int i = 0; i < 3; i++) if (x == limits[i].from) return 1; return 0; }
void *none(void) { return limits; }
static struct limit other = { 5, 7 };
ksplice_assume_rodata(other);
int first(void) { return other.from * nr; }
void *its(void) { return &other; }
