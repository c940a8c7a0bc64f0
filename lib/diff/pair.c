// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairing atoms of pre and post; see pair.h.
 *
 * Theory of operation.  (1) Names that the programmer wrote are paired at
 * once: globals by name, locals where the name is the only one of its kind on
 * both sides.  (2) Compiler-numbered constants (__func__.3, CSWTCH.7) are
 * paired by content, in order.  (3) Every pair of functions is compared.  Two
 * functions with equal code refer to corresponding things at corresponding
 * places, so refs to numbered names that are not paired yet pair them: say
 * printk_once() in f uses __already_done.4 in pre and __already_done.5 in
 * post, at the same instruction of equal code: they are the same variable.
 * A pairing is kept only if the whole function is equal, and may make other
 * functions equal: repeat until nothing changes.  A table of a known name does
 * the same for what it points to: the constants that stand in an initializer
 * (__compound_literal.2) are those of their slot, or of their content where
 * only one on each side has it.  (4) What is left belongs to functions that did
 * change.  A static local is paired if base name and the
 * functions that use it leave one candidate on each side.  Anything else is
 * ambiguous, and the diff refuses it if new code needs it, unless the object
 * is of the kind where a fresh copy does no harm (once flags, ratelimits).
 */
#include "diff/pair.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "diff/special.h"

struct trial {
	KS_VEC(struct ks_atom *) pre; /* paired during this trial, to be undone */
};

static bool atoms_equal(struct ks_atom *pre, struct ks_atom *post, struct trial *trial, int depth);

char *ks_base_name(const char *name)
{
	struct ks_buf out = { 0 };

	for (const char *p = name; *p;) {
		const char *dot = strchr(p + 1, '.');
		size_t len = dot ? (size_t)(dot - p) : strlen(p);
		bool digits = len > 1 && *p == '.';

		for (size_t i = 1; digits && i < len; i++)
			digits = isdigit((unsigned char)p[i]);
		if (!digits)
			ks_buf_add(&out, p, len);
		p += len;
	}
	/* Names that macros make of __COUNTER__ and __LINE__. */
	if (ks_str_starts(name, "__UNIQUE_ID_") || ks_str_starts(name, "__BTF_ID__"))
		while (out.len && isdigit((unsigned char)out.data[out.len - 1]))
			out.data[--out.len] = 0;
	return ks_buf_steal(&out);
}

static bool numbered(const char *name)
{
	char *base = ks_base_name(name);
	bool differs = strcmp(base, name) != 0;

	free(base);
	return differs;
}

/* Constants that the compiler or a macro makes afresh for every use. */
static bool generated_constant(const struct ks_atom *a)
{
	return a->kind == KS_RODATA && *a->name && numbered(a->name) &&
	       (ks_str_starts(a->name, "__func__.") || ks_str_starts(a->name, "__PRETTY_FUNCTION__.") ||
		ks_str_starts(a->name, "__FUNCTION__.") || ks_str_starts(a->name, "CSWTCH.") ||
		ks_str_starts(a->name, "C."));
}

static bool kinds_agree(const struct ks_atom *a, const struct ks_atom *b)
{
	return ks_atom_is_code(a) == ks_atom_is_code(b) && a->discarded == b->discarded;
}

static void join(struct ks_atom *pre, struct ks_atom *post)
{
	pre->pair = post;
	post->pair = pre;
}

/* May these two be paired on the evidence of equal code that refers to them? */
static bool may_pair(struct ks_atom *pre, struct ks_atom *post)
{
	char *a, *b;
	bool same;

	if (pre->pair || post->pair || !*pre->name || !*post->name || pre->kind != post->kind ||
	    pre->size != post->size || !kinds_agree(pre, post))
		return false;
	a = ks_base_name(pre->name);
	b = ks_base_name(post->name);
	same = !strcmp(a, b) && strcmp(a, pre->name) && strcmp(b, post->name);
	free(a);
	free(b);
	return same;
}

static bool refs_equal(const struct ks_ref *a, const struct ks_ref *b, struct trial *trial, int depth)
{
	if (a->offset != b->offset || a->size != b->size || a->addend != b->addend ||
	    a->bias != b->bias)
		return false;
	/* The compiler's choice between PC32 and PLT32 has no meaning for us. */
	if (a->type != b->type && !(ks_reloc_pcrel(a->type) && ks_reloc_pcrel(b->type)))
		return false;
	if (!a->atom || !b->atom)
		return !a->atom && !b->atom && !strcmp(a->name, b->name);
	if (a->atom->pair || b->atom->pair)
		return a->atom->pair == b->atom;
	if (!*a->atom->name && !*b->atom->name)
		return a->atom->kind == b->atom->kind && atoms_equal(a->atom, b->atom, trial, depth + 1);
	if (generated_constant(a->atom) || generated_constant(b->atom) ||
	    !may_pair(a->atom, b->atom))
		return false;
	if (!trial)
		return false;
	join(a->atom, b->atom);
	*ks_vec_push(&trial->pre) = a->atom;
	return true;
}

