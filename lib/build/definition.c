// SPDX-License-Identifier: GPL-2.0-only
/*
 * Comparing two definitions of a type by their members; see definition.h.
 *
 * Members are paired by name.  What a member is called by its type does not
 * matter where the bits mean the same: atomic_t and refcount_t, int and
 * unsigned int, pointers to this and that.  A member of a struct that has a
 * name is one piece here; whether that struct changes is its own matter.
 *
 * A new member is compatible where the original has nothing at all, not even a
 * member that goes.  One that is but another name of a member in its place
 * (struct_group() adds these) is none.
 */
#include "build/definition.h"

#include <stdlib.h>
#include <string.h>

/* Of one sort of change, so many are named; all others are a number. */
#define SHOWN 2

struct comparison {
	const struct ks_types *pre_types, *post_types;
	const struct ks_type *pre, *post;
	struct ks_strv gone, added, moved, resized, retyped;
	bool incompatible;
};

static const struct ks_member *find_member(const struct ks_type *t, const char *path)
{
	ks_vec_for(&t->members, m)
		if (!strcmp(m->path, path))
			return m;
	return NULL;
}

/* "96", "96, bit 3"; the caller frees. */
static char *place(const struct ks_member *m)
{
	unsigned long long byte = m->offset / 8, bit = m->offset % 8;

	return m->bitfield ? ks_asprintf("%llu, bit %llu", byte, bit) : ks_asprintf("%llu", byte);
}

/* "4 -> 8 bytes", "3 bits -> 1 byte"; the caller frees. */
static char *amounts(const struct ks_member *a, const struct ks_member *b)
{
	unsigned long long had = a->bitfield ? a->size : a->size / 8;
	unsigned long long has = b->bitfield ? b->size : b->size / 8;
	const char *unit = b->bitfield ? "bit" : "byte", *plural = has == 1 ? "" : "s";

	if (a->bitfield == b->bitfield)
		return ks_asprintf("%llu -> %llu %s%s", had, has, unit, plural);
	return ks_asprintf("%llu %s%s -> %llu %s%s", had, a->bitfield ? "bit" : "byte",
			   had == 1 ? "" : "s", has, unit, plural);
}

static const char *kind_name(const struct ks_member *m)
{
	static const char *const names[] = {
		[KS_MEMBER_INTEGER] = "an integer",  [KS_MEMBER_POINTER] = "a pointer",
		[KS_MEMBER_FLOAT] = "a float",	     [KS_MEMBER_ARRAY] = "an array",
		[KS_MEMBER_AGGREGATE] = "a struct",
	};

	return m->type && m->kind == KS_MEMBER_AGGREGATE ? m->type : names[m->kind];
}

