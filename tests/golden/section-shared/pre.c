#define S __attribute__((section(".sched.text"), noinline))
int state;
S int low(int x) { return x + state; }
S int mid(int x) { return low(x) * 2; }
S int high(int x) { return mid(x) - 1; }