/* Bytes outside relocated fields. */
static bool bytes_equal(const struct ks_atom *pre, const struct ks_atom *post)
{
	uint32_t at = 0;

	if (!pre->data || !post->data)
		return !pre->data && !post->data;
	ks_vec_for(&pre->refs, ref) {
		if (ref->offset < at)
			return false;
		if (memcmp(pre->data + at, post->data + at, ref->offset - at))
			return false;
		at = ref->offset + ref->size;
	}
	return !memcmp(pre->data + at, post->data + at, pre->size - at);
}

/* Fields of an entry that no relocation fills in and that matter. */
static bool raw_equal(const struct ks_special *a, const struct ks_special *b)
{
	struct ks_alt_fields x, y;

	switch (a->kind) {
	case KS_SP_ALT:
		x = ks_special_alt(a);
		y = ks_special_alt(b);
		return x.feature == y.feature && x.length == y.length && x.replacement == y.replacement;
	case KS_SP_PARAVIRT:
		return a->raw[8] == b->raw[8] && a->raw[9] == b->raw[9];
	case KS_SP_BUG:
		/*
		 * Flags and line.  Lines of code that a patch moves stay what they
		 * were (lib/build/lines.c), so another line is another WARN.
		 */
		return !memcmp(a->raw + 8, b->raw + 8, a->size - 8);
	case KS_SP_EXTABLE:
		return !memcmp(a->raw + 8, b->raw + 8, a->size - 8);
	default:
		return true;
	}
}

static bool specials_equal(struct ks_atom *pre, struct ks_atom *post, struct trial *trial, int depth)
{
	size_t i = 0, j = 0;

	for (;; i++, j++) {
		const struct ks_special *a, *b;

		while (i < pre->specials.len && ks_special_layout(pre->specials.v[i].kind)->follows_code)
			i++;
		while (j < post->specials.len && ks_special_layout(post->specials.v[j].kind)->follows_code)
			j++;
		if (i == pre->specials.len || j == post->specials.len)
			return i == pre->specials.len && j == post->specials.len;
		a = &pre->specials.v[i];
		b = &post->specials.v[j];
		if (a->kind != b->kind || a->offset != b->offset || a->size != b->size ||
		    a->nr_refs != b->nr_refs || !raw_equal(a, b))
			return false;
		for (uint32_t n = 1; n < a->nr_refs; n++) {
			/*
			 * Where the field lies in its entry has no meaning here, and
			 * an empty replacement is nowhere.
			 */
			if (a->kind == KS_SP_ALT && !ks_special_alt(a).replacement)
				continue;
			/* A target within the function: the function itself, not its content again. */
			if (a->refs[n].atom == pre && b->refs[n].atom == post) {
				if (a->refs[n].addend != b->refs[n].addend)
					return false;
				continue;
			}
			if (!refs_equal(&a->refs[n], &b->refs[n], trial, depth))
				return false;
		}
	}
}

static bool atoms_equal(struct ks_atom *pre, struct ks_atom *post, struct trial *trial, int depth)
{
	if (depth > 8 || pre->size != post->size || pre->refs.len != post->refs.len ||
	    !bytes_equal(pre, post))
		return false;
	for (size_t i = 0; i < pre->refs.len; i++) {
		const struct ks_ref *a = &pre->refs.v[i], *b = &post->refs.v[i];

		if (a->atom == pre && b->atom == post) {
			if (a->offset != b->offset || a->addend != b->addend)
				return false;
			continue;
		}
		if (!refs_equal(a, b, trial, depth))
			return false;
	}
	return specials_equal(pre, post, trial, depth);
}

bool ks_atoms_equal(struct ks_atom *pre, struct ks_atom *post)
{
	return atoms_equal(pre, post, NULL, 0);
}

static bool try_equal(struct ks_atom *pre, struct ks_atom *post)
{
	struct trial trial = { 0 };
	bool equal = atoms_equal(pre, post, &trial, 0);

	if (!equal)
		ks_vec_for(&trial.pre, a) {
			(*a)->pair->pair = NULL;
			(*a)->pair = NULL;
		}
	ks_vec_free(&trial.pre);
	return equal;
}

/* Atoms of a unit by base name: sorted, so that both sides can be merged. */
struct named {
	char *base;
	struct ks_atom *atom;
};

struct names {
	KS_VEC(struct named) list;
};

