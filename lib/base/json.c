// SPDX-License-Identifier: GPL-2.0-only
/* JSON that others have written, through jansson; see json.h. */
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ks_json_complain(struct ks_json *r, const char *fmt, ...)
{
	char *text;
	va_list ap;

	if (r->err)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	r->err = text ? ks_error_new(KS_E_INPUT, "%s: %s%s", r->file, r->where, text) :
			ks_error_nomem();
	free(text);
}

json_t *ks_json_optional(struct ks_json *r, json_t *object, const char *name, json_type type)
{
	static const char *const types[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list", [JSON_STRING] = "text",
		[JSON_INTEGER] = "a whole number", [JSON_TRUE] = "true or false",
	};
	json_t *value = json_object_get(object, name);

	if (r->err)
		return NULL;
	if (!json_is_object(object))
		ks_json_complain(r, "is not an object");
	else if (value && json_typeof(value) != type && !(type == JSON_TRUE && json_is_false(value)))
		ks_json_complain(r, "\"%s\" is not %s", name, types[type]);
	return r->err ? NULL : value;
}

json_t *ks_json_member(struct ks_json *r, json_t *object, const char *name, json_type type)
{
	json_t *value = ks_json_optional(r, object, name, type);

	if (!value)
		ks_json_complain(r, "there is no \"%s\"", name);
	return value;
}

/* What a terminal would obey; C1 controls are two bytes in UTF-8. */
static bool has_controls(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = s[i];

		if (c < ' ' || c == 127)
			return true;
		if (c == 0xc2 && i + 1 < len && (unsigned char)s[i + 1] < 0xa0)
			return true;
	}
	return false;
}

char *ks_json_take(struct ks_json *r, json_t *value, const char *name)
{
	if (r->err)
		return NULL;
	if (has_controls(json_string_value(value), json_string_length(value))) {
		ks_json_complain(r, "\"%s\" holds control characters", name);
		return NULL;
	}
	return ks_strdup(json_string_value(value));
}

char *ks_json_string(struct ks_json *r, json_t *object, const char *name)
{
	json_t *value = ks_json_member(r, object, name, JSON_STRING);

	return value ? ks_json_take(r, value, name) : NULL;
}

char *ks_json_text(struct ks_json *r, json_t *object, const char *name, size_t max)
{
	char *s = ks_json_string(r, object, name);

	if (s && strlen(s) > max)
		ks_json_complain(r, "\"%s\" is longer than %zu bytes", name, max);
	return s;
}

char *ks_json_word(struct ks_json *r, json_t *object, const char *name, const char *accept,
		   size_t max, bool empty)
{
	char *s = ks_json_string(r, object, name);
	size_t len = s ? strlen(s) : 0;

	if (s && (len > max || strspn(s, accept) != len || (!len && !empty) || *s == '.'))
		ks_json_complain(r, "\"%s\" is not a valid %s", s, name);
	return s;
}

json_int_t ks_json_integer(struct ks_json *r, json_t *object, const char *name, json_int_t max)
{
	json_t *value = ks_json_member(r, object, name, JSON_INTEGER);
	json_int_t n = json_integer_value(value);

	if (value && (n < 0 || n > max))
		ks_json_complain(r, "\"%s\" is out of range", name);
	return r->err ? 0 : n;
}

void ks_json_sha256(struct ks_json *r, json_t *object, const char *name, char hex[65])
{
	char *s = ks_json_string(r, object, name);

	memset(hex, 0, 65);
	if (s && (strlen(s) != 64 || strspn(s, KS_DIGITS "abcdef") != 64))
		ks_json_complain(r, "\"%s\" is not 64 hexadecimal digits", name);
	else if (s)
		memcpy(hex, s, 65);
	free(s);
}

void ks_json_names(struct ks_json *r, json_t *object, const char *name, struct ks_strv *out)
{
	json_t *list = ks_json_member(r, object, name, JSON_ARRAY), *item;
	size_t i;

	json_array_foreach(list, i, item) {
		char *s;

		if (!json_is_string(item))
			ks_json_complain(r, "\"%s\" holds something that is not text", name);
		s = ks_json_take(r, item, name);
		if (!s)
			return;
		ks_strv_add(out, s);
		free(s);
	}
}

void ks_json_append(json_t **list, json_t *value)
{
	if (*list && value && !json_array_append(*list, value)) {
		json_decref(value);
		return;
	}
	json_decref(value);
	json_decref(*list);
	*list = NULL;
}

json_t *ks_json_list(const struct ks_strv *names)
{
	json_t *list = json_array();

	for (size_t i = 0; i < names->len; i++)
		ks_json_append(&list, json_string(names->v[i]));
	return list;
}
