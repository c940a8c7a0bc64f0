int f(void) { return 5; }
int g(void) { return 1; }
