// SPDX-License-Identifier: GPL-2.0-only
/*
 * The match of an update against this kernel: holds the targets, lets
 * symbol.c gather the candidates and solve.c work, and keeps what the update
 * needs later.  The table itself is init data of the old module and gone
 * afterwards.
 */
#define pr_fmt(fmt) "ksplice: " fmt

#include <linux/cpu.h>
#include <linux/jump_label.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "solve.h"
#include "symbol.h"
#include "update.h"

struct find {
	struct ksplice_update *u;
	struct kst_view table;
	struct ks_symbols symbols;
	struct ks_match match;
	u8 *state;
	u8 *absent; /* by target */
	const char *left_out; /* names with commas between */
};

static size_t op_read(void *ctx, u64 addr, void *buf, size_t len)
{
	const struct find *f = ctx;

	cond_resched();
	return ksplice_text_read(addr, buf, len, f->u->series);
}

static bool op_is_text(void *ctx, u32 target, u64 addr, u64 len)
{
	const struct find *f = ctx;
	const struct module *mod = f->u->targets[target].mod;
	u64 start = mod ? ks_module_text(mod) : ks_kernel.stext;
	u64 size = mod ? ks_module_text_size(mod) : ks_kernel.etext - ks_kernel.stext;
	const struct ksplice_update *owner;

	if (addr >= start && addr - start <= size)
		return len <= size - (addr - start);
	/* What an earlier update has put in its place is in that one's module. */
	owner = f->u->series ? ksplice_owner(addr) : NULL;
	if (!owner)
		return false;
	start = ks_module_text(owner->new);
	size = ks_module_text_size(owner->new);
	return addr >= start && addr - start <= size && len <= size - (addr - start);
}

static u64 op_follow(void *ctx, u64 addr)
{
	return ksplice_follow(addr);
}

static bool op_is_fentry(void *ctx, u64 addr)
{
	return ks_call(ftrace_location)(addr) == addr;
}

static bool op_is_return_thunk(void *ctx, u64 addr)
{
	if (!addr)
		return false;
	return addr == ks_kernel.return_thunk ||
	       (ks_kernel.return_thunk_now && addr == (unsigned long)*ks_kernel.return_thunk_now);
}

static u32 op_candidates(void *ctx, u32 sym, const u64 **list)
{
	const struct find *f = ctx;

	return ks_symbols_candidates(&f->symbols, sym, list);
}

static bool op_is_static_return(void *ctx, u64 addr)
{
	return addr && addr == ks_kernel.static_return;
}

static bool op_is_return0(void *ctx, u64 addr)
{
	return addr == ks_kernel.static_return0;
}

static bool op_is_paravirt_nop(void *ctx, u64 addr)
{
	return addr && (addr == ks_kernel.pv_nop || addr == ks_kernel.nop_func);
}

static u64 op_behind_thunk(void *ctx, u64 addr)
{
	u8 code[KS_CALL_THUNK_SIZE];

	if (!ks_kernel.call_thunk || op_read(ctx, addr, code, sizeof(code)) != sizeof(code) ||
	    !ks_is_call_thunk(code, addr))
		return addr;
	return addr + sizeof(code);
}

static bool op_is_depth_thunk(void *ctx, u64 addr, u32 reg, bool call)
{
	unsigned long array = call ? ks_kernel.depth_call_thunks : ks_kernel.depth_jump_thunks;

	return array && addr == array + reg * KS_THUNK_STRIDE;
}

static const struct ks_match_ops ops = {
	.read = op_read,
	.is_text = op_is_text,
	.is_fentry = op_is_fentry,
	.is_return_thunk = op_is_return_thunk,
	.candidates = op_candidates,
	.is_static_return = op_is_static_return,
	.is_return0 = op_is_return0,
	.is_paravirt_nop = op_is_paravirt_nop,
	.behind_thunk = op_behind_thunk,
	.is_depth_thunk = op_is_depth_thunk,
	.follow = op_follow,
};

