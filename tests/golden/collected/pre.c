extern int sink(int);
static void fix(int x) { sink(x); }
__attribute__((section(".pci_fixup_final"), used)) static void (*const e1)(int) = fix;
int f(int x) { return sink(x + 1); }
