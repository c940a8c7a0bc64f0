/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading JSON that others have written, member by member, with one error in
 * the end that names the first thing that is wrong.
 *
 * The first error stays.  What is read after it is empty (NULL, 0, false), so
 * that a reader may read on and look at the error once; but what it does with
 * two members at once it does only while there is none.
 */
#ifndef KS_BASE_JSON_H
#define KS_BASE_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

/* Characters, for ks_json_word(). */
#define KS_LOWER "abcdefghijklmnopqrstuvwxyz"
#define KS_DIGITS "0123456789"
#define KS_ALNUM KS_LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" KS_DIGITS

struct ks_json {
	const char *file; /* for messages: "manifest.json" */
	struct ks_error *err;
	char where[64]; /* "units[3]: ", or "" at the top; who reads a list sets it */
};

void ks_json_complain(struct ks_json *r, const char *fmt, ...) KS_PRINTF(2, 3);

/* JSON_TRUE stands for both booleans.  The value is borrowed. */
json_t *ks_json_member(struct ks_json *r, json_t *object, const char *name, json_type type);
/* The same, but NULL and no error where there is no such member. */
json_t *ks_json_optional(struct ks_json *r, json_t *object, const char *name, json_type type);

/* Text without what a terminal would obey; the caller frees. */
char *ks_json_take(struct ks_json *r, json_t *value, const char *name);
char *ks_json_string(struct ks_json *r, json_t *object, const char *name);
/* At most @max bytes. */
char *ks_json_text(struct ks_json *r, json_t *object, const char *name, size_t max);
/*
 * At most @max characters, all of them among @accept, the first one no dot; may
 * be empty where @empty says so.
 */
char *ks_json_word(struct ks_json *r, json_t *object, const char *name, const char *accept,
		   size_t max, bool empty);
/* From 0 to @max. */
json_int_t ks_json_integer(struct ks_json *r, json_t *object, const char *name, json_int_t max);
/* 64 hexadecimal digits in lower case. */
void ks_json_sha256(struct ks_json *r, json_t *object, const char *name, char hex[65]);
void ks_json_names(struct ks_json *r, json_t *object, const char *name, struct ks_strv *out);

/*
 * For writing: appends @value, which is taken over.  A value that cannot be
 * expressed (NULL: no UTF-8) takes the whole list away.
 */
void ks_json_append(json_t **list, json_t *value);
json_t *ks_json_list(const struct ks_strv *names);

#endif
