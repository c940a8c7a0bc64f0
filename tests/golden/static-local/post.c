extern void sink(int *);
extern void log_it(void);
void zeroth(void) { static int other; sink(&other); }
void first(void) { static int state = 5; log_it(); sink(&state); }
void second(void) { static int state = 6; sink(&state); }
