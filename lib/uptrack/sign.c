// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signatures in the form of minisign, through libsodium; see sign.h.  The
 * lowest part of Uptrack: it knows bytes, not what they mean.
 */
#include "uptrack/sign.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNTRUSTED "untrusted comment: "
#define TRUSTED "trusted comment: "

/* The algorithms' names: of keys, of signatures of a hash, of the derivation, of the checksum. */
#define ALG_KEY "Ed"
#define ALG_HASHED "ED"
#define ALG_SCRYPT "Sc"
#define ALG_NONE "\0"
#define ALG_CHECKSUM "B2"

/* Of the longest, a secret key, with a NUL. */
#define MAX_ENCODED 256

/* Dearer ones than what minisign chooses are no keys but a way to keep us busy. */
#define MAX_OPS crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE
#define MAX_MEMORY crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE

/* The files' second lines, once decoded; no member has an alignment. */
struct public_bytes {
	uint8_t alg[2], id[8], key[32];
};

struct signature_bytes {
	uint8_t alg[2], id[8], data[64];
};

struct secret_bytes {
	uint8_t alg[2], kdf[2], checksum_alg[2];
	uint8_t salt[32], ops[8], memory[8];
	struct sealed {
		uint8_t id[8], key[64], checksum[32];
	} sealed; /* with a password: XORed with what scrypt makes of it */
};

static struct ks_error *start(void)
{
	if (sodium_init() < 0)
		return ks_error_new(KS_E_FAILED, "libsodium cannot start: there are no random numbers");
	return NULL;
}

void ks_key_name(const uint8_t id[8], char name[17])
{
	for (int i = 0; i < 8; i++)
		snprintf(name + 2 * i, 3, "%02X", id[7 - i]);
}

bool ks_key_same(const struct ks_public_key *a, const struct ks_public_key *b)
{
	return !memcmp(a->id, b->id, sizeof(a->id)) && !memcmp(a->key, b->key, sizeof(a->key));
}

/* Text that is taken line by line, and must be used up. */
struct lines {
	const char *at, *end;
};

/* The next line, without its newline, which has to be there. */
static bool next_line(struct lines *l, const char *prefix, const char **line, size_t *len)
{
	const char *newline = memchr(l->at, '\n', l->end - l->at);
	size_t skip = strlen(prefix);

	if (!newline || (size_t)(newline - l->at) < skip || memcmp(l->at, prefix, skip))
		return false;
	*line = l->at + skip;
	*len = newline - *line;
	l->at = newline + 1;
	return true;
}

/*
 * Base64 of exactly that many bytes, in its only form: libsodium 1.0.18 also
 * takes some characters with the highest bit set, so it has to come out the same.
 */
static bool decode(const char *text, size_t len, void *bytes, size_t size)
{
	char again[MAX_ENCODED];
	size_t got;
	bool same;

	if (len != sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL) - 1 ||
	    sodium_base642bin(bytes, size, text, len, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) ||
	    got != size)
		return false;
	sodium_bin2base64(again, sizeof(again), bytes, size, sodium_base64_VARIANT_ORIGINAL);
	same = !memcmp(again, text, len);
	sodium_memzero(again, sizeof(again));
	return same;
}

static bool next_decoded(struct lines *l, void *bytes, size_t size)
{
	const char *line;
	size_t len;

	return next_line(l, "", &line, &len) && decode(line, len, bytes, size);
}

static void add_encoded(struct ks_buf *out, const void *bytes, size_t size)
{
	char text[MAX_ENCODED];

	sodium_bin2base64(text, sizeof(text), bytes, size, sodium_base64_VARIANT_ORIGINAL);
	ks_buf_addf(out, "%s\n", text);
	sodium_memzero(text, sizeof(text));
}

/* Public keys. */

struct ks_error *ks_public_key_parse(const char *text, size_t len, struct ks_public_key *key)
{
	struct lines l = { text, text + len };
	struct public_bytes b;
	const char *line;
	size_t n;

