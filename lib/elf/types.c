// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading types from debug information; see types.h.
 *
 * An object's debug information is relocated like its code.  libdwfl does that
 * for files that nobody has linked; libdw alone does not.
 *
 * A definition may be inside a function; those of structs within structs are
 * not, in C.  A struct without a name is known by its typedef, or by the
 * variable that is one.
 */
#include "elf/types.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

/* Of structs without a name within each other: the compiler would have given up before. */
#define MAX_DEPTH 64

static bool is_aggregate(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

static const char *keyword(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_structure_type:
		return "struct";
	case DW_TAG_union_type:
		return "union";
	case DW_TAG_enumeration_type:
		return "enum";
	}
	return NULL;
}

/*
 * The type of @die without qualifiers and typedefs.  *named: the last of these
 * typedefs, NULL where there was none.  False: it is void.
 */
static bool type_of(Dwarf_Die *die, Dwarf_Die *type, const char **named, bool *constant)
{
	Dwarf_Attribute attr;

	*named = NULL;
	*type = *die;
	for (;;) {
		if (!dwarf_attr_integrate(type, DW_AT_type, &attr) || !dwarf_formref_die(&attr, type))
			return false;
		switch (dwarf_tag(type)) {
		case DW_TAG_typedef:
			*named = dwarf_diename(type);
			break;
		case DW_TAG_const_type:
			*constant = true;
			break;
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
			break;
		default:
			return true;
		}
	}
}

/* The same, and of an array that of its elements. */
static bool element_of(Dwarf_Die *die, Dwarf_Die *type, const char **named, bool *constant)
{
	bool found = type_of(die, type, named, constant);

	while (found && dwarf_tag(type) == DW_TAG_array_type) {
		Dwarf_Die array = *type;

		found = type_of(&array, type, named, constant);
	}
	return found;
}

static enum ks_member_kind kind_of(Dwarf_Die *type)
{
	Dwarf_Attribute attr;
	Dwarf_Word encoding = 0;

	switch (dwarf_tag(type)) {
	case DW_TAG_pointer_type:
		return KS_MEMBER_POINTER;
	case DW_TAG_array_type:
		return KS_MEMBER_ARRAY;
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
		return KS_MEMBER_AGGREGATE;
	}
	if (dwarf_attr(type, DW_AT_encoding, &attr))
		dwarf_formudata(&attr, &encoding);
	return encoding == DW_ATE_float ? KS_MEMBER_FLOAT : KS_MEMBER_INTEGER;
}

static bool unsigned_attr(Dwarf_Die *die, unsigned int name, uint64_t *value)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;

	if (!dwarf_attr(die, name, &attr) || dwarf_formudata(&attr, &word))
		return false;
	*value = word;
	return true;
}

/* 0: it has none, as a flexible array. */
static uint64_t size_in_bytes(Dwarf_Die *type)
{
	Dwarf_Word size;

	return dwarf_aggregate_size(type, &size) ? 0 : size;
}

/* In bits, in the struct that it is a member of. */
static void place_of(Dwarf_Die *member, Dwarf_Die *type, struct ks_member *m)
{
	uint64_t bytes;

	if (!unsigned_attr(member, DW_AT_data_bit_offset, &m->offset))
		m->offset = unsigned_attr(member, DW_AT_data_member_location, &bytes) ? bytes * 8 : 0;
	m->bitfield = unsigned_attr(member, DW_AT_bit_size, &m->size);
	if (!m->bitfield)
		m->size = size_in_bytes(type) * 8;
}

/* "struct foo", of one without a name that of its typedef; NULL: it has neither. */
static char *type_name(Dwarf_Die *type, const char *named)
{
	const char *name = dwarf_diename(type);

	if (!name)
		name = named;
	return name && keyword(type) ? ks_asprintf("%s %s", keyword(type), name) : NULL;
}

static void add_members(struct ks_type *t, Dwarf_Die *aggregate, uint64_t base, const char *prefix,
			int depth);

