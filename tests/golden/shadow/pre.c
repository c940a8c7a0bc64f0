struct thing { int x; };
int change(struct thing *t) { return t->x++; }
