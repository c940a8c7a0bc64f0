/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signatures and keys in the form of minisign(1), for everything in a
 * repository that somebody vouches for: Ed25519 over the BLAKE2b-512 of the
 * data, and a second signature over the first one and a comment, which makes it
 * a trusted one.  docs/uptrack-format.md has the bytes.
 *
 * What is signed here, the stock `minisign -V` verifies, and the other way
 * round; but not its older form, which signs the data itself.
 */
#ifndef KS_UPTRACK_SIGN_H
#define KS_UPTRACK_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* Bytes; a file that is larger is none. */
#define KS_SIGNATURE_MAX 2048
#define KS_KEY_MAX 1024
#define KS_COMMENT_MAX 1024 /* the trusted comment, without what marks it */

struct ks_public_key {
	uint8_t id[8]; /* random; tells keys apart and proves nothing */
	uint8_t key[32];
};

/* To be cleared after use.  The second half is the public key. */
struct ks_secret_key {
	uint8_t id[8];
	uint8_t key[64];
};

struct ks_signature {
	uint8_t id[8]; /* of the key that is said to have made it */
	uint8_t data[64], comment_too[64];
	char comment[KS_COMMENT_MAX + 1];
};

/* The id as minisign prints it, 16 hexadecimal digits: "3281A554632D27C2". */
void ks_key_name(const uint8_t id[8], char name[17]);
bool ks_key_same(const struct ks_public_key *a, const struct ks_public_key *b);

/* The text of a public key's file, or only its second line.  @out: with both lines. */
struct ks_error *ks_public_key_parse(const char *text, size_t len,
				     struct ks_public_key *key) KS_MUST_CHECK;
void ks_public_key_write(const struct ks_public_key *key, struct ks_buf *out);
/* The second line alone, without a newline: 56 characters. */
void ks_public_key_line(const struct ks_public_key *key, char line[57]);

struct ks_error *ks_secret_key_make(struct ks_secret_key *key) KS_MUST_CHECK;
void ks_secret_key_public(const struct ks_secret_key *key, struct ks_public_key *public_key);
void ks_secret_key_clear(struct ks_secret_key *key);

/*
 * The text of a secret key's file.  @password: NULL for one that has none.
 * KS_E_DENIED: it needs a password, or another one.  Deriving a key from a
 * password takes a second and, as minisign has it, 1 GiB of memory.
 */
struct ks_error *ks_secret_key_parse(const char *text, size_t len, const char *password,
				     struct ks_secret_key *key) KS_MUST_CHECK;
/* @password NULL: it is not encrypted (`minisign -W`). */
struct ks_error *ks_secret_key_write(const struct ks_secret_key *key, const char *password,
				     struct ks_buf *out) KS_MUST_CHECK;
/* Whether the file needs a password; false also for what is no key at all. */
bool ks_secret_key_is_encrypted(const char *text, size_t len);

/* @comment: one line of at most KS_COMMENT_MAX bytes. */
struct ks_error *ks_sign(const struct ks_secret_key *key, const char *data, size_t len,
			 const char *comment, struct ks_signature *sig) KS_MUST_CHECK;

/* The text of a signature's file, exactly: nothing may follow it.  Says nothing of its truth. */
struct ks_error *ks_signature_parse(const char *text, size_t len,
				    struct ks_signature *sig) KS_MUST_CHECK;
void ks_signature_write(const struct ks_signature *sig, struct ks_buf *out);

/* Whether the key has signed this comment; it is known before the data is. */
bool ks_signature_vouches(const struct ks_signature *sig, const struct ks_public_key *key);
/* Whether it has signed this comment and this data. */
bool ks_signature_good(const struct ks_signature *sig, const struct ks_public_key *key,
		       const char *data, size_t len);

#endif
