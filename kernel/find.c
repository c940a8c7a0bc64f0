// SPDX-License-Identifier: GPL-2.0-only
/*
 * The match of an update against this kernel: gathers the candidates of all
 * names in one walk over kallsyms, lets solve.c work, and keeps what the
 * update needs later.  The table itself is init data of the old module and
 * gone afterwards.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "compat.h"
#include "solve.h"
#include "update.h"

struct candidate {
	u32 name; /* index among the wanted names */
	u64 addr;
};

struct wanted {
	const char *name;
	u32 sym;
	u32 first, count; /* its candidates, in addrs */
};

struct find {
	struct ksplice_update *u;
	struct kst_view table;
	struct ks_match match;
	struct wanted *wanted; /* sorted by name; one per symbol with a name */
	u32 nr_wanted;
	u32 *wanted_of;        /* [nr_symbols] index in wanted, or KST_NONE */
	struct candidate *found;
	u32 nr_found, cap_found;
	u64 *addrs;
	u8 *state;
	bool no_memory;
};

static int by_name(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->sym < y->sym ? -1 : 1;
}

static int by_wanted(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->name < y->name ? -1 : x->name > y->name;
}

/* The first of the wanted symbols with that name, or nr_wanted. */
static u32 lookup(const struct find *f, const char *name)
{
	u32 lo = 0, hi = f->nr_wanted;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (strcmp(f->wanted[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < f->nr_wanted && strcmp(f->wanted[lo].name, name))
		return f->nr_wanted;
	return lo;
}

static bool add_found(struct find *f, u32 name, u64 addr)
{
	if (f->nr_found == f->cap_found) {
		u32 cap = f->cap_found ? 2 * f->cap_found : 1024;
		struct candidate *more = kvmalloc_array(cap, sizeof(*more), GFP_KERNEL);

		if (!more) {
			f->no_memory = true;
			return false;
		}
		if (f->found)
			memcpy(more, f->found, f->nr_found * sizeof(*more));
		kvfree(f->found);
		f->found = more;
		f->cap_found = cap;
	}
	f->found[f->nr_found++] = (struct candidate){ name, addr };
	return true;
}

static KS_SYMBOL_CALLBACK(see_symbol)
{
	struct find *f = data;
	u32 i = lookup(f, sym);

	for (; i < f->nr_wanted && !strcmp(f->wanted[i].name, sym); i++)
		if (!add_found(f, i, addr))
			return -ENOMEM;
	return 0;
}

static int gather(struct find *f)
{
	u32 i, n;

	for (i = 0; i < f->table.nr_symbols; i++) {
		f->wanted_of[i] = KST_NONE;
		if (*kst_symbol_name(&f->table, i))
			f->wanted[f->nr_wanted++] =
				(struct wanted){ .name = kst_symbol_name(&f->table, i), .sym = i };
	}
	sort(f->wanted, f->nr_wanted, sizeof(*f->wanted), by_name, NULL);
	for (i = 0; i < f->nr_wanted; i++)
		f->wanted_of[f->wanted[i].sym] = i;
	ks_call(kallsyms_on_each_symbol)(see_symbol, f);
	if (f->no_memory)
		return -ENOMEM;
	sort(f->found, f->nr_found, sizeof(*f->found), by_wanted, NULL);
	f->addrs = kvmalloc_array(f->nr_found + 1, sizeof(*f->addrs), GFP_KERNEL);
	if (!f->addrs)
		return -ENOMEM;
	for (i = 0; i < f->nr_found; i = n) {
		struct wanted *w = &f->wanted[f->found[i].name];

		w->first = i;
		for (n = i; n < f->nr_found && f->found[n].name == f->found[i].name; n++)
			f->addrs[n] = f->found[n].addr;
		w->count = n - i;
	}
	return 0;
}

static size_t op_read(void *ctx, u64 addr, void *buf, size_t len)
{
	return ksplice_text_read(addr, buf, len);
}

static bool op_is_fentry(void *ctx, u64 addr)
{
	return ks_call(ftrace_location)(addr) == addr;
}

static bool op_is_return_thunk(void *ctx, u64 addr)
{
	unsigned int i;

	for (i = 0; i < ks_kernel.nr_return_thunks; i++)
		if (ks_kernel.return_thunks[i] == addr)
			return true;
	return false;
}

static u32 op_candidates(void *ctx, u32 sym, const u64 **list)
{
	struct find *f = ctx;
	const struct wanted *w = &f->wanted[f->wanted_of[sym]];

	*list = f->addrs + w->first;
	return w->count;
}

static bool op_is_return0(void *ctx, u64 addr)
{
	return addr == ks_kernel.static_call_return0;
}

static bool op_is_paravirt_nop(void *ctx, u64 addr)
{
	return ks_kernel.pv_nop && addr == ks_kernel.pv_nop;
}

static const struct ks_match_ops ops = {
	.read = op_read,
	.is_fentry = op_is_fentry,
	.is_return_thunk = op_is_return_thunk,
	.candidates = op_candidates,
	.is_return0 = op_is_return0,
	.is_paravirt_nop = op_is_paravirt_nop,
};

static int allocate(struct find *f)
{
	const struct kst_view *t = &f->table;
	struct ks_match *m = &f->match;

	m->table = t;
	m->ops = &ops;
	m->ctx = f;
	m->text = ks_kernel.text;
	f->wanted = kvcalloc(t->nr_symbols + 1, sizeof(*f->wanted), GFP_KERNEL);
	f->wanted_of = kvcalloc(t->nr_symbols + 1, sizeof(*f->wanted_of), GFP_KERNEL);
	f->state = kvcalloc(t->nr_blocks + 1, 1, GFP_KERNEL);
	m->value = kvcalloc(t->nr_symbols + 1, sizeof(*m->value), GFP_KERNEL);
	m->known = kvcalloc(t->nr_symbols + 1, 1, GFP_KERNEL);
	m->queued = kvcalloc(t->nr_blocks + 1, 1, GFP_KERNEL);
	m->sym_log = kvcalloc(t->nr_symbols + 1, sizeof(*m->sym_log), GFP_KERNEL);
	m->block_log = kvcalloc(t->nr_blocks + 1, sizeof(*m->block_log), GFP_KERNEL);
	m->run = kvmalloc(t->max_block + 1, GFP_KERNEL);
	m->site_end = kvcalloc(t->max_sites + 1, sizeof(*m->site_end), GFP_KERNEL);
	return f->wanted && f->wanted_of && f->state && m->value && m->known && m->queued &&
	       m->sym_log && m->block_log && m->run && m->site_end ? 0 : -ENOMEM;
}

static void release(struct find *f)
{
	struct ks_match *m = &f->match;

	kvfree(f->wanted);
	kvfree(f->wanted_of);
	kvfree(f->found);
	kvfree(f->addrs);
	kvfree(f->state);
	kvfree(m->value);
	kvfree(m->known);
	kvfree(m->queued);
	kvfree(m->sym_log);
	kvfree(m->block_log);
	kvfree(m->run);
	kvfree(m->site_end);
}

static bool kprobe_near(u64 addr, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		if (ks_call(get_kprobe)((void *)(unsigned long)(addr + i)))
			return true;
	return false;
}

static int report_mismatch(struct find *f)
{
	const struct ks_mismatch *x = &f->match.miss;
	const struct kst_block *b = &f->table.blocks[x->block];
	const char *name = kst_symbol_name(&f->table, b->symbol);

	if (x->sym != KST_NONE)
		return ksplice_abort(f->u, KSPLICE_NO_MATCH, -ENOEXEC, "%s: %s+0x%x: %s: %s",
				     kst_string(&f->table, b->unit), *name ? name : "constant data",
				     x->offset, x->what, kst_symbol_name(&f->table, x->sym));
	return ksplice_abort(f->u, KSPLICE_NO_MATCH, -ENOEXEC,
			     "%s: %s+0x%x: %s: expected %*ph, found %*ph%s",
			     kst_string(&f->table, b->unit), *name ? name : "constant data", x->offset,
			     x->what, x->nr_expected, x->expected, x->nr_found, x->found,
			     kprobe_near(x->addr, 8) ? " (a kprobe is there; remove it first)" : "");
}

/* The old functions' addresses, and what of them the stack check needs. */
static int range_order(const void *a, const void *b)
{
	const struct ksplice_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static bool is_patched(const struct kst_view *t, u32 block)
{
	u32 i;

	if (t->blocks[block].flags & KST_BLOCK_PATCHED_PART)
		return true;
	for (i = 0; i < t->nr_patches; i++)
		if (t->patches[i].block == block)
			return true;
	return false;
}

static int keep_ranges(struct find *f)
{
	const struct kst_view *t = &f->table;
	struct ksplice_update *u = f->u;
	u32 i, n = 0;

	for (i = 0; i < t->nr_blocks; i++)
		n += t->blocks[i].kind == KST_TEXT && is_patched(t, i);
	u->ranges = kvcalloc(n, sizeof(*u->ranges), GFP_KERNEL);
	u->range_names = kvcalloc(n, sizeof(*u->range_names), GFP_KERNEL);
	if (!u->ranges || !u->range_names)
		return -ENOMEM;
	u->nr_ranges = n;
	for (i = 0, n = 0; i < t->nr_blocks; i++) {
		const struct kst_block *b = &t->blocks[i];

		if (b->kind != KST_TEXT || !is_patched(t, i))
			continue;
		u->range_names[n] = kstrdup(kst_symbol_name(t, b->symbol), GFP_KERNEL);
		if (!u->range_names[n])
			return -ENOMEM;
		u->ranges[n].start = f->match.value[b->symbol];
		u->ranges[n].end = u->ranges[n].start + b->size;
		u->ranges[n].name = u->range_names[n];
		n++;
	}
	sort(u->ranges, n, sizeof(*u->ranges), range_order, NULL);
	return 0;
}

static int keep_patches(struct find *f)
{
	const struct kst_view *t = &f->table;
	struct ksplice_update *u = f->u;
	u32 i;

	u->patches = kvcalloc(t->nr_patches, sizeof(*u->patches), GFP_KERNEL);
	if (!u->patches)
		return -ENOMEM;
	u->nr_patches = t->nr_patches;
	for (i = 0; i < t->nr_patches; i++) {
		const struct kst_block *b = &t->blocks[t->patches[i].block];
		struct ksplice_patch *p = &u->patches[i];

		p->old_addr = f->match.value[b->symbol];
		p->old_size = b->size;
		p->slot = t->patches[i].slot;
		p->name = kstrdup(kst_symbol_name(t, b->symbol), GFP_KERNEL);
		if (!p->name)
			return -ENOMEM;
		if (ksplice_text_read(p->old_addr + p->slot, p->original, KSPLICE_JUMP_SIZE) !=
		    KSPLICE_JUMP_SIZE)
			return -EFAULT;
	}
	return 0;
}

static int fill_exports(struct find *f, const struct ksplice_old *old)
{
	u32 i;

	for (i = 0; i < f->table.nr_exports; i++) {
		s64 rel = f->match.value[f->table.exports[i]] - (u64)&old->exports[i].value;

		if (rel != (s32)rel)
			return ksplice_abort(f->u, KSPLICE_FAILED_TO_FIND, -ERANGE,
					     "%s is too far away from the modules",
					     kst_symbol_name(&f->table, f->table.exports[i]));
		old->exports[i].value = rel;
	}
	return 0;
}

static int match(struct find *f)
{
	struct ksplice_update *u = f->u;
	enum ks_solve_result result;
	u64 start = ktime_get_ns();
	u32 what = 0, i;

	/* Nobody patches text meanwhile: no half-written jump labels, no int3 of text_poke_bp(). */
	mutex_lock(ks_kernel.text_mutex);
	result = ks_solve(&f->match, f->state, &what);
	mutex_unlock(ks_kernel.text_mutex);
	u->match_ns = ktime_get_ns() - start;
	u->match_bytes = f->match.bytes;
	u->match_blocks = f->table.nr_blocks;
	u->match_skipped = 0;
	for (i = 0; i < f->table.nr_blocks; i++)
		u->match_skipped += f->state[i] == KS_BLOCK_SKIPPED;
	if (result == KS_SOLVE_NO_MATCH)
		return report_mismatch(f);
	if (result == KS_SOLVE_NOT_FOUND)
		return ksplice_abort(u, KSPLICE_FAILED_TO_FIND, -ENOENT,
				     "%s: no place in the running kernel fits, or more than one",
				     kst_symbol_name(&f->table, what));
	for (i = 0; i < f->table.nr_blocks; i++)
		if (f->table.blocks[i].kind == KST_TEXT)
			ksplice_log(u, "%s %s at %llx\n",
				    f->state[i] == KS_BLOCK_MATCHED ? "matched" : "skipped",
				    kst_symbol_name(&f->table, f->table.blocks[i].symbol),
				    f->match.value[f->table.blocks[i].symbol]);
	return 0;
}

static int run(struct find *f, const struct ksplice_old *old)
{
	const char *why;
	int ret;

	if (old->abi != KSPLICE_CORE_ABI)
		return ksplice_abort(f->u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "it was made for version %u of the core; this is version %u", old->abi,
				     KSPLICE_CORE_ABI);
	if (kst_open(old->table, old->table_size, &f->table, &why))
		return ksplice_abort(f->u, KSPLICE_BAD_UPDATE, -EINVAL, "match table: %s", why);
	if (f->table.nr_targets != 1 ||
	    strcmp(kst_string(&f->table, f->table.targets[0].name), "vmlinux"))
		return ksplice_abort(f->u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "it patches modules, which this version of the core cannot");
	if (f->table.nr_exports != old->nr_exports)
		return ksplice_abort(f->u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "match table: it has %u exports, its module %u", f->table.nr_exports,
				     old->nr_exports);
	ret = allocate(f);
	if (!ret)
		ret = gather(f);
	if (ret)
		return ksplice_abort(f->u, KSPLICE_OUT_OF_MEMORY, ret, "no memory for the match");
	ret = match(f);
	if (ret)
		return ret;
	ret = keep_ranges(f);
	if (!ret)
		ret = keep_patches(f);
	if (ret)
		return ksplice_abort(f->u, KSPLICE_OUT_OF_MEMORY, ret, "no memory for the update");
	return fill_exports(f, old);
}

int ksplice_find_all(struct ksplice_update *u, const struct ksplice_old *old)
{
	struct find *f = kzalloc(sizeof(*f), GFP_KERNEL);
	int ret;

	if (!f)
		return ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, -ENOMEM, "no memory for the match");
	f->u = u;
	ret = run(f, old);
	release(f);
	kfree(f);
	return ret;
}