static void add_member(struct ks_type *t, Dwarf_Die *die, uint64_t base, const char *prefix,
		       int depth)
{
	const char *name = dwarf_diename(die), *named;
	struct ks_member m = { 0 };
	Dwarf_Die type, element;
	bool constant;

	if (!type_of(die, &type, &named, &constant))
		return;
	place_of(die, &type, &m);
	m.offset += base;
	if (!name) { /* anonymous: its members are those of the outer one */
		if (is_aggregate(&type))
			add_members(t, &type, m.offset, prefix, depth + 1);
		return;
	}
	m.kind = kind_of(&type);
	m.path = ks_asprintf("%s%s", prefix, name);
	m.die = dwarf_dieoffset(die);
	if (element_of(die, &element, &named, &constant) && is_aggregate(&element))
		m.type = type_name(&element, named);
	m.open = m.kind == KS_MEMBER_AGGREGATE && !m.type;
	*ks_vec_push(&t->members) = m;
	if (m.open) {
		char *inner = ks_asprintf("%s.", m.path);

		add_members(t, &type, m.offset, inner, depth + 1);
		free(inner);
	}
}

static void add_members(struct ks_type *t, Dwarf_Die *aggregate, uint64_t base, const char *prefix,
			int depth)
{
	Dwarf_Die child;

	if (depth > MAX_DEPTH || dwarf_child(aggregate, &child))
		return;
	do {
		if (dwarf_tag(&child) == DW_TAG_member)
			add_member(t, &child, base, prefix, depth);
	} while (!dwarf_siblingof(&child, &child));
}

static void add_values(struct ks_type *t, Dwarf_Die *type)
{
	Dwarf_Attribute attr;
	Dwarf_Die child;

	if (dwarf_child(type, &child))
		return;
	do {
		const char *name = dwarf_diename(&child);
		Dwarf_Sword value = 0;

		if (dwarf_tag(&child) != DW_TAG_enumerator || !name)
			continue;
		if (dwarf_attr(&child, DW_AT_const_value, &attr))
			dwarf_formsdata(&attr, &value);
		*ks_vec_push(&t->values) = (struct ks_enumerator){ ks_strdup(name), value };
	} while (!dwarf_siblingof(&child, &child));
}

static void add_type(struct ks_types *types, Dwarf_Die *type, const char *named, bool constant)
{
	const char *file = dwarf_decl_file(type);
	struct ks_type *t;
	char *name;

	if (dwarf_hasattr(type, DW_AT_declaration))
		return;
	name = type_name(type, named);
	if (!name)
		return;
	t = ks_vec_push(&types->list);
	t->name = name;
	t->file = ks_strdup(file ? file : "");
	t->constant = constant;
	t->size = size_in_bytes(type);
	t->is_enum = dwarf_tag(type) == DW_TAG_enumeration_type;
	t->order = types->list.len;
	if (t->is_enum)
		add_values(t, type);
	else
		add_members(t, type, 0, "", 0);
}

/* A typedef or variable of a type that has no name itself. */
static void add_nameless(struct ks_types *types, Dwarf_Die *die, bool variable)
{
	const char *named;
	bool constant = false;
	Dwarf_Die type;

	if (!dwarf_diename(die))
		return;
	if (variable ? element_of(die, &type, &named, &constant) :
		       type_of(die, &type, &named, &constant))
		if (!named && keyword(&type) && !dwarf_diename(&type))
			add_type(types, &type, dwarf_diename(die), variable && constant);
}

static void walk(struct ks_types *types, Dwarf_Die *scope, int depth)
{
	Dwarf_Die child;

	if (depth > MAX_DEPTH || dwarf_child(scope, &child))
		return;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
			add_type(types, &child, NULL, false);
			break;
		case DW_TAG_typedef:
		case DW_TAG_variable:
			add_nameless(types, &child, dwarf_tag(&child) == DW_TAG_variable);
			break;
		case DW_TAG_subprogram:
		case DW_TAG_lexical_block:
			walk(types, &child, depth + 1);
			break;
		}
	} while (!dwarf_siblingof(&child, &child));
}

static int compare_types(const void *a, const void *b)
{
	const struct ks_type *x = a, *y = b;
	int names = strcmp(x->name, y->name);

	return names ? names : (x->order > y->order) - (x->order < y->order);
}

static void read_types(struct ks_types *types)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;

	while (!dwarf_get_units(types->dwarf, cu, &cu, NULL, NULL, &die, NULL))
		walk(types, &die, 0);
	if (types->list.len)
		qsort(types->list.v, types->list.len, sizeof(*types->list.v), compare_types);
}

/* What is not in the object itself is nowhere: libdwfl would look for it in the network. */
static int no_debuginfo(Dwfl_Module *mod, void **data, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **found)
{
	(void)mod, (void)data, (void)name, (void)base, (void)file, (void)link, (void)crc, (void)found;
	return -1;
}

