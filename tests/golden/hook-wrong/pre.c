int printk(const char *, ...);
int old(void) { return printk("old\n"); }
__attribute__((section(".data..percpu"))) int own;
int also(void) { return printk("also\n"); }
