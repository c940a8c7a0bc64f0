extern int sink(int);
int f(int x) { return sink(x + 1); }
__attribute__((section("___ksymtab+f"))) const int ksym_f = 1;