	if (len > KS_KEY_MAX)
		return ks_error_new(KS_E_INPUT, "a public key has at most %d bytes", KS_KEY_MAX);
	if (len && text[len - 1] != '\n' && !memchr(text, '\n', len)) {
		if (!decode(text, len, &b, sizeof(b)))
			return ks_error_new(KS_E_INPUT, "this is no public key of minisign's form");
	} else {
		if (len > strlen(UNTRUSTED) && !memcmp(text, UNTRUSTED, strlen(UNTRUSTED)) &&
		    !next_line(&l, UNTRUSTED, &line, &n))
			return ks_error_new(KS_E_INPUT, "this public key ends behind its comment");
		if (!next_decoded(&l, &b, sizeof(b)) || l.at != l.end)
			return ks_error_new(KS_E_INPUT, "this is no public key of minisign's form");
	}
	if (memcmp(b.alg, ALG_KEY, 2))
		return ks_error_new(KS_E_INPUT, "this public key is not one of Ed25519");
	memcpy(key->id, b.id, sizeof(key->id));
	memcpy(key->key, b.key, sizeof(key->key));
	return NULL;
}

void ks_public_key_line(const struct ks_public_key *key, char line[57])
{
	struct public_bytes b = { .alg = ALG_KEY };

	memcpy(b.id, key->id, sizeof(b.id));
	memcpy(b.key, key->key, sizeof(b.key));
	sodium_bin2base64(line, 57, (const void *)&b, sizeof(b), sodium_base64_VARIANT_ORIGINAL);
}

void ks_public_key_write(const struct ks_public_key *key, struct ks_buf *out)
{
	char name[17], line[57];

	ks_key_name(key->id, name);
	ks_public_key_line(key, line);
	ks_buf_addf(out, UNTRUSTED "minisign public key %s\n%s\n", name, line);
}

/* Secret keys. */

struct ks_error *ks_secret_key_make(struct ks_secret_key *key)
{
	struct ks_error *err = start();
	uint8_t public_key[32];

	if (err)
		return err;
	randombytes_buf(key->id, sizeof(key->id));
	crypto_sign_keypair(public_key, key->key);
	return NULL;
}

void ks_secret_key_public(const struct ks_secret_key *key, struct ks_public_key *public_key)
{
	memcpy(public_key->id, key->id, sizeof(public_key->id));
	memcpy(public_key->key, key->key + 32, sizeof(public_key->key));
}

void ks_secret_key_clear(struct ks_secret_key *key)
{
	sodium_memzero(key, sizeof(*key));
}

static uint64_t get_le64(const uint8_t bytes[8])
{
	uint64_t n = 0;

	for (int i = 7; i >= 0; i--)
		n = n << 8 | bytes[i];
	return n;
}

static void put_le64(uint8_t bytes[8], uint64_t n)
{
	for (int i = 0; i < 8; i++, n >>= 8)
		bytes[i] = n;
}

static void checksum(const struct secret_bytes *b, uint8_t sum[32])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, 32);
	crypto_generichash_update(&state, b->alg, sizeof(b->alg));
	crypto_generichash_update(&state, b->sealed.id, sizeof(b->sealed.id));
	crypto_generichash_update(&state, b->sealed.key, sizeof(b->sealed.key));
	crypto_generichash_final(&state, sum, 32);
	sodium_memzero(&state, sizeof(state));
}

/* Seals, and unseals what is sealed. */
static struct ks_error *seal(struct secret_bytes *b, const char *password)
{
	uint64_t ops = get_le64(b->ops), memory = get_le64(b->memory);
	uint8_t stream[sizeof(b->sealed)], *bytes = (uint8_t *)&b->sealed;

	if (ops > MAX_OPS || memory > MAX_MEMORY)
		return ks_error_new(KS_E_INPUT, "this secret key asks for more work or memory than minisign does");
	if (crypto_pwhash_scryptsalsa208sha256(stream, sizeof(stream), password, strlen(password),
					       b->salt, ops, memory))
		return ks_error_new(KS_E_NOMEM,
				    "there is no memory to derive a key from the password: %llu MiB are needed",
				    (unsigned long long)memory >> 20);
	for (size_t i = 0; i < sizeof(stream); i++)
		bytes[i] ^= stream[i];
	sodium_memzero(stream, sizeof(stream));
	return NULL;
}

