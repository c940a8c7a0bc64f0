#include "ksplice-patch.h"
int printk(const char *, ...);
int elsewhere(void);
int old(void) { return printk("old\n"); }
int also(void) { return printk("changed\n"); }
static __attribute__((section(".init.text"))) int boot(void) { return printk("boot\n"); }
static int extra;
__attribute__((section(".data..percpu"))) int own;
ksplice_match_data_early(own);
ksplice_pre_apply(old);
ksplice_pre_reverse(also);
ksplice_check_apply(elsewhere);
ksplice_check_reverse(boot);
ksplice_assume_rodata(extra);
