extern int sink(int);
int f(int x) { return sink(x); }
