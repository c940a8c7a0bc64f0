#include "ksplice-patch.h"
int printk(const char *, ...);
static int once(void) { return printk("once\n"); }
ksplice_pre_apply(once);
int shown(int x) { return printk("%d\n", x); }
