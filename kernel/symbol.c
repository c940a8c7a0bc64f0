// SPDX-License-Identifier: GPL-2.0-only
/*
 * Candidates; see symbol.h.
 *
 * A name is looked for where its symbol is said to be defined: in vmlinux, or
 * in one module.  What code of a module refers to may also be elsewhere: then
 * a global symbol may be in vmlinux, and after that, an export of any module.
 * Kallsyms is walked once for all names, which beats a lookup for each.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "compat.h"
#include "symbol.h"
#include "update.h"

static int by_name(const void *a, const void *b)
{
	const struct ks_wanted *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->sym < y->sym ? -1 : 1;
}

static int by_wanted(const void *a, const void *b)
{
	const struct ks_candidate *x = a, *y = b;

	if (x->wanted != y->wanted)
		return x->wanted < y->wanted ? -1 : 1;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* The first of the wanted symbols with that name, or nr_wanted. */
static u32 lookup(const struct ks_symbols *s, const char *name)
{
	u32 lo = 0, hi = s->nr_wanted;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (strcmp(s->wanted[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < s->nr_wanted && strcmp(s->wanted[lo].name, name))
		return s->nr_wanted;
	return lo;
}

static int add(struct ks_symbols *s, u32 wanted, u64 addr)
{
	if (s->series)
		addr = ksplice_follow(addr);
	if (s->nr_found == s->cap_found) {
		u32 cap = s->cap_found ? 2 * s->cap_found : 1024;
		struct ks_candidate *more = kvmalloc_array(cap, sizeof(*more), GFP_KERNEL);

		if (!more)
			return -ENOMEM;
		if (s->found)
			memcpy(more, s->found, s->nr_found * sizeof(*more));
		kvfree(s->found);
		s->found = more;
		s->cap_found = cap;
	}
	s->found[s->nr_found++] = (struct ks_candidate){ wanted, addr };
	s->wanted[wanted].count++;
	return 0;
}

/* What earlier updates have replaced is found by its old name; what they have added, here. */
static int visit_update(void *data, const char *name, unsigned long addr)
{
	struct ks_symbols *s = data;
	u32 i = lookup(s, name);

	for (; i < s->nr_wanted && !strcmp(s->wanted[i].name, name); i++)
		if (add(s, i, addr))
			return -ENOMEM;
	return 0;
}

static int gather_updates(struct ks_symbols *s)
{
	struct ksplice_update *u;
	int ret = 0;

	list_for_each_entry(u, &ksplice_updates, list)
		if (!ret && s->series && u->stage == KSPLICE_APPLIED)
			ret = ks_each_module_symbol(u->new, visit_update, s);
	return ret;
}

static bool belongs(const struct ks_symbols *s, const struct ks_wanted *w)
{
	const struct kst_symbol *sym = &s->table->symbols[w->sym];

	if (!s->global)
		return sym->target == s->target;
	return sym->target && (sym->flags & KST_SYM_GLOBAL);
}

static int visit(void *data, const char *name, unsigned long addr)
{
	struct ks_symbols *s = data;
	u32 i = lookup(s, name);

	for (; i < s->nr_wanted && !strcmp(s->wanted[i].name, name); i++)
		if (belongs(s, &s->wanted[i]) && add(s, i, addr))
			return -ENOMEM;
	return 0;
}

static int visit_missing(void *data, const char *name, unsigned long addr)
{
	struct ks_symbols *s = data;
	u32 i = lookup(s, name);

	for (; i < s->nr_wanted && !strcmp(s->wanted[i].name, name); i++)
		/* first: nothing was found before this walk */
		if (belongs(s, &s->wanted[i]) && s->wanted[i].first && add(s, i, addr))
			return -ENOMEM;
	return 0;
}

/* Symbols that a module's code refers to and neither the module nor vmlinux has. */
static int gather_exports(struct ks_symbols *s, struct ksplice_update *u)
{
	u32 i;

	for (i = 0; i < s->nr_wanted; i++) {
		struct module *owner;
		unsigned long addr;
		int ret;

		if (!belongs(s, &s->wanted[i]) || s->wanted[i].count ||
		    u->targets[s->table->symbols[s->wanted[i].sym].target].left_out)
			continue;
		addr = ks_find_module_export(s->wanted[i].name, &owner);
		if (!addr)
			continue;
		ret = ksplice_update_hold(u, owner);
		if (!ret)
			ret = add(s, i, addr);
		if (ret)
			return ret;
	}
	return 0;
}

static int gather(struct ks_symbols *s, struct ksplice_update *u)
{
	int ret = gather_updates(s);
	u32 i;

	if (!ret)
		ret = ks_each_kernel_symbol(visit, s);

	for (s->target = 1; !ret && s->target < u->nr_targets; s->target++)
		if (!u->targets[s->target].left_out)
			ret = ks_each_module_symbol(u->targets[s->target].mod, visit, s);
	if (ret || u->nr_targets == 1)
		return ret;
	s->global = true;
	for (i = 0; i < s->nr_wanted; i++)
		s->wanted[i].first = !s->wanted[i].count;
	ret = ks_each_kernel_symbol(visit_missing, s);
	return ret ? ret : gather_exports(s, u);
}

/* From pairs to a list of addresses for each name. */
static int arrange(struct ks_symbols *s)
{
	u32 i, n = 0;

	sort(s->found, s->nr_found, sizeof(*s->found), by_wanted, NULL);
	s->addrs = kvmalloc_array(s->nr_found + 1, sizeof(*s->addrs), GFP_KERNEL);
	if (!s->addrs)
		return -ENOMEM;
	for (i = 0; i < s->nr_wanted; i++)
		s->wanted[i].count = 0;
	for (i = 0; i < s->nr_found; i++) {
		struct ks_wanted *w = &s->wanted[s->found[i].wanted];

		if (!w->count)
			w->first = n;
		else if (s->addrs[n - 1] == s->found[i].addr)
			continue; /* by its old name, and by that in the update */
		s->addrs[n++] = s->found[i].addr;
		w->count++;
	}
	return 0;
}

int ks_symbols_create(struct ks_symbols *s, const struct kst_view *table, struct ksplice_update *u)
{
	int ret;
	u32 i;

	s->table = table;
	s->series = u->series;
	s->wanted = kvcalloc(table->nr_symbols + 1, sizeof(*s->wanted), GFP_KERNEL);
	s->wanted_of = kvcalloc(table->nr_symbols + 1, sizeof(*s->wanted_of), GFP_KERNEL);
	if (!s->wanted || !s->wanted_of)
		return -ENOMEM;
	for (i = 0; i < table->nr_symbols; i++) {
		s->wanted_of[i] = KST_NONE;
		if (*kst_symbol_name(table, i))
			s->wanted[s->nr_wanted++] =
				(struct ks_wanted){ .name = kst_symbol_name(table, i), .sym = i };
	}
	sort(s->wanted, s->nr_wanted, sizeof(*s->wanted), by_name, NULL);
	for (i = 0; i < s->nr_wanted; i++)
		s->wanted_of[s->wanted[i].sym] = i;
	ret = gather(s, u);
	return ret ? ret : arrange(s);
}

void ks_symbols_destroy(struct ks_symbols *s)
{
	kvfree(s->wanted);
	kvfree(s->wanted_of);
	kvfree(s->found);
	kvfree(s->addrs);
}

u32 ks_symbols_candidates(const struct ks_symbols *s, u32 sym, const u64 **list)
{
	const struct ks_wanted *w;

	if (s->wanted_of[sym] == KST_NONE)
		return 0;
	w = &s->wanted[s->wanted_of[sym]];
	*list = s->addrs + w->first;
	return w->count;
}
