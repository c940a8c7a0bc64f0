/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From one key of a repository to the next.  A publisher who changes keys leaves
 * the new one in v1/keys/OLDID/next.pub, signed by the old one, for ever: so who
 * knows any key of the repository finds the present one, however many there
 * were in between.
 */
#ifndef KS_UPTRACK_KEY_H
#define KS_UPTRACK_KEY_H

#include "uptrack/sign.h"

/* As many steps are taken from a key that is known to the one that signs. */
#define KS_KEY_STEPS 32

/*
 * Checks next.pub (at most KS_KEY_MAX bytes) and next.pub.minisig (at most
 * KS_SIGNATURE_MAX) against the key before it.  KS_E_INPUT: it is not to be
 * believed.
 */
struct ks_error *ks_key_follow(const struct ks_public_key *before, const struct ks_buf *next,
			       const struct ks_buf *signature, struct ks_public_key *key) KS_MUST_CHECK;

/* The publisher's side: @signature is the text of next.pub.minisig for @next. */
struct ks_error *ks_key_hand_over(const struct ks_secret_key *before, const struct ks_buf *next,
				  struct ks_buf *signature) KS_MUST_CHECK;

#endif
