/* SPDX-License-Identifier: GPL-2.0-only */
/* Text that came from elsewhere (the kernel, a package, a repository), on its way to people and programs. */
#ifndef KS_BASE_TEXT_H
#define KS_BASE_TEXT_H

#include <jansson.h>

#include "base/buf.h"

/*
 * Makes text fit for a terminal and for JSON, in place: control characters but
 * newlines and tabs, and what is no UTF-8, become question marks.
 */
void ks_text_clean(char *text);

/* JSON strings are UTF-8: what is not becomes question marks.  NULL becomes null. */
json_t *ks_text_json(const char *text);
json_t *ks_text_json_list(const struct ks_strv *lines);

#endif
