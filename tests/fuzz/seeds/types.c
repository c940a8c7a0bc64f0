/* SPDX-License-Identifier: GPL-2.0-only */
/* A seed for the fuzzers: types of every kind.  With POST defined, some are others. */
typedef unsigned int word;
enum kind { NONE, SOME = 5,
#ifdef POST
	MANY,
#endif
	ALL = -1 };
struct list {
	struct list *next, **prev;
};
union value {
	long number;
	double real;
	char text[8];
};
struct object {
	struct list list;
#ifdef POST
	word count;
#endif
	enum kind kind : 8;
	unsigned int bits : 3, more : 5;
	struct {
		int a;
		union value v;
	};
	struct {
		short x, y;
	} place[4];
	int (*call)(struct object *o, word w);
	const volatile struct other *other;
	word tail[];
};
struct small {
	char c;
#ifdef POST
	char d;
#endif
	int n;
};

int use(struct object *o, struct small *s)
{
	return o->call ? o->call(o, s->n) : (int)o->v.number;
}
