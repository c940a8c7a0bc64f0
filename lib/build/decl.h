/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A declaration at the top level of preprocessed C: what it declares, what it
 * refers to, and whether the compiler makes anything of it where nobody refers
 * to it.  See screen.h for what that is good for.
 */
#ifndef KS_BUILD_DECL_H
#define KS_BUILD_DECL_H

#include "build/token.h"

struct ks_decl {
	/*
	 * A prototype, an extern, a type, or a function that is only emitted
	 * where it is used.  Everything that is not understood is not inert.
	 */
	bool inert;
	bool pragma; /* has effects on what comes after it */
	bool type;   /* nothing but the members of a struct or union; its tag is the first name */
	struct ks_strv names;      /* that it declares; tags as "struct NAME" */
	struct ks_strv references; /* all names in it, each once, in order */
	/*
	 * Of a type, in pairs: a member and the tag of what it points to.  An
	 * expression gets there only by the member's name; these tags are not
	 * among the references.
	 */
	struct ks_strv conditions;
};

void ks_decl_parse(const struct ks_tokens *tokens, struct ks_decl *decl);
void ks_decl_free(struct ks_decl *decl);

#endif
