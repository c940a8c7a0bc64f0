#include "ksplice-patch.h"
struct thing { int x; };
struct more { int y; };
static void start(struct thing *t, struct more *m) { m->y = t->x; }
DEFINE_SHADOW_FIELD(struct thing, struct more, 0, more, start);
void each(void (*fn)(struct thing *, int *), int *result);
int change(struct thing *t) { struct more *m = make_more_shadow(t); return t->x++ + (m ? m->y : 0); }
static ksplice_callback void one(struct thing *t, int *result) { *result |= !make_more_shadow(t); }
static int all(void) { int bad = 0; each(one, &bad); return bad ? -ENOMEM : 0; }
ksplice_pre_apply(all);
