// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heads and the indexes behind them, as a client checks them.  The input is a
 * trusted comment and an index: signed here, so that what is behind the
 * signature is reached; and the comment once more as a head by itself.
 */
#include "fuzz.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "uptrack/head.h"

#define NOW 1764115200

static struct ks_secret_key secret;
static struct ks_public_key public_key;

static void start(void)
{
	static const uint8_t seed[32];

	if (public_key.key[0])
		return;
	fuzz_check(sodium_init() >= 0);
	crypto_sign_seed_keypair(public_key.key, secret.key, seed);
}

static void check_head(const struct ks_trust *t, const struct ks_buf *head, const char *index_text, size_t len)
{
	struct ks_index index;
	enum ks_refusal why;
	struct ks_head h;
	bool good;

	good = fuzz_fine(ks_head_check(t, ks_buf_text(head), head->len, &h, &why));
	fuzz_check(good == (why == KS_REFUSED_NOT));
	fuzz_check(*ks_refusal_name(why));
	if (!good)
		return;
	fuzz_check(h.serial >= t->serial && h.expires > t->now && h.size && h.size <= KS_INDEX_MAX);
	good = fuzz_fine(ks_head_check_index(&h, index_text, len, &index, &why));
	fuzz_check(good == (why == KS_REFUSED_NOT));
	fuzz_check(!good || (index.serial == h.serial && len == h.size));
	ks_index_clear(&index);
	ks_head_clear(&h);
}

/* What the publisher signs, the client takes, unless it is too old or too new. */
static void check_own(struct ks_trust *t, const char *text, size_t len)
{
	const struct ks_buf data = { .data = (char *)text, .len = len };
	struct ks_index index, again;
	struct ks_buf head = { 0 };
	enum ks_refusal why;
	struct ks_head h;

	if (!fuzz_fine(ks_index_parse(text, len, &index)))
		return;
	fuzz_check(fuzz_fine(ks_head_make(&index, &data, &secret, &head)));
	t->now = index.created;
	t->serial = index.serial;
	fuzz_check(!t->now || fuzz_fine(ks_head_check(t, head.data, head.len, &h, &why)));
	if (t->now) {
		fuzz_check(fuzz_fine(ks_head_check_index(&h, text, len, &again, &why)));
		ks_index_clear(&again);
		ks_head_clear(&h);
	}
	ks_index_clear(&index);
	ks_buf_free(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_trust t = { .keys = &public_key, .nr_keys = 1, .serial = 3, .now = NOW };
	struct fuzz_pair in = fuzz_texts(data, size);
	char *comment = fuzz_string(in.a, in.a_len), *text = fuzz_string(in.b, in.b_len);
	struct ks_buf head = { 0 };
	struct ks_signature sig;

	start();
	if (fuzz_fine(ks_sign(&secret, text, in.b_len, comment, &sig))) {
		ks_signature_write(&sig, &head);
		check_head(&t, &head, text, in.b_len);
	}
	head.len = 0;
	ks_buf_add(&head, comment, in.a_len);
	check_head(&t, &head, text, in.b_len);
	check_own(&t, text, in.b_len);
	ks_buf_free(&head);
	free(comment);
	free(text);
	return 0;
}
