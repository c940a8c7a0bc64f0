int limit = 11;
int f(int x) { return x < limit; }