static int allocate(struct find *f)
{
	const struct kst_view *t = &f->table;
	struct ks_match *m = &f->match;

	m->table = t;
	m->ops = &ops;
	m->ctx = f;
	m->text = ks_kernel.text;
	m->series = f->u->series;
	m->absent = f->absent;
	f->state = kvcalloc(t->nr_blocks + 1, 1, GFP_KERNEL);
	m->value = kvcalloc(t->nr_symbols + 1, sizeof(*m->value), GFP_KERNEL);
	m->known = kvcalloc(t->nr_symbols + 1, 1, GFP_KERNEL);
	m->queued = kvcalloc(t->nr_blocks + 1, 1, GFP_KERNEL);
	m->sym_log = kvcalloc(t->nr_symbols + 1, sizeof(*m->sym_log), GFP_KERNEL);
	m->block_log = kvcalloc(t->nr_blocks + 1, sizeof(*m->block_log), GFP_KERNEL);
	m->size = kvcalloc(t->nr_blocks + 1, sizeof(*m->size), GFP_KERNEL);
	m->run = kvmalloc(t->max_run + 1, GFP_KERNEL);
	m->places = kvcalloc(t->max_sites + 1, sizeof(*m->places), GFP_KERNEL);
	return f->state && m->value && m->known && m->queued && m->sym_log && m->block_log &&
			       m->size && m->run && m->places
		       ? 0
		       : -ENOMEM;
}

static void release(struct find *f)
{
	struct ks_match *m = &f->match;

	ks_symbols_destroy(&f->symbols);
	kvfree(f->state);
	kfree(f->absent);
	kvfree(m->value);
	kvfree(m->known);
	kvfree(m->queued);
	kvfree(m->sym_log);
	kvfree(m->block_log);
	kvfree(m->size);
	kvfree(m->run);
	kvfree(m->places);
}

/* From now on no target can be unloaded: the addresses that are found stay good. */
static int hold_targets(struct find *f)
{
	struct ksplice_update *u = f->u;
	u32 i;

	u->targets = kcalloc(f->table.nr_targets, sizeof(*u->targets), GFP_KERNEL);
	f->absent = kcalloc(f->table.nr_targets, 1, GFP_KERNEL);
	if (!u->targets || !f->absent)
		return ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, -ENOMEM, "no memory for the match");
	for (i = 0; i < f->table.nr_targets; i++) {
		const char *name = kst_string(&f->table, f->table.targets[i].name);
		int ret = 0;

		u->targets[i].name = kstrdup(name, GFP_KERNEL);
		u->nr_targets = i + 1;
		if (!u->targets[i].name)
			return ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, -ENOMEM,
					     "no memory for the match");
		if (!i)
			continue;
		if (ksplice_is_listed(f->left_out, name)) {
			u->targets[i].left_out = true;
			f->absent[i] = 1;
			ksplice_log(u, "left out: %s\n", name);
			continue;
		}
		u->targets[i].mod = ks_hold_module(name, &ret);
		if (ret == -ENOENT)
			return ksplice_abort(u, KSPLICE_TARGET_NOT_LOADED, -ENOENT,
					     "the kernel module %s is not loaded", name);
		if (ret)
			return ksplice_abort(u, KSPLICE_MODULE_BUSY, ret,
					     "the kernel module %s is being loaded or unloaded",
					     name);
		if (ksplice_update_hold(u, u->targets[i].mod))
			return ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, -ENOMEM,
					     "no memory for the match");
	}
	return 0;
}

static const char *block_name(const struct find *f, u32 block)
{
	const char *name = kst_symbol_name(&f->table, f->table.blocks[block].symbol);

	return *name ? name : "constant data";
}

/* Another build of a module (DKMS, or made by hand) has the same name and other code. */
static const char *module_hint(const struct find *f, u32 block)
{
	const struct kst_view *t = &f->table;
	const struct module *mod = f->u->targets[t->symbols[t->blocks[block].symbol].target].mod;

	return mod && test_bit(TAINT_OOT_MODULE, &mod->taints)
		       ? " (the module that is loaded is not the distribution's: it was built out of tree)"
		       : "";
}

/* A piece of data that is to be changed: it has no name of its own, its object does. */
static const struct kst_data *data_of(const struct find *f, u32 block)
{
	u32 i;

	for (i = 0; i < f->table.nr_data; i++)
		if (f->table.data[i].block == block)
			return &f->table.data[i];
	return NULL;
}

