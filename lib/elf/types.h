/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The structs, unions and enums that an object's debug information knows, with
 * the place of every member.
 *
 * The object is one of our own, compiled for this (lib/build/layouts.c).  Nobody
 * outside sees libdw.
 */
#ifndef KS_ELF_TYPES_H
#define KS_ELF_TYPES_H

#include "base/buf.h"
#include "base/error.h"

/* How a member's bits are to be understood, whatever its type is called. */
enum ks_member_kind {
	KS_MEMBER_INTEGER, /* also characters, bool and enums */
	KS_MEMBER_POINTER,
	KS_MEMBER_FLOAT,
	KS_MEMBER_ARRAY,
	KS_MEMBER_AGGREGATE, /* a struct or union */
};

struct ks_member {
	char *path; /* "a"; "in.a" in a struct without a name; that of an anonymous one is left out */
	uint64_t offset, size; /* in bits; 0: a flexible array */
	enum ks_member_kind kind;
	bool bitfield;
	bool open;  /* a struct without a name: its members follow, with their own offsets */
	char *type; /* "struct foo", if it, or the array of it, is in the object itself; or NULL */
	uint64_t die;
};

struct ks_enumerator {
	char *name;
	int64_t value;
};

struct ks_type {
	char *name;    /* "struct foo"; of one without a name that of its typedef or variable */
	char *file;    /* where it is defined, as the compiler was given it; or "" */
	bool constant; /* only the name of a constant object */
	bool is_enum;
	uint64_t size; /* in bytes */
	KS_VEC(struct ks_member) members; /* in the order of the source */
	KS_VEC(struct ks_enumerator) values;
	size_t order; /* of the definition, among all */
};

struct ks_types {
	KS_VEC(struct ks_type) list; /* sorted by name, and then as they are defined */
	void *dwfl, *dwarf;	     /* Dwfl *, Dwarf * */
};

/* KS_E_INPUT where there is no debug information. */
struct ks_error *ks_types_open(const char *path, struct ks_types **types) KS_MUST_CHECK;
void ks_types_close(struct ks_types *types);

/*
 * The type of that name that is defined in @file, a path relative to the
 * source; where none is said to be, the only one of that name.  Or NULL.
 */
const struct ks_type *ks_types_find(const struct ks_types *types, const char *name,
				    const char *file);

/* Is the type said to be defined in @file, relative to the source? */
bool ks_type_is_in(const struct ks_type *type, const char *file);

/*
 * What the bits of a member mean: the same text for types that differ in their
 * names only.  @names: with those of members.  The caller frees.
 */
char *ks_types_shape(const struct ks_types *types, const struct ks_member *member, bool names);

#endif
