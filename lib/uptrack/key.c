// SPDX-License-Identifier: GPL-2.0-only
/* From one key of a repository to the next; see key.h. */
#include "uptrack/key.h"

#include <stdlib.h>
#include <string.h>

/*
 * Names both keys, so that the signature of an index, or of anything else that
 * the key ever signed, is none of a key.
 */
static char *make_comment(const uint8_t before[8], const struct ks_public_key *next)
{
	char from[17], to[17];

	ks_key_name(before, from);
	ks_key_name(next->id, to);
	return ks_asprintf("uptrack-key 1 from=%s to=%s", from, to);
}

struct ks_error *ks_key_follow(const struct ks_public_key *before, const struct ks_buf *next,
			       const struct ks_buf *signature, struct ks_public_key *key)
{
	struct ks_public_key found;
	struct ks_signature sig;
	struct ks_error *err;
	char *comment;
	bool good;

	err = ks_public_key_parse(ks_buf_text(next), next->len, &found);
	if (!err)
		err = ks_signature_parse(ks_buf_text(signature), signature->len, &sig);
	if (err)
		return ks_error_prefix(err, "the next key");
	comment = make_comment(before->id, &found);
	good = ks_signature_good(&sig, before, next->data, next->len) && !strcmp(comment, sig.comment);
	free(comment);
	if (!good)
		return ks_error_new(KS_E_INPUT, "the next key: it is not signed by the key before it");
	*key = found;
	return NULL;
}

struct ks_error *ks_key_hand_over(const struct ks_secret_key *before, const struct ks_buf *next,
				  struct ks_buf *signature)
{
	struct ks_public_key key;
	struct ks_signature sig;
	struct ks_error *err = ks_public_key_parse(ks_buf_text(next), next->len, &key);
	char *comment;

	if (err)
		return ks_error_prefix(err, "the next key");
	comment = make_comment(before->id, &key);
	err = ks_sign(before, next->data, next->len, comment, &sig);
	if (!err)
		ks_signature_write(&sig, signature);
	free(comment);
	return err;
}