static bool same_string(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Do the same bits, in the same place, mean the same? */
static bool same_meaning(const struct comparison *c, const struct ks_member *a,
			 const struct ks_member *b)
{
	char *x, *y;
	bool same;

	if (a->kind != b->kind)
		return false;
	if (a->open && b->open) /* their members follow */
		return true;
	if (a->kind != KS_MEMBER_AGGREGATE && a->kind != KS_MEMBER_ARRAY)
		return true;
	/* Of a struct of one name only that counts; and see containers in layouts.c. */
	if (a->type && same_string(a->type, b->type))
		return true;
	x = ks_types_shape(c->pre_types, a, !a->type && !b->type);
	y = ks_types_shape(c->post_types, b, !a->type && !b->type);
	same = !strcmp(x, y);
	free(x);
	free(y);
	return same;
}

static void compare_member(struct comparison *c, const struct ks_member *a,
			   const struct ks_member *b)
{
	char *was = place(a), *is = place(b), *sizes = amounts(a, b);

	c->incompatible = true;
	if (a->offset != b->offset)
		ks_strv_addf(&c->moved, "%s moves from %s to %s", a->path, was, is);
	if (a->size != b->size)
		ks_strv_addf(&c->resized, "%s at %s: %s", a->path, was, sizes);
	else if (a->offset == b->offset && (a->kind != b->kind || (a->type && b->type)))
		ks_strv_addf(&c->retyped, "%s at %s was %s, becomes %s", a->path, was, kind_name(a),
			     kind_name(b));
	else if (a->offset == b->offset)
		ks_strv_addf(&c->retyped, "what is in %s at %s changes", a->path, was);
	free(was);
	free(is);
	free(sizes);
}

static bool overlap(const struct ks_member *a, const struct ks_member *b)
{
	return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static const char *last_part(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? dot + 1 : path;
}

/* Of the original members, which lies where @m is?  *alias: it is @m, by another path. */
static const struct ks_member *below(const struct comparison *c, const struct ks_member *m,
				     bool *alias)
{
	const struct ks_member *found = NULL;

	ks_vec_for(&c->pre->members, a) {
		const struct ks_member *b = a->open ? NULL : find_member(c->post, a->path);

		if (a->open || !overlap(a, m))
			continue;
		if (a->offset == m->offset && a->size == m->size &&
		    !strcmp(last_part(a->path), last_part(m->path)) && same_meaning(c, a, m))
			*alias = b && b->offset == a->offset && b->size == a->size;
		found = found ? found : a;
	}
	return found;
}

/* Of no size, for its address only: what is behind it is another member. */
static bool is_marker(const struct ks_type *t, const struct ks_member *m)
{
	if (m->size)
		return false;
	ks_vec_for(&t->members, other)
		if (other->size && !other->open && other->offset >= m->offset)
			return true;
	return m->kind == KS_MEMBER_AGGREGATE;
}

static void add_new(struct comparison *c, const struct ks_member *m)
{
	const struct ks_member *old, *stays;
	bool alias = false;
	char *is;

	/* Of an open one the members count. */
	if (m->open || is_marker(c->post, m))
		return;
	old = below(c, m, &alias);
	if (alias)
		return;
	is = place(m);
	/* Objects end where they did: nothing is in a flexible array that they do not have. */
	if (old || !m->size || m->offset + m->size > c->pre->size * 8)
		c->incompatible = true;
	stays = old ? find_member(c->post, old->path) : NULL;
	if (old && !stays)
		ks_strv_addf(&c->added, "%s is new at %s, in place of %s", m->path, is, old->path);
	else if (stays && stays->offset == old->offset)
		ks_strv_addf(&c->added, "%s is new at %s, over %s", m->path, is, old->path);
	else
		ks_strv_addf(&c->added, "%s is new at %s", m->path, is);
	free(is);
}

static bool is_replaced(const struct comparison *c, const struct ks_member *gone)
{
	ks_vec_for(&c->post->members, m)
		if (!m->open && overlap(m, gone) && !find_member(c->pre, m->path))
			return true;
	return false;
}

/* Within a struct that is open on one side only, and compared as a whole. */
static bool is_within(const struct ks_type *mine, const struct ks_type *other,
		      const struct ks_member *m)
{
	ks_vec_for(&mine->members, outer) {
		const struct ks_member *b;
		size_t n = strlen(outer->path);

		if (!outer->open || strncmp(m->path, outer->path, n) || m->path[n] != '.')
			continue;
		b = find_member(other, outer->path);
		if (b && !b->open)
			return true;
	}
	return false;
}

static void compare_members(struct comparison *c)
{
	ks_vec_for(&c->pre->members, a) {
		const struct ks_member *b = find_member(c->post, a->path);

		if (b && (a->offset != b->offset || a->size != b->size || !same_meaning(c, a, b)))
			compare_member(c, a, b);
		if (b || a->open || is_marker(c->pre, a) || is_within(c->pre, c->post, a))
			continue;
		/* Where something else takes the place, that is said of it. */
		if (!is_replaced(c, a)) {
			char *was = place(a);

			ks_strv_addf(&c->gone, "%s at %s goes", a->path, was);
			free(was);
		}
	}
	ks_vec_for(&c->post->members, b)
		if (!find_member(c->pre, b->path) && !is_within(c->post, c->pre, b))
			add_new(c, b);
}

static const struct ks_enumerator *find_value(const struct ks_type *t, const char *name)
{
	ks_vec_for(&t->values, v)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

/* The name that takes the value: one that had another, or is new. */
static const char *heir(const struct comparison *c, int64_t value)
{
	ks_vec_for(&c->post->values, v) {
		const struct ks_enumerator *was = find_value(c->pre, v->name);

		if (v->value == value && (!was || was->value != value))
			return v->name;
	}
	return NULL;
}

static void compare_values(struct comparison *c)
{
	ks_vec_for(&c->pre->values, a) {
		const struct ks_enumerator *b = find_value(c->post, a->name);
		const char *other = b ? NULL : heir(c, a->value);

		if (b && a->value == b->value)
			continue;
		c->incompatible |= b || other;
		if (b)
			ks_strv_addf(&c->moved, "%s becomes %lld, from %lld", a->name,
				     (long long)b->value, (long long)a->value);
		else if (other)
			ks_strv_addf(&c->gone, "%s, %lld, becomes %s", a->name,
				     (long long)a->value, other);
		else
			ks_strv_addf(&c->gone, "%s, %lld, goes", a->name, (long long)a->value);
	}
}

static void tell(const struct ks_strv *changes, struct ks_buf *what)
{
	for (size_t i = 0; i < changes->len && i < SHOWN; i++)
		ks_buf_addf(what, "%s%s", what->len ? "; " : "", changes->v[i]);
	if (changes->len > SHOWN)
		ks_buf_addf(what, " (and %zu more)", changes->len - SHOWN);
}

/* As most are: nothing is to be looked for. */
static bool identical(const struct comparison *c)
{
	const struct ks_type *pre = c->pre, *post = c->post;

	if (pre->size != post->size || pre->members.len != post->members.len ||
	    pre->values.len != post->values.len)
		return false;
	for (size_t i = 0; i < pre->members.len; i++) {
		const struct ks_member *a = &pre->members.v[i], *b = &post->members.v[i];

		if (a->offset != b->offset || a->size != b->size || strcmp(a->path, b->path) ||
		    a->open != b->open || !same_meaning(c, a, b))
			return false;
	}
	for (size_t i = 0; i < pre->values.len; i++)
		if (pre->values.v[i].value != post->values.v[i].value ||
		    strcmp(pre->values.v[i].name, post->values.v[i].name))
			return false;
	return true;
}

enum ks_layout_kind ks_definition_compare(const struct ks_types *pre_types,
					  const struct ks_type *pre,
					  const struct ks_types *post_types,
					  const struct ks_type *post, struct ks_buf *what)
{
	struct comparison c = { .pre_types = pre_types, .post_types = post_types,
				.pre = pre, .post = post };
	struct ks_buf text = { 0 };

	if (identical(&c))
		return KS_LAYOUT_SAME;
	compare_members(&c);
	compare_values(&c);
	if (pre->size != post->size) {
		c.incompatible = true;
		ks_buf_addf(&text, "%llu -> %llu bytes", (unsigned long long)pre->size,
			    (unsigned long long)post->size);
	}
	tell(&c.gone, &text);
	tell(&c.added, &text);
	tell(&c.resized, &text);
	tell(&c.retyped, &text);
	tell(&c.moved, &text);
	if (text.len)
		ks_buf_add(what, text.data, text.len);
	ks_strv_free(&c.gone);
	ks_strv_free(&c.added);
	ks_strv_free(&c.resized);
	ks_strv_free(&c.retyped);
	ks_strv_free(&c.moved);
	if (!text.len)
		return KS_LAYOUT_SAME;
	ks_buf_free(&text);
	return c.incompatible ? KS_LAYOUT_CHANGED : KS_LAYOUT_COMPATIBLE;
}