static int report_value(struct find *f, const struct kst_data *d)
{
	const struct ks_mismatch *x = &f->match.miss;

	return ksplice_abort(
		f->u, KSPLICE_NO_MATCH, -ENOEXEC,
		"%s: %s+0x%x: its value is not the initial one any more, so the update cannot change "
		"it: expected %*ph, found %*ph",
		kst_string(&f->table, f->table.blocks[x->block].unit),
		kst_symbol_name(&f->table, d->symbol), d->offset + x->offset, x->nr_expected,
		x->expected, x->nr_found, x->found);
}

static int report_mismatch(struct find *f)
{
	const struct ks_mismatch *x = &f->match.miss;
	const struct kst_data *d = data_of(f, x->block);
	const char *hint = module_hint(f, x->block);
	const char *unit = kst_string(&f->table, f->table.blocks[x->block].unit);
	const char *name = block_name(f, x->block);

	if (d && x->sym == KST_NONE)
		return report_value(f, d);

	if (x->sym != KST_NONE && x->value)
		return ksplice_abort(
			f->u, KSPLICE_NO_MATCH, -ENOEXEC,
			"%s: %s+0x%x: %s: %s, which would be %pS: expected %*ph, found %*ph%s", unit,
			name, x->offset, x->what, kst_symbol_name(&f->table, x->sym),
			(void *)(unsigned long)x->value, x->nr_expected, x->expected, x->nr_found,
			x->found, hint);
	if (x->sym != KST_NONE)
		return ksplice_abort(f->u, KSPLICE_NO_MATCH, -ENOEXEC, "%s: %s+0x%x: %s: %s%s", unit,
				     name, x->offset, x->what, kst_symbol_name(&f->table, x->sym), hint);
	return ksplice_abort(
		f->u, KSPLICE_NO_MATCH, -ENOEXEC, "%s: %s+0x%x: %s: expected %*ph, found %*ph%s%s",
		unit, name, x->offset, x->what, x->nr_expected, x->expected, x->nr_found, x->found,
		ks_find_kprobe(x->addr, 8) ? " (a kprobe is there; remove it first)" : "", hint);
}

/* Which places there are, counted from the start of the kernel: that says nothing of where it is.
 */
static int report_ambiguous(struct find *f, u32 sym)
{
	char places[160];
	const u64 *list;
	u32 n = ks_symbols_candidates(&f->symbols, sym, &list), i;
	int len = 0;

	for (i = 0; i < n; i++)
		len += scnprintf(places + len, sizeof(places) - len, " _text+0x%llx",
				 list[i] - ks_kernel.text);
	return ksplice_abort(f->u, KSPLICE_FAILED_TO_FIND, -ENOENT,
			     "%s: %u places in the running kernel have that name and nothing tells "
			     "them apart:%s",
			     kst_symbol_name(&f->table, sym), n, places);
}

static int report_not_found(struct find *f, u32 sym)
{
	const char *name = kst_symbol_name(&f->table, sym);

	return ksplice_abort(f->u, KSPLICE_FAILED_TO_FIND, -ENOENT,
			     "%s: no place in the running kernel is known for it",
			     *name ? name : "constant data");
}

static void log_blocks(struct find *f)
{
	static const char *const states[] = { "open", "matched", "skipped" };
	u32 i;

	for (i = 0; i < f->table.nr_blocks; i++)
		if (f->table.blocks[i].kind == KST_TEXT)
			ksplice_log(f->u, "%s %s at %llx\n", states[f->state[i]], block_name(f, i),
				    f->match.value[f->table.blocks[i].symbol]);
}

