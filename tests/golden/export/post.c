extern int sink(int);
int f(int x) { return sink(x + 2); }
int g(int x) { return x; }
__attribute__((section("___ksymtab+f"))) const int ksym_f = 1;
__attribute__((section("___ksymtab+g"))) const int ksym_g = 1;
