extern int sink(int);
int counter;
static int helper(int x) { return x * 3; }
int kept(int x) { return helper(x) + counter; }
int changed(int x) { return sink(x + 2); }
