extern void sink(int *);
void first(void) { static int state = 5; sink(&state); }
void second(void) { static int state = 6; sink(&state); }
