int ready;
__attribute__((section(".init.text"))) void setup(void) { ready = 2; }