struct ks_error *ks_types_open(const char *path, struct ks_types **types)
{
	static const Dwfl_Callbacks callbacks = { .section_address = dwfl_offline_section_address,
						  .find_debuginfo = no_debuginfo };
	struct ks_types *t = ks_alloc(sizeof(*t));
	Dwfl_Module *module = NULL;
	struct ks_error *err;
	Dwarf_Addr bias;

	t->dwfl = dwfl_begin(&callbacks);
	if (t->dwfl) {
		dwfl_report_begin(t->dwfl);
		module = dwfl_report_offline(t->dwfl, "unit", path, -1);
		dwfl_report_end(t->dwfl, NULL, NULL);
	}
	t->dwarf = module ? dwfl_module_getdwarf(module, &bias) : NULL;
	if (t->dwarf) {
		read_types(t);
		*types = t;
		return NULL;
	}
	err = ks_error_new(KS_E_INPUT, "%s: no debug information (%s)", path, dwfl_errmsg(-1));
	ks_types_close(t);
	return err;
}

void ks_types_close(struct ks_types *types)
{
	if (!types)
		return;
	ks_vec_for(&types->list, t) {
		ks_vec_for(&t->members, m) {
			free(m->path);
			free(m->type);
		}
		ks_vec_for(&t->values, v)
			free(v->name);
		ks_vec_free(&t->members);
		ks_vec_free(&t->values);
		free(t->name);
		free(t->file);
	}
	ks_vec_free(&types->list);
	if (types->dwfl)
		dwfl_end(types->dwfl);
	free(types);
}

bool ks_type_is_in(const struct ks_type *type, const char *file)
{
	size_t n = strlen(type->file), m = strlen(file);

	return ks_str_ends(type->file, file) && (n == m || type->file[n - m - 1] == '/');
}

const struct ks_type *ks_types_find(const struct ks_types *types, const char *name,
				    const char *file)
{
	const struct ks_type *first = NULL;
	size_t n = 0;

	ks_vec_for(&types->list, t) {
		if (strcmp(t->name, name))
			continue;
		if (ks_type_is_in(t, file))
			return t;
		first = t;
		n++;
	}
	return n == 1 ? first : NULL;
}

/* "96:i4," for each scalar: where it is and what. */
static void add_shape(Dwarf_Die *member, uint64_t base, bool names, int depth, struct ks_buf *out)
{
	static const char letters[] = { [KS_MEMBER_INTEGER] = 'i', [KS_MEMBER_POINTER] = 'p',
					[KS_MEMBER_FLOAT] = 'f' };
	struct ks_member m = { 0 };
	Dwarf_Die type, child;
	const char *named;
	bool constant;

	if (depth > MAX_DEPTH || !type_of(member, &type, &named, &constant))
		return;
	place_of(member, &type, &m);
	m.kind = kind_of(&type);
	if (names && dwarf_tag(member) == DW_TAG_member && dwarf_diename(member))
		ks_buf_addf(out, "%s ", dwarf_diename(member));
	switch (m.kind) {
	case KS_MEMBER_ARRAY:
		ks_buf_addf(out, "%llu+%llu[", (unsigned long long)(base + m.offset),
			    (unsigned long long)m.size);
		add_shape(&type, 0, names, depth + 1, out);
		ks_buf_adds(out, "],");
		break;
	case KS_MEMBER_AGGREGATE:
		if (dwarf_child(&type, &child))
			break;
		do {
			if (dwarf_tag(&child) == DW_TAG_member)
				add_shape(&child, base + m.offset, names, depth + 1, out);
		} while (!dwarf_siblingof(&child, &child));
		break;
	default:
		ks_buf_addf(out, "%llu+%llu%c,", (unsigned long long)(base + m.offset),
			    (unsigned long long)m.size, letters[m.kind]);
	}
}

char *ks_types_shape(const struct ks_types *types, const struct ks_member *member, bool names)
{
	struct ks_buf out = { 0 };
	Dwarf_Die die;

	if (dwarf_offdie(types->dwarf, member->die, &die)) {
		/* From the start of the member, wherever it is. */
		struct ks_member m = { 0 };
		Dwarf_Die type;
		const char *named;
		bool constant;

		if (type_of(&die, &type, &named, &constant)) {
			place_of(&die, &type, &m);
			add_shape(&die, -m.offset, names, 0, &out);
		}
	}
	return ks_buf_steal(&out);
}