/* The old functions and their unlikely parts: what the stack check looks for. */
static int keep_ranges(struct find *f)
{
	const struct kst_view *t = &f->table;
	struct ksplice_update *u = f->u;
	u32 i, n = 0;

	for (i = 0; i < t->nr_patches; i++)
		if (!ks_match_absent(&f->match, t->blocks[t->patches[i].block].symbol))
			f->state[t->patches[i].block] |= 0x80;
	for (i = 0; i < t->nr_blocks; i++) {
		if (t->blocks[i].kind == KST_TEXT && (t->blocks[i].flags & KST_BLOCK_PATCHED_PART) &&
		    !ks_match_absent(&f->match, t->blocks[i].symbol))
			f->state[i] |= 0x80;
		n += f->state[i] >> 7;
	}
	u->ranges = kvcalloc(n, sizeof(*u->ranges), GFP_KERNEL);
	u->range_names = kvcalloc(n, sizeof(*u->range_names), GFP_KERNEL);
	if (!u->ranges || !u->range_names)
		return -ENOMEM;
	for (i = 0; i < t->nr_blocks; i++) {
		const struct kst_block *b = &t->blocks[i];
		struct ksplice_range *r = &u->ranges[u->nr_ranges];

		if (!(f->state[i] >> 7))
			continue;
		r->name = u->range_names[u->nr_ranges] = kstrdup(block_name(f, i), GFP_KERNEL);
		r->start = f->match.value[b->symbol];
		r->end = r->start + f->match.size[i];
		u->nr_ranges++;
		if (!r->name)
			return -ENOMEM;
	}
	ksplice_ranges_sort(u->ranges, u->nr_ranges);
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
	u->table_patches = t->nr_patches;
	u->busy_ranges = kvcalloc(t->nr_patches + 1, sizeof(*u->busy_ranges), GFP_KERNEL);
	if (!u->busy_ranges)
		return -ENOMEM;
	for (i = 0; i < t->nr_patches; i++) {
		const struct kst_block *b = &t->blocks[t->patches[i].block];
		struct ksplice_patch *p = &u->patches[u->nr_patches];

		if (ks_match_absent(&f->match, b->symbol))
			continue;
		p->index = i;
		p->target = t->symbols[b->symbol].target;
		p->old_addr = f->match.value[b->symbol];
		p->old_size = f->match.size[t->patches[i].block];
		p->slot = t->patches[i].slot;
		p->by_tracer = t->patches[i].kind == KST_P_TRACED;
		p->name = kstrdup(kst_symbol_name(t, b->symbol), GFP_KERNEL);
		if (!p->name)
			return -ENOMEM;
		u->nr_patches++; /* what is counted has a name: it is shown in sysfs */
		if (!p->by_tracer &&
		    (KS_FAULT("ksplice_text_read") ||
		     ksplice_text_read(p->old_addr + p->slot, p->original, KSPLICE_JUMP_SIZE,
				       false) != KSPLICE_JUMP_SIZE))
			return -EFAULT;
	}
	return 0;
}

static int keep_data(struct find *f)
{
	const struct kst_view *t = &f->table;
	struct ksplice_update *u = f->u;
	u32 i;

	u->data = kvcalloc(t->nr_data, sizeof(*u->data), GFP_KERNEL);
	if (!u->data)
		return -ENOMEM;
	u->table_data = t->nr_data;
	for (i = 0; i < t->nr_data; i++) {
		const struct kst_block *b = &t->blocks[t->data[i].block];
		struct ksplice_data *d = &u->data[u->nr_data];

		if (ks_match_absent(&f->match, t->data[i].symbol))
			continue;
		u->nr_data++;
		d->index = i;
		d->addr = f->match.value[t->data[i].symbol] + t->data[i].offset;
		d->size = b->size;
		d->writable = t->data[i].flags & KST_DATA_WRITABLE;
		d->name = kasprintf(GFP_KERNEL, "%s+0x%x", kst_symbol_name(t, t->data[i].symbol),
				    t->data[i].offset);
		d->original = kvmalloc(d->size, GFP_KERNEL);
		if (!d->name || !d->original)
			return -ENOMEM;
		if (KS_FAULT("ksplice_text_read") ||
		    ksplice_text_read(d->addr, d->original, d->size, u->series) != d->size)
			return -EFAULT;
	}
	return 0;
}

static bool uses(const struct find *f, const struct ksplice_update *other)
{
	u32 i;

	for (i = 0; i < f->table.nr_symbols; i++)
		if (f->match.known[i] && within_module_core(f->match.value[i], other->new))
			return true;
	return ksplice_data_overlaps(f->u, other, &i);
}

/* The updates that this one builds on stay until it is gone. */
static int hold_updates(struct find *f)
{
	struct ksplice_update *other;

	if (!f->u->series)
		return 0;
	list_for_each_entry(other, &ksplice_updates, list) {
		if (other == f->u || other->stage != KSPLICE_APPLIED || !uses(f, other))
			continue;
		__module_get(other->new); /* as the update itself does while it is applied */
		if (ksplice_update_hold(f->u, other->new))
			return ksplice_abort(f->u, KSPLICE_OUT_OF_MEMORY, -ENOMEM,
					     "no memory for the match");
		ksplice_log(f->u, "builds on update %s\n", other->id);
	}
	return 0;
}

