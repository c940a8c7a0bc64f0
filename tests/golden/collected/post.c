extern int sink(int);
static void fix(int x) { sink(x); }
__attribute__((section(".pci_fixup_final"), used)) static void (*const e1)(int) = fix;
static void mend(int x) { sink(x + 5); }
__attribute__((section(".pci_fixup_final"), used)) static void (*const e2)(int) = mend;
int f(int x) { return sink(x + 1); }
