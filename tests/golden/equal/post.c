static int once(void) { static int seen; return seen++; }
int f(int x) { return once() + x; }
const char *name(void) { return "name"; }
