// SPDX-License-Identifier: GPL-2.0-only
/* Text of others; see text.h. */
#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>

/* How many bytes the UTF-8 character at @p has; 0: none, or a control character. */
static size_t printable(const unsigned char *p)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
	uint32_t c;

	if (len == 1)
		return *p == '\n' || *p == '\t' || (*p >= ' ' && *p != 127);
	if (!len)
		return 0;
	c = *p & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		/* Also ends at the NUL. */
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c < 0xa0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

void ks_text_clean(char *text)
{
	while (*text) {
		size_t len = printable((unsigned char *)text);

		if (!len)
			*text = '?';
		text += len ? len : 1;
	}
}

json_t *ks_text_json(const char *text)
{
	json_t *value = text ? json_string(text) : json_null();
	char *clean;

	if (value)
		return value;
	clean = ks_strdup(text);
	ks_text_clean(clean);
	value = json_string(clean);
	free(clean);
	return value;
}

json_t *ks_text_json_list(const struct ks_strv *lines)
{
	json_t *list = json_array();

	for (size_t i = 0; i < lines->len; i++)
		json_array_append_new(list, ks_text_json(lines->v[i]));
	return list;
}
