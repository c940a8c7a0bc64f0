/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which atom of post is which atom of pre.
 *
 * Names decide where they are the programmer's own.  Where the compiler made
 * them (x.123, f.isra.0, f.constprop.1) the number means nothing, and the
 * pairing goes by structure: see pair.c.
 */
#ifndef KS_DIFF_PAIR_H
#define KS_DIFF_PAIR_H

#include "diff/unit.h"

/*
 * Pairs what names and contents alone decide, compares all functions, and
 * lets functions with equal code pair the rest.  Afterwards atom->pair is
 * final, and KS_M_EQUAL is set in the mark of every paired code atom whose
 * content is equal.
 */
void ks_pair_units(struct ks_unit *pre, struct ks_unit *post);

/* The name without the numbers that the compiler added; the caller frees. */
char *ks_base_name(const char *name);

/* Are the contents the same, refs included?  Anonymous targets are compared by content. */
bool ks_atoms_equal(struct ks_atom *pre, struct ks_atom *post);

/* Marks that pairing and the diff put on atoms. */
#define KS_M_EQUAL (1u << 0)     /* paired, and the content is equal */
#define KS_M_AMBIGUOUS (1u << 1) /* same-named atoms on both sides that nothing tells apart */
#define KS_M_REPLACED (1u << 2)  /* a function of pre and post that the update replaces */
#define KS_M_INCLUDED (1u << 3)  /* an atom of post that goes into the new module */
#define KS_M_PART (1u << 4)      /* the .cold part of a replaced function (pre) */
#define KS_M_QUEUED (1u << 6)      /* lib/table will make, or has made, a block of it */
#define KS_M_CONTENT (1u << 7)     /* an object whose content is changed in place (pre and post) */
#define KS_M_EARLY (1u << 8)       /* a variable of pre that the match may take for a constant */
#define KS_M_USED (1u << 5) /* a constant of pre whose address the match will find */

#endif
