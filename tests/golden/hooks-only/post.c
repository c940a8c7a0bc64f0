#include "ksplice-patch.h"
int printk(const char *, ...);
int shown(int x) { return printk("%d\n", x); }
static int once(void) { return shown(3); }
ksplice_pre_apply(once);
