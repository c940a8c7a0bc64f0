// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sections whose entries are collected; see collected.h.
 *
 * A running kernel has collected them: what a patch adds, changes or removes
 * there would be lost.  For some that does no harm and is said; for all
 * others, known or not, the patch is refused.  Example: DECLARE_PCI_FIXUP_*
 * puts entries into .pci_fixup_suspend, and only the linker makes a table of
 * them; the functions that they name would never be called.
 */
#include "diff/collected.h"

#include <stdlib.h>
#include <string.h>

#include "diff/special.h"

#define EXPORTS_STAY \
	"the running kernel's exports stay as they were: modules that are loaded later do not see the difference, code of this update does"

static const struct {
	const char *prefix;
	const char *effect; /* NULL: the patch is refused; "": nothing to say */
} collected[] = {
	{ "___ksymtab", EXPORTS_STAY },
	{ "__ksymtab", "" }, /* the strings of the above */
	/* 6.5 (commit ddb5cdbafaaa "kbuild: generate KSYMTAB entries by modpost"): of all symbols. */
	{ ".export_symbol", EXPORTS_STAY },
	{ ".initcall", "boot-time calls have run already" },
	{ ".con_initcall", "boot-time calls have run already" },
	{ ".security_initcall", "boot-time calls have run already" },
	{ ".exitcall", "only user-mode kernels use them" },
	{ ".init.setup", "only a boot reads its parameters" },
	{ "__param", "a parameter of a running kernel cannot come or go: a new one has its default" },
	{ "__modver", "the version that is shown stays" },
	{ ".modinfo", "" }, /* of a file on disk, which the update does not touch */
	{ "_error_injection_whitelist", "it is offered to error injection from the next boot on" },
	{ ".printk_index", "" }, /* a list of messages for debugging */
	{ "__earlycon_table", "only the boot reads it" },
	{ ".apicdrivers", "only the boot reads it" },
	{ ".parainit", "only the boot reads it" },
	{ ".x86_cpu_dev.init", "only the boot reads it" },
	/* Ordinary code and data, looked at elsewhere; and what is only for the build. */
	{ ".rodata", "" },
	{ ".data", "" },
	{ ".bss", "" },
	{ ".ref.", "" },
	{ ".meminit.", "" },
	{ ".init.", "" },
	{ ".exit.", "" },
	{ ".discard", "" },
	{ ".note", "" },
	{ ".orc_", "" },
	{ "__patchable_function_entries", "" }, /* where functions have padding in front; dropped by the link */
	{ ".altinstr_", "" },
	{ ".BTF_ids", "" },
	{ "__dyndbg", "" },
	{ ".ksplice_", "" }, /* notes for hooks.c */
	{ ".gnu.linkonce.this_module", "" },
};

/* -1: of no kind that is known. */
static int find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(collected) / sizeof(*collected); i++)
		if (ks_str_starts(name, collected[i].prefix))
			return i;
	return -1;
}

/* Of most known kinds the size tells all; the exports have one section for all symbols. */
static bool content_counts(const char *name)
{
	return find_kind(name) < 0 || !strcmp(name, ".export_symbol");
}

static char *describe_place(const struct ks_unit *u, const struct ks_section *sec,
			    const struct ks_reloc *rel)
{
	struct ks_ref ref;
	struct ks_error *err = ks_unit_resolve((struct ks_unit *)u, rel, 0, &ref);
	char *place, *base;

	if (err) {
		ks_error_free(err);
		return ks_asprintf("%s+0x%llx", sec->name, (unsigned long long)rel->offset);
	}
	place = ks_ref_describe(&ref);
	base = ks_base_name(place);
	free(place);
	return base;
}

static bool relocs_equal(const struct ks_unit *a, const struct ks_section *x, const struct ks_unit *b,
			 const struct ks_section *y)
{
	bool equal = x->relocs.len == y->relocs.len;

	for (size_t i = 0; equal && i < x->relocs.len; i++) {
		const struct ks_reloc *p = &x->relocs.v[i], *q = &y->relocs.v[i];
		char *s = describe_place(a, x, p), *t = describe_place(b, y, q);

		equal = p->offset == q->offset && p->type == q->type && !strcmp(s, t);
		free(s);
		free(t);
	}
	return equal;
}

static bool content_equal(const struct ks_unit *a, const struct ks_section *x, const struct ks_unit *b,
			  const struct ks_section *y)
{
	if (x->size != y->size || !x->data != !y->data)
		return false;
	/* Relocated fields are zero in the object. */
	return (!x->data || !memcmp(x->data, y->data, x->size)) && relocs_equal(a, x, b, y);
}

/* @verb: what the patch does to @sec. */
static void say(struct ks_diff *d, const struct ks_section *sec, const char *verb)
{
	int kind = find_kind(sec->name);
	const char *plus = strchr(sec->name, '+');

	if (kind >= 0 && collected[kind].effect) {
		if (*collected[kind].effect)
			ks_strv_addf(&d->skipped, "%s: %s: %s", plus ? plus + 1 : sec->name, verb,
				     collected[kind].effect);
		return;
	}
	ks_strv_addf(&d->refused,
		     "%s: section %s: entries are %s by the patch; the kernel has collected them when it was linked or booted, and would not see the difference",
		     d->post->name, sec->name, verb);
}

static bool concerns_us(const struct ks_section *sec)
{
	return (sec->flags & SHF_ALLOC) && sec->size && !(sec->flags & SHF_EXECINSTR) &&
	       !ks_special_by_section(sec->name);
}

void ks_collected_check(struct ks_diff *d)
{
	ks_vec_for(&d->post->obj->sections, sec) {
		struct ks_section *other = ks_object_section(d->pre->obj, sec->name);

		if (!concerns_us(sec))
			continue;
		if (!other || other->size < sec->size)
			say(d, sec, "added");
		else if (other->size == sec->size && content_counts(sec->name) &&
			 !content_equal(d->pre, other, d->post, sec))
			say(d, sec, "changed");
	}
	ks_vec_for(&d->pre->obj->sections, sec) {
		struct ks_section *other = ks_object_section(d->post->obj, sec->name);

		if (concerns_us(sec) && (!other || other->size < sec->size))
			say(d, sec, "removed");
	}
}
