// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data in pre and post; see data.h.
 *
 * The object in memory has lived since boot: its value is no longer the
 * initial one, and its layout is compiled into code that the update may not
 * know.  So a variable that exists on both sides must have the same size and
 * the same initial content, or the update is refused.
 */
#include "diff/data.h"

#include <stdlib.h>
#include <string.h>

#include "diff/special.h"

bool ks_data_fresh_copy_ok(const struct ks_atom *a)
{
	static const char *const names[] = { "__already_done", "__warned",   "__print_once", "_rs",
					     "__key",	       "__ret_once", "descriptor",   "__func__",
					     "__PRETTY_FUNCTION__", "__UNIQUE_ID_ddebug" };
	char *base = ks_base_name(a->name);
	bool ok = ks_str_starts(a->section->name, ".data.once") ||
		  ks_str_starts(a->section->name, ".data..once");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		ok |= !strcmp(base, names[i]);
	ok |= ks_str_starts(base, "__UNIQUE_ID_ddebug") || ks_str_starts(base, "CSWTCH");
	free(base);
	return ok;
}

static char *hex(const struct ks_atom *a)
{
	struct ks_buf out = { 0 };
	uint32_t n = a->size < 16 ? a->size : 16;

	for (uint32_t i = 0; i < n; i++)
		ks_buf_addf(&out, "%s%02x", i ? " " : "", a->data ? a->data[i] : 0);
	if (a->size > n)
		ks_buf_adds(&out, " ...");
	return ks_buf_steal(&out);
}

static void refuse_change(struct ks_diff *d, const struct ks_atom *pre, const struct ks_atom *post)
{
	char *text, *x = hex(pre), *y = hex(post);

	if (pre->size != post->size)
		text = ks_asprintf("%s: %s (section %s): its size changes from %u to %u bytes, which the running kernel cannot follow; keep the new data in an object of its own",
				   d->post->name, post->name, post->section->name, pre->size, post->size);
	else
		text = ks_asprintf("%s: %s (section %s): its initial value changes (%s -> %s), but the object has been in use since boot; keep the old value and change the code that uses it",
				   d->post->name, post->name, post->section->name, x, y);
	ks_strv_add(&d->refused, text);
	free(text);
	free(x);
	free(y);
}

/* The descriptor of a pr_debug(): its line may move; the other fields are pointers. */
static bool is_debug_descriptor(const struct ks_atom *a)
{
	return ks_str_starts(a->section->name, "__dyndbg");
}

static bool zero(const struct ks_atom *a)
{
	for (uint32_t i = 0; a->data && i < a->size; i++)
		if (a->data[i])
			return false;
	return !a->refs.len;
}

static bool content_equal(struct ks_atom *pre, struct ks_atom *post)
{
	if (pre->size != post->size)
		return false;
	if (zero(pre) && zero(post))
		return true;
	return ks_atoms_equal(pre, post);
}

static void check_pair(struct ks_diff *d, struct ks_atom *pre, struct ks_atom *post)
{
	if (content_equal(pre, post))
		return;
	if (pre->discarded) {
		ks_strv_addf(&d->skipped, "%s: in %s: only the boot uses it", post->name,
			     post->section->name);
		return;
	}
	if (is_debug_descriptor(post) && pre->size == post->size)
		return;
	refuse_change(d, pre, post);
}

/*
 * Sections without symbols of their own whose entries the boot or the module
 * loader reads: an entry that a patch adds, changes or removes would be lost.
 */
static const char *const registered[] = {
	"__param", "__tracepoints_ptrs", "_ftrace_events", "__bpf_raw_tp_map", "__syscalls_metadata",
	"_ftrace_eval_map", "__modver", ".init.setup", "__earlycon_table", "_error_injection_whitelist",
	".apicdrivers", ".parainit", ".x86_cpu_dev.init", ".data..shared_aligned",
};

static bool section_registered(const char *name)
{
	if (ks_str_starts(name, "___ksymtab") || ks_str_starts(name, "__ksymtab") ||
	    ks_str_starts(name, ".initcall") || ks_str_starts(name, ".con_initcall") ||
	    ks_str_starts(name, ".exitcall"))
		return true;
	for (size_t i = 0; i < sizeof(registered) / sizeof(*registered); i++)
		if (!strcmp(name, registered[i]))
			return true;
	return false;
}

static void check_sections(struct ks_diff *d, struct ks_unit *a, struct ks_unit *b, const char *verb)
{
	ks_vec_for(&a->obj->sections, sec) {
		struct ks_section *other;

		if (!(sec->flags & SHF_ALLOC) || !section_registered(sec->name))
			continue;
		other = ks_object_section(b->obj, sec->name);
		if (other && other->size == sec->size)
			continue;
		if (ks_str_starts(sec->name, ".initcall") || ks_str_starts(sec->name, ".con_initcall") ||
		    ks_str_starts(sec->name, ".exitcall"))
			ks_strv_addf(&d->skipped, "%s: boot-time calls %s: they have run already", sec->name, verb);
		else
			ks_strv_addf(&d->refused,
				     "%s: section %s: entries are %s by the patch; exports, parameters and tracepoints of a running kernel cannot change",
				     d->post->name, sec->name, verb);
	}
}

void ks_data_check(struct ks_diff *d)
{
	ks_vec_for(&d->pre->atoms, it)
		if (!ks_atom_is_code(*it) && *(*it)->name && (*it)->pair && (*it)->kind != KS_STRING)
			check_pair(d, *it, (*it)->pair);
	check_sections(d, d->post, d->pre, "added");
	check_sections(d, d->pre, d->post, "removed");
}