/* The value of a branch on a static key that can no longer change. */
static int branch_value(struct find *f, const struct kst_export *e, u64 *value)
{
	u64 key = f->match.value[e->symbol];
	const struct module *mod = f->u->targets[f->table.symbols[e->symbol].target].mod;
	s32 enabled;

	if (!ks_is_ro_after_init(mod, key, sizeof(struct static_key)))
		return ksplice_abort(f->u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "its new code takes the static key %s for one that cannot change",
				     kst_symbol_name(&f->table, e->symbol));
	if (KS_FAULT("ksplice_text_read") ||
	    ksplice_text_read(key, &enabled, sizeof(enabled), true) != sizeof(enabled))
		return ksplice_abort(f->u, KSPLICE_FAILED_TO_FIND, -EFAULT,
				     "the static key %s cannot be read",
				     kst_symbol_name(&f->table, e->symbol));
	/* static_key_count(): -1 is a key on its way to 1. */
	*value = enabled ? (s64)e->on : (s64)e->off;
	return 0;
}

static int shift_value(struct find *f, const struct kst_export *e, u64 *value)
{
	u8 count;

	if (op_read(f, f->match.value[e->symbol], &count, 1) != 1 || count >= 64)
		return ksplice_abort(f->u, KSPLICE_FAILED_TO_FIND, -EINVAL,
				     "%s: the value of a runtime constant is no shift count",
				     kst_symbol_name(&f->table, e->symbol));
	*value = (u64)count << 24;
	return 0;
}

static int check_pointer(struct find *f, const struct kst_export *e, u64 addr)
{
	/* A module's code may refer to the kernel's functions, too. */
	u32 target = f->table.symbols[e->symbol].target;
	u8 code[4];

	if (!ks_ibt_is_on() ||
	    (!op_is_text(f, 0, addr, sizeof(code)) && !op_is_text(f, target, addr, sizeof(code))) ||
	    op_read(f, addr, code, sizeof(code)) != sizeof(code) || !ks_is_sealed(code))
		return 0;
	return ksplice_abort(f->u, KSPLICE_FAILED_TO_FIND, -EPERM,
			     "the new code has a pointer to %s, which the kernel has sealed against calls through pointers, and the CPU enforces that (IBT); let the patch have such a pointer to a function of its own instead",
			     kst_symbol_name(&f->table, e->symbol));
}

static int fill_exports(struct find *f, const struct ksplice_old *old)
{
	u32 i;

	for (i = 0; i < f->table.nr_exports; i++) {
		const struct kst_export *e = &f->table.exports[i];
		u64 value = f->match.value[e->symbol];
		int ret = 0;
		s64 rel;

		if (ks_match_absent(&f->match, e->symbol))
			value = e->kind == KST_E_ADDRESS || e->kind == KST_E_POINTER ?
					(unsigned long)&old->nothing[i] : 0;
		else if (e->kind == KST_E_BRANCH)
			ret = branch_value(f, e, &value);
		else if (e->kind == KST_E_SHIFT)
			ret = shift_value(f, e, &value);
		else if (e->kind == KST_E_POINTER)
			ret = check_pointer(f, e, value);
		if (ret)
			return ret;
		rel = value - (u64)&old->exports[i].value;
		/* The last one is the point: there, all others are filled in. */
		if (rel != (s32)rel || (i + 1 == f->table.nr_exports && KS_FAULT("reach")))
			return ksplice_abort(f->u, KSPLICE_FAILED_TO_FIND, -ERANGE,
					     "%s is too far away from the modules",
					     kst_symbol_name(&f->table, e->symbol));
		old->exports[i].value = rel;
	}
	return 0;
}

/*
 * With text_mutex nobody writes text meanwhile: no half-written jump label, no
 * int3 of text_poke_bp().  With static_call_mutex no static call's key is
 * ahead of its call sites.
 */