/* The form alone. */
static bool decode_secret(const char *text, size_t len, struct secret_bytes *b)
{
	struct lines l = { text, text + len };
	const char *line;
	size_t n;

	return len <= KS_KEY_MAX && next_line(&l, UNTRUSTED, &line, &n) &&
	       next_decoded(&l, b, sizeof(*b)) && l.at == l.end && !memcmp(b->alg, ALG_KEY, 2) &&
	       !memcmp(b->checksum_alg, ALG_CHECKSUM, 2);
}

bool ks_secret_key_is_encrypted(const char *text, size_t len)
{
	struct secret_bytes b;
	bool is = decode_secret(text, len, &b) && !memcmp(b.kdf, ALG_SCRYPT, 2);

	sodium_memzero(&b, sizeof(b));
	return is;
}

static struct ks_error *unseal(struct secret_bytes *b, const char *password)
{
	struct ks_error *err;
	uint8_t sum[32];

	if (!password)
		return ks_error_new(KS_E_DENIED, "this secret key needs a password");
	err = seal(b, password);
	if (err)
		return err;
	checksum(b, sum);
	if (sodium_memcmp(sum, b->sealed.checksum, sizeof(sum)))
		return ks_error_new(KS_E_DENIED, "this is not the password of the secret key");
	return NULL;
}

static struct ks_error *read_secret(struct secret_bytes *b, const char *password,
				    struct ks_secret_key *key)
{
	uint8_t public_key[32], again[64];
	struct ks_error *err = NULL;

	if (!memcmp(b->kdf, ALG_SCRYPT, 2))
		err = unseal(b, password);
	else if (memcmp(b->kdf, ALG_NONE, 2))
		err = ks_error_new(KS_E_INPUT, "this secret key is encrypted in a way that is not known");
	if (err)
		return err;
	/* minisign leaves out the checksum where there is no password; this serves as well. */
	crypto_sign_seed_keypair(public_key, again, b->sealed.key);
	if (sodium_memcmp(again, b->sealed.key, sizeof(again)))
		err = ks_error_new(KS_E_INPUT, "this secret key is damaged: its halves do not belong together");
	sodium_memzero(again, sizeof(again));
	if (err)
		return err;
	memcpy(key->id, b->sealed.id, sizeof(key->id));
	memcpy(key->key, b->sealed.key, sizeof(key->key));
	return NULL;
}

struct ks_error *ks_secret_key_parse(const char *text, size_t len, const char *password,
				     struct ks_secret_key *key)
{
	struct ks_error *err = start();
	struct secret_bytes b;

	if (err)
		return err;
	if (decode_secret(text, len, &b))
		err = read_secret(&b, password, key);
	else
		err = ks_error_new(KS_E_INPUT, "this is no secret key of minisign's form");
	sodium_memzero(&b, sizeof(b));
	return err;
}

struct ks_error *ks_secret_key_write(const struct ks_secret_key *key, const char *password,
				     struct ks_buf *out)
{
	struct secret_bytes b = { .alg = ALG_KEY, .kdf = ALG_NONE, .checksum_alg = ALG_CHECKSUM };
	struct ks_error *err = start();

	if (err)
		return err;
	memcpy(b.sealed.id, key->id, sizeof(b.sealed.id));
	memcpy(b.sealed.key, key->key, sizeof(b.sealed.key));
	if (password) {
		memcpy(b.kdf, ALG_SCRYPT, 2);
		randombytes_buf(b.salt, sizeof(b.salt));
		put_le64(b.ops, MAX_OPS);
		put_le64(b.memory, MAX_MEMORY);
		checksum(&b, b.sealed.checksum);
		err = seal(&b, password);
	}
	if (!err) {
		/* minisign wants to read this very line. */
		ks_buf_adds(out, UNTRUSTED "minisign encrypted secret key\n");
		add_encoded(out, &b, sizeof(b));
	}
	sodium_memzero(&b, sizeof(b));
	return err;
}

/* Signatures. */

/* What the second signature is over; a comment is at most that of a struct ks_signature. */
static size_t vouched(const struct ks_signature *sig, uint8_t bytes[64 + KS_COMMENT_MAX])
{
	size_t len = strlen(sig->comment);

	memcpy(bytes, sig->data, 64);
	memcpy(bytes + 64, sig->comment, len);
	return 64 + len;
}

