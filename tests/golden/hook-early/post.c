#include "ksplice-patch.h"
int printk(const char *, ...);
int count;
__attribute__((noinline)) int shown(int x) { return printk("<%d>\n", x); }
__attribute__((noinline)) int same(int x) { return shown(x) + count; }
static __attribute__((noinline)) int helper(int x) { return shown(x + 1) + 1; }
int (*table[])(int) = { helper, 0 };
int nr;
/* The call of an old function that calls the one that changes is all right, and so is its address. */
static int good(void) { return same(1) + (count == (long)shown); }
static int direct(void) { return shown(1); }
static void by_helper(void) { count = helper(2); }
static void by_table(void) { count = table[nr](2); }
ksplice_pre_apply(good);
ksplice_check_apply(direct);
ksplice_fail_apply(by_helper);
ksplice_post_reverse(by_table);
ksplice_apply(by_helper);