static int solve(struct find *f)
{
	struct ksplice_update *u = f->u;
	enum ks_solve_result result;
	u64 start = ktime_get_ns();
	u32 what = 0, i;
	int ret = 0;

	cpus_read_lock();
	mutex_lock(ks_kernel.static_call_mutex);
	mutex_lock(ks_kernel.text_mutex);
	result = KS_FAULT("ks_solve") ? KS_SOLVE_NOT_FOUND : ks_solve(&f->match, f->state, &what);
	u->match_ns = ktime_get_ns() - start;
	for (i = 0; i < f->table.nr_blocks; i++)
		u->match_skipped += f->state[i] == KS_BLOCK_SKIPPED;
	log_blocks(f);
	if (result == KS_SOLVED) {
		ret = keep_patches(f);
		if (!ret)
			ret = keep_data(f);
		if (!ret)
			ret = keep_ranges(f);
	}
	mutex_unlock(ks_kernel.text_mutex);
	mutex_unlock(ks_kernel.static_call_mutex);
	cpus_read_unlock();
	u->match_bytes = f->match.bytes;
	u->match_sites = f->match.sites;
	u->match_blocks = f->table.nr_blocks;
	switch (result) {
	case KS_SOLVE_NO_MATCH:
		return report_mismatch(f);
	case KS_SOLVE_AMBIGUOUS:
		return report_ambiguous(f, what);
	case KS_SOLVE_NOT_FOUND:
		return report_not_found(f, what);
	case KS_SOLVED:
		break;
	}
	if (ret == -EFAULT)
		return ksplice_abort(u, KSPLICE_UNEXPECTED, ret,
				     "what was matched cannot be read any more");
	return ret ? ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, ret, "no memory for the update") : 0;
}

static int run(struct find *f, const struct ksplice_old *old)
{
	const char *why;
	int ret;

	if (kst_open(old->table, old->table_size, &f->table, &why))
		return ksplice_abort(f->u, KSPLICE_BAD_UPDATE, -EINVAL, "match table: %s", why);
	if (f->table.nr_exports != old->nr_exports)
		return ksplice_abort(f->u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "match table: it has %u exports, its module %u",
				     f->table.nr_exports, old->nr_exports);
	f->left_out = old->nothing ? old->left_out : NULL;
	ret = hold_targets(f);
	if (ret)
		return ret;
	ret = allocate(f);
	if (!ret)
		ret = ks_symbols_create(&f->symbols, &f->table, f->u);
	if (ret)
		return ksplice_abort(f->u, KSPLICE_OUT_OF_MEMORY, ret, "no memory for the match");
	ret = solve(f);
	if (!ret)
		ret = hold_updates(f);
	return ret ? ret : fill_exports(f, old);
}

/* While this update is matched, those that it replaces leave no trace. */
static void mark_leaving(const struct ksplice_update *u, bool leaving)
{
	struct ksplice_update *other;

	list_for_each_entry(other, &ksplice_updates, list)
		other->leaving = leaving && ksplice_replaces(u, other);
}

static int take_terms(struct ksplice_update *u, const struct ksplice_old *old)
{
	/* What else is in it, this version says. */
	if (old->abi != KSPLICE_CORE_ABI)
		return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "it was made for version %u of the core; this is version %u",
				     old->abi, KSPLICE_CORE_ABI);
	u->series = old->series;
	if (!old->replaces || !*old->replaces)
		return 0;
	if (u->series)
		return ksplice_abort(u, KSPLICE_BAD_UPDATE, -EINVAL,
				     "an update that builds on others cannot replace any");
	u->replaces = kstrdup(old->replaces, GFP_KERNEL);
	if (!u->replaces)
		return ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, -ENOMEM, "no memory for the match");
	return ksplice_check_replaced(u);
}

int ksplice_find_all(struct ksplice_update *u, const struct ksplice_old *old)
{
	struct find *f = kzalloc(sizeof(*f), GFP_KERNEL);
	int ret;

	if (!f)
		return ksplice_abort(u, KSPLICE_OUT_OF_MEMORY, -ENOMEM, "no memory for the match");
	f->u = u;
	ret = take_terms(u, old);
	if (!ret) {
		mark_leaving(u, true);
		ret = run(f, old);
		mark_leaving(u, false);
	}
	release(f);
	kfree(f);
	return ret;
}
