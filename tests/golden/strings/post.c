extern void say(const char *);
void f(void) { say("zero"); }
void g(void) { say("two"); }
void i(void) { say("extra"); }
void h(void) { say("three"); }
