#include "ksplice-patch.h"
int printk(const char *, ...);
static int once(void) { return printk("once\n"); }
ksplice_pre_apply(once);
static int twice(void) { return printk("twice\n"); }
ksplice_pre_apply(twice);
int shown(int x) { return printk("<%d>\n", x); }