static int by_base(const void *x, const void *y)
{
	const struct named *a = x, *b = y;
	int order = strcmp(a->base, b->base);

	if (order)
		return order;
	return a->atom->index < b->atom->index ? -1 : a->atom->index > b->atom->index;
}

struct sides {
	struct ks_unit *pre, *post;
};

static void names_build(struct ks_unit *u, struct names *names)
{
	ks_vec_for(&u->atoms, it)
		if (*(*it)->name) {
			struct named *n = ks_vec_push(&names->list);

			n->base = ks_base_name((*it)->name);
			n->atom = *it;
		}
	if (names->list.len)
		qsort(names->list.v, names->list.len, sizeof(*names->list.v), by_base);
}

static void names_free(struct names *names)
{
	ks_vec_for(&names->list, n)
		free(n->base);
	ks_vec_free(&names->list);
}

/* Calls @fn for each group of equal base names that both sides have. */
static void for_groups(const struct sides *s, struct names *a, struct names *b,
		       void (*fn)(const struct sides *s, struct named *a, size_t na, struct named *b,
				  size_t nb))
{
	size_t i = 0, j = 0;

	while (i < a->list.len && j < b->list.len) {
		int order = strcmp(a->list.v[i].base, b->list.v[j].base);
		size_t ni = i, nj = j;

		if (order < 0) {
			i++;
			continue;
		}
		if (order > 0) {
			j++;
			continue;
		}
		while (ni < a->list.len && !strcmp(a->list.v[ni].base, a->list.v[i].base))
			ni++;
		while (nj < b->list.len && !strcmp(b->list.v[nj].base, b->list.v[j].base))
			nj++;
		fn(s, &a->list.v[i], ni - i, &b->list.v[j], nj - j);
		i = ni;
		j = nj;
	}
}

/* Step 1 and 2: what names and contents decide. */
static void pair_by_name(__attribute__((unused)) const struct sides *s, struct named *a, size_t na,
			 struct named *b, size_t nb)
{
	for (size_t i = 0; i < na; i++)
		for (size_t j = 0; j < nb; j++) {
			struct ks_atom *x = a[i].atom, *y = b[j].atom;

			if (x->pair || y->pair || !kinds_agree(x, y))
				continue;
			if (generated_constant(x) && generated_constant(y)) {
				if (ks_atoms_equal(x, y))
					join(x, y);
			} else if (!strcmp(x->name, y->name) && !numbered(x->name)) {
				join(x, y);
			} else if (ks_atom_is_code(x) && na == 1 && nb == 1) {
				join(x, y); /* f.isra.0 and f.isra.1 */
			}
		}
}

/* The base names of the functions that refer to an atom, "a b c", sorted. */
static char *owners(struct ks_unit *u, struct ks_atom *a)
{
	struct ks_strv names = { 0 };
	struct ks_buf out = { 0 };

	ks_vec_for(&u->atoms, it)
		ks_vec_for(&(*it)->refs, ref)
			if (ref->atom == a && *(*it)->name) {
				char *base = ks_base_name((*it)->name);
				char *cold = strstr(base, ".cold");

				if (cold)
					*cold = 0;
				if (!ks_strv_has(&names, base))
					ks_strv_add(&names, base);
				free(base);
				break;
			}
	ks_strv_sort(&names);
	for (size_t i = 0; i < names.len; i++)
		ks_buf_addf(&out, "%s ", names.v[i]);
	ks_strv_free(&names);
	return ks_buf_steal(&out);
}

static bool share_owner(const char *a, const char *b)
{
	char *copy = ks_strdup(a), *save = NULL;
	bool found = false;

	for (char *w = strtok_r(copy, " ", &save); w && !found; w = strtok_r(NULL, " ", &save)) {
		char *with_space = ks_asprintf(" %s ", w), *list = ks_asprintf(" %s", b);

		found = strstr(list, with_space) != NULL;
		free(with_space);
		free(list);
	}
	free(copy);
	return found;
}

/* Step 4: numbered variables of functions that changed. */
static void pair_by_owner(const struct sides *s, struct named *a, size_t na,
			 struct named *b, size_t nb)
{
	char **oa = ks_alloc(na * sizeof(*oa)), **ob = ks_alloc(nb * sizeof(*ob));