static void hash(const char *data, size_t len, uint8_t digest[64])
{
	crypto_generichash(digest, 64, (const uint8_t *)data, len, NULL, 0);
}

struct ks_error *ks_sign(const struct ks_secret_key *key, const char *data, size_t len,
			 const char *comment, struct ks_signature *sig)
{
	uint8_t bytes[64 + KS_COMMENT_MAX], digest[64];
	struct ks_error *err = start();

	if (err)
		return err;
	if (strlen(comment) > KS_COMMENT_MAX || strpbrk(comment, "\r\n"))
		return ks_error_new(KS_E_USAGE, "a trusted comment is one line of at most %d bytes",
				    KS_COMMENT_MAX);
	memset(sig, 0, sizeof(*sig));
	memcpy(sig->id, key->id, sizeof(sig->id));
	strcpy(sig->comment, comment);
	hash(data, len, digest);
	crypto_sign_detached(sig->data, NULL, digest, sizeof(digest), key->key);
	crypto_sign_detached(sig->comment_too, NULL, bytes, vouched(sig, bytes), key->key);
	return NULL;
}

struct ks_error *ks_signature_parse(const char *text, size_t len, struct ks_signature *sig)
{
	struct lines l = { text, text + len };
	struct signature_bytes b;
	const char *line;
	size_t n;

	memset(sig, 0, sizeof(*sig));
	if (len > KS_SIGNATURE_MAX)
		return ks_error_new(KS_E_INPUT, "a signature has at most %d bytes", KS_SIGNATURE_MAX);
	if (!next_line(&l, UNTRUSTED, &line, &n) || !next_decoded(&l, &b, sizeof(b)))
		return ks_error_new(KS_E_INPUT, "this is no signature of minisign's form");
	if (!memcmp(b.alg, ALG_KEY, 2))
		return ks_error_new(KS_E_INPUT,
				    "the signature is of minisign's older form; sign with minisign -S -H");
	if (memcmp(b.alg, ALG_HASHED, 2))
		return ks_error_new(KS_E_INPUT, "the signature is not one of Ed25519");
	if (!next_line(&l, TRUSTED, &line, &n) || n > KS_COMMENT_MAX || memchr(line, 0, n))
		return ks_error_new(KS_E_INPUT, "the signature has no trusted comment of at most %d bytes",
				    KS_COMMENT_MAX);
	memcpy(sig->comment, line, n);
	if (!next_decoded(&l, sig->comment_too, sizeof(sig->comment_too)))
		return ks_error_new(KS_E_INPUT, "the signature of the trusted comment is not there, or cut off");
	if (l.at != l.end)
		return ks_error_new(KS_E_INPUT, "something follows the signature");
	memcpy(sig->id, b.id, sizeof(sig->id));
	memcpy(sig->data, b.data, sizeof(sig->data));
	return NULL;
}

void ks_signature_write(const struct ks_signature *sig, struct ks_buf *out)
{
	struct signature_bytes b = { .alg = ALG_HASHED };

	memcpy(b.id, sig->id, sizeof(b.id));
	memcpy(b.data, sig->data, sizeof(b.data));
	ks_buf_adds(out, UNTRUSTED "signature from ksplice secret key\n");
	add_encoded(out, &b, sizeof(b));
	ks_buf_addf(out, TRUSTED "%s\n", sig->comment);
	add_encoded(out, sig->comment_too, sizeof(sig->comment_too));
}

bool ks_signature_vouches(const struct ks_signature *sig, const struct ks_public_key *key)
{
	uint8_t bytes[64 + KS_COMMENT_MAX];

	return sodium_init() >= 0 && !memcmp(sig->id, key->id, sizeof(sig->id)) &&
	       !crypto_sign_verify_detached(sig->comment_too, bytes, vouched(sig, bytes), key->key);
}

bool ks_signature_good(const struct ks_signature *sig, const struct ks_public_key *key,
		       const char *data, size_t len)
{
	uint8_t digest[64];

	if (!ks_signature_vouches(sig, key))
		return false;
	hash(data, len, digest);
	return !crypto_sign_verify_detached(sig->data, digest, sizeof(digest), key->key);
}
