extern void say(const char *);
void f(void) { say("one"); }
void g(void) { say("two"); }
void h(void) { say("three"); }
