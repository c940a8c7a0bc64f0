#include "ksplice-patch.h"
int printk(const char *, ...);
int shown(int x) { return printk("<%d>\n", x); }
static __attribute__((noinline)) int say(const char *what) { return printk("%s\n", what); }
static int before(void) { return say("before"); }
static int before_too(void) { return say("too"); }
static int check(void) { return say("check"); }
static void failed(void) { say("failed"); }
static void done(void) { shown(5); }
static int go_back(void) { return shown(6); }
ksplice_pre_apply(before);
ksplice_check_apply(check);
ksplice_pre_apply(before_too);
ksplice_post_apply(done);
ksplice_fail_apply(failed);
ksplice_pre_reverse(go_back);
