// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys and signatures of minisign's form: what is read comes out the same, and
 * nothing that a fuzzer can make up is a signature.  The first byte says what it is.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "uptrack/sign.h"

static void try_public(const char *text, size_t len)
{
	struct ks_public_key key, again;
	struct ks_buf out = { 0 };

	if (!fuzz_fine(ks_public_key_parse(text, len, &key)))
		return;
	ks_public_key_write(&key, &out);
	fuzz_check(fuzz_fine(ks_public_key_parse(out.data, out.len, &again)));
	fuzz_check(ks_key_same(&key, &again));
	ks_buf_free(&out);
}

static void try_secret(const char *text, size_t len)
{
	struct ks_secret_key key, again;
	struct ks_public_key public_key;
	struct ks_signature sig;
	struct ks_buf out = { 0 };

	ks_secret_key_is_encrypted(text, len);
	/* Without a password: to derive keys would take a second each. */
	if (!fuzz_fine(ks_secret_key_parse(text, len, NULL, &key)))
		return;
	ks_secret_key_public(&key, &public_key);
	fuzz_check(fuzz_fine(ks_sign(&key, text, len, "a comment", &sig)));
	fuzz_check(ks_signature_good(&sig, &public_key, text, len));
	fuzz_check(fuzz_fine(ks_secret_key_write(&key, NULL, &out)));
	fuzz_check(fuzz_fine(ks_secret_key_parse(out.data, out.len, NULL, &again)));
	fuzz_check(!memcmp(&key, &again, sizeof(key)));
	ks_buf_free(&out);
}

static void try_signature(const char *text, size_t len)
{
	/* Nobody has the secret half of this one. */
	static const struct ks_public_key nobody = { .key = { 1, 2, 3 } };
	struct ks_signature sig, again;
	struct ks_buf out = { 0 };

	if (!fuzz_fine(ks_signature_parse(text, len, &sig)))
		return;
	fuzz_check(!ks_signature_good(&sig, &nobody, text, len));
	ks_signature_write(&sig, &out);
	fuzz_check(fuzz_fine(ks_signature_parse(out.data, out.len, &again)));
	fuzz_check(!memcmp(&sig, &again, sizeof(sig)));
	ks_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = size ? fuzz_string(data + 1, size - 1) : NULL;

	if (text && *data % 3 == 0)
		try_public(text, size - 1);
	else if (text && *data % 3 == 1)
		try_secret(text, size - 1);
	else if (text)
		try_signature(text, size - 1);
	free(text);
	return 0;
}