	for (size_t i = 0; i < na; i++)
		if (!a[i].atom->pair && !ks_atom_is_code(a[i].atom) && !generated_constant(a[i].atom))
			oa[i] = owners(s->pre, a[i].atom);
	for (size_t j = 0; j < nb; j++)
		if (!b[j].atom->pair && !ks_atom_is_code(b[j].atom) && !generated_constant(b[j].atom))
			ob[j] = owners(s->post, b[j].atom);
	for (size_t i = 0; i < na; i++) {
		size_t matches = 0, back = 0, last = 0;

		if (!oa[i] || a[i].atom->pair)
			continue;
		for (size_t j = 0; j < nb; j++)
			if (ob[j] && !b[j].atom->pair && a[i].atom->discarded == b[j].atom->discarded &&
			    share_owner(oa[i], ob[j])) {
				matches++;
				last = j;
			}
		for (size_t k = 0; matches == 1 && k < na; k++)
			if (oa[k] && !a[k].atom->pair && share_owner(oa[k], ob[last]))
				back++;
		if (matches == 1 && back == 1)
			join(a[i].atom, b[last].atom);
	}
	for (size_t j = 0; j < nb; j++)
		for (size_t i = 0; i < na && ob[j] && !b[j].atom->pair; i++)
			if (oa[i] && !a[i].atom->pair)
				b[j].atom->mark |= KS_M_AMBIGUOUS;
	for (size_t i = 0; i < na; i++)
		free(oa[i]);
	for (size_t j = 0; j < nb; j++)
		free(ob[j]);
	free(oa);
	free(ob);
}

/* Numbered functions (constprop clones): those of equal content are the same. */
static void pair_clones(__attribute__((unused)) const struct sides *s, struct named *a, size_t na,
			 struct named *b, size_t nb)
{
	for (size_t i = 0; i < na; i++)
		for (size_t j = 0; j < nb; j++) {
			struct ks_atom *x = a[i].atom, *y = b[j].atom;

			if (!x->pair && !y->pair && x->kind == KS_FUNC && y->kind == KS_FUNC &&
			    kinds_agree(x, y) && numbered(x->name) && numbered(y->name) && try_equal(x, y))
				join(x, y);
		}
}

/* How many of @v have the content of @a, and are not paired; *last is one of them. */
static size_t count_equal(struct ks_atom *a, bool a_is_pre, struct named *v, size_t n, struct ks_atom **last)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		struct ks_atom *x = v[i].atom;

		if (x->pair || !kinds_agree(a, x) || !(a_is_pre ? ks_atoms_equal(a, x) : ks_atoms_equal(x, a)))
			continue;
		count++;
		*last = x;
	}
	return count;
}

static void pair_literals(__attribute__((unused)) const struct sides *s, struct named *a, size_t na,
			  struct named *b, size_t nb)
{
	struct ks_atom *post, *back;

	if (strcmp(a->base, "__compound_literal"))
		return;
	for (size_t i = 0; i < na; i++)
		if (!a[i].atom->pair && count_equal(a[i].atom, true, b, nb, &post) == 1 &&
		    count_equal(post, false, a, na, &back) == 1)
			join(a[i].atom, post);
}

/* What two tables of the same name point to at the same place. */
static bool pair_slots(struct ks_atom *pre, struct ks_atom *post)
{
	bool changed = false;
	size_t j = 0;

	ks_vec_for(&pre->refs, ref) {
		const struct ks_ref *other;

		while (j < post->refs.len && post->refs.v[j].offset < ref->offset)
			j++;
		other = j < post->refs.len ? &post->refs.v[j] : NULL;
		if (!other || other->offset != ref->offset || other->addend != ref->addend || !ref->atom ||
		    !other->atom || ks_atom_is_code(ref->atom) || !may_pair(ref->atom, other->atom))
			continue;
		join(ref->atom, other->atom);
		changed = true;
	}
	return changed;
}

static bool pair_by_slot(struct ks_unit *pre)
{
	bool changed = false;

	ks_vec_for(&pre->atoms, it)
		if (!ks_atom_is_code(*it) && (*it)->pair && *(*it)->name)
			changed |= pair_slots(*it, (*it)->pair);
	return changed;
}

static bool compare_all(struct ks_unit *pre)
{
	bool changed = false;

	ks_vec_for(&pre->atoms, it) {
		struct ks_atom *a = *it;

		if (!ks_atom_is_code(a) || !a->pair || (a->mark & KS_M_EQUAL) || !try_equal(a, a->pair))
			continue;
		a->mark |= KS_M_EQUAL;
		a->pair->mark |= KS_M_EQUAL;
		changed = true;
	}
	return changed;
}

void ks_pair_units(struct ks_unit *pre, struct ks_unit *post)
{
	const struct sides sides = { pre, post };
	struct names a = { 0 }, b = { 0 };

	names_build(pre, &a);
	names_build(post, &b);
	for_groups(&sides, &a, &b, pair_by_name);
	do {
		for_groups(&sides, &a, &b, pair_clones);
	} while (compare_all(pre));
	for_groups(&sides, &a, &b, pair_literals);
	do
		while (compare_all(pre))
			;
	while (pair_by_slot(pre));
	for_groups(&sides, &a, &b, pair_by_owner);
	while (compare_all(pre))
		;
	names_free(&a);
	names_free(&b);
}
