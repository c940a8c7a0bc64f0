// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signatures and keys: what we write minisign reads, what minisign writes we
 * read, and nothing that was changed passes.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "tap.h"
#include "uptrack/sign.h"

static char *work;
static const char data[] = "what is signed\n";

static char *in_work(const char *name)
{
	return ks_path_join(work, name);
}

static void put(const char *name, const struct ks_buf *b)
{
	char *path = in_work(name);

	die(ks_file_write(path, b->data, b->len, 0600));
	free(path);
}

static struct ks_buf get(const char *name)
{
	char *path = in_work(name);
	struct ks_buf b = { 0 };

	die(ks_file_read(path, 1 << 20, &b));
	free(path);
	return b;
}

/* Runs minisign in the directory; true for exit status 0.  @input: the passwords it asks for. */
static bool minisign(const char *input, const char *const *args)
{
	struct ks_strv argv = { 0 };
	struct ks_buf out = { 0 };
	int status = -1;

	ks_strv_add(&argv, "minisign");
	for (; *args; args++)
		ks_strv_add(&argv, *args);
	die(ks_proc_run(&(struct ks_proc){ .argv = (const char *const *)argv.v, .cwd = work, .out = &out,
					   .err = &out, .input = input },
			&status));
	if (status)
		printf("# minisign: %s\n", ks_buf_text(&out));
	ks_buf_free(&out);
	ks_strv_free(&argv);
	return !status;
}
#define MINISIGN(input, ...) minisign(input, (const char *const[]){ __VA_ARGS__, NULL })

static void test_ours(struct ks_secret_key *key)
{
	struct ks_public_key public_key;
	struct ks_signature sig;
	struct ks_buf b = { 0 };

	tap_fine(ks_secret_key_make(key), "a key can be made");
	ks_secret_key_public(key, &public_key);
	ks_public_key_write(&public_key, &b);
	put("ours.pub", &b);
	b.len = 0;
	ks_buf_adds(&b, data);
	put("data", &b);
	b.len = 0;
	tap_fine(ks_sign(key, data, strlen(data), "uptrack 1 serial=7", &sig), "data can be signed");
	ks_signature_write(&sig, &b);
	put("data.minisig", &b);
	tap_ok(ks_signature_good(&sig, &public_key, data, strlen(data)), "we verify our signature");
	tap_ok(MINISIGN(NULL, "-V", "-p", "ours.pub", "-m", "data"), "minisign verifies our signature");
	b.len = 0;
	ks_buf_adds(&b, "what is signee\n");
	put("data", &b);
	tap_ok(!MINISIGN(NULL, "-V", "-p", "ours.pub", "-m", "data"), "minisign does not verify other data");
	b.len = 0;
	ks_buf_adds(&b, data);
	put("data", &b);
	b.len = 0;
	tap_fine(ks_secret_key_write(key, NULL, &b), "the key can be written without a password");
	put("ours.key", &b);
	tap_ok(MINISIGN(NULL, "-S", "-H", "-s", "ours.key", "-m", "data", "-x", "by-key.minisig") &&
		       MINISIGN(NULL, "-V", "-p", "ours.pub", "-m", "data", "-x", "by-key.minisig"),
	       "minisign signs with our key");
	ks_buf_free(&b);
}

static void test_theirs(void)
{
	struct ks_public_key public_key, own;
	struct ks_secret_key secret;
	struct ks_buf pub, key, text;
	struct ks_signature sig;

	if (!tap_ok(MINISIGN(NULL, "-G", "-W", "-p", "theirs.pub", "-s", "theirs.key") &&
			    MINISIGN(NULL, "-S", "-H", "-s", "theirs.key", "-m", "data", "-x", "theirs.minisig",
				     "-t", "a trusted comment"),
		    "minisign makes a key and signs"))
		return;
	pub = get("theirs.pub");
	key = get("theirs.key");
	text = get("theirs.minisig");
	tap_fine(ks_public_key_parse(pub.data, pub.len, &public_key), "its public key is read");
	tap_fine(ks_secret_key_parse(key.data, key.len, NULL, &secret), "its secret key is read");
	ks_secret_key_public(&secret, &own);
	tap_ok(ks_key_same(&own, &public_key), "they belong together");
	tap_fine(ks_signature_parse(text.data, text.len, &sig), "its signature is read");
	tap_ok(ks_signature_good(&sig, &public_key, data, strlen(data)) &&
		       !strcmp(sig.comment, "a trusted comment"),
	       "and verified");
	ks_buf_free(&text);
	tap_ok(MINISIGN(NULL, "-S", "-l", "-s", "theirs.key", "-m", "data", "-x", "old.minisig"),
	       "minisign signs in its older form");
	text = get("old.minisig");
	tap_error(ks_signature_parse(text.data, text.len, &sig), KS_E_INPUT, "older form", "which we refuse");
	ks_buf_free(&text);
	ks_buf_free(&pub);
	ks_buf_free(&key);
}

/* Takes some seconds: each derivation is a second or two. */
static void test_passwords(const struct ks_secret_key *key)
{
	struct ks_secret_key again;
	struct ks_buf b = { 0 };

	tap_fine(ks_secret_key_write(key, "open sesame", &b), "a key is written with a password");
	put("sealed.key", &b);
	tap_ok(ks_secret_key_is_encrypted(b.data, b.len), "it is encrypted");
	tap_error(ks_secret_key_parse(b.data, b.len, NULL, &again), KS_E_DENIED, "needs a password",
		  "no password");
	tap_error(ks_secret_key_parse(b.data, b.len, "open barley", &again), KS_E_DENIED, "not the password",
		  "a wrong password");
	tap_fine(ks_secret_key_parse(b.data, b.len, "open sesame", &again), "the right password");
	tap_ok(!memcmp(key, &again, sizeof(again)), "gives the key");
	tap_ok(MINISIGN("open sesame\n", "-S", "-H", "-s", "sealed.key", "-m", "data", "-x", "s.minisig") &&
		       MINISIGN(NULL, "-V", "-p", "ours.pub", "-m", "data", "-x", "s.minisig"),
	       "minisign signs with it, by the same password");
	ks_buf_free(&b);
	if (!tap_ok(MINISIGN("their word\ntheir word\n", "-G", "-p", "t2.pub", "-s", "t2.key"),
		    "minisign makes a key with a password"))
		return;
	b = get("t2.key");
	tap_fine(ks_secret_key_parse(b.data, b.len, "their word", &again), "which we open");
	/* The highest byte of the number of operations. */
	*(strchr(b.data, '\n') + 1 + 45 / 3 * 4) = 'B';
	tap_error(ks_secret_key_parse(b.data, b.len, "their word", &again), KS_E_INPUT, "more work",
		  "one that would keep us busy for years is refused");
	ks_buf_free(&b);
}

/* Every byte of the file in turn; but for the untrusted comment, each counts. */
static void test_changes(const struct ks_secret_key *key)
{
	struct ks_public_key public_key;
	struct ks_buf good = get("data.minisig");
	size_t first = strchr(good.data, '\n') - good.data, passed = 0;
	struct ks_signature sig;

	ks_secret_key_public(key, &public_key);
	for (size_t i = first; i < good.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			struct ks_error *err;

			good.data[i] ^= 1 << bit;
			err = ks_signature_parse(good.data, good.len, &sig);
			if (!err && ks_signature_good(&sig, &public_key, data, strlen(data))) {
				printf("# byte %zu, bit %d: %c\n", i, bit, good.data[i]);
				passed++;
			}
			ks_error_free(err);
			good.data[i] ^= 1 << bit;
		}
	}
	tap_ok(!passed, "no signature passes with a bit changed (%zu did)", passed);
	passed = 0;
	for (size_t n = 0; n < good.len; n++) {
		struct ks_error *err = ks_signature_parse(good.data, n, &sig);

		passed += !err;
		ks_error_free(err);
	}
	tap_ok(!passed, "none is read that is cut off (%zu were)", passed);
	ks_buf_adds(&good, "\n");
	tap_error(ks_signature_parse(good.data, good.len, &sig), KS_E_INPUT, "follows", "a byte more");
	ks_buf_free(&good);
}

static void test_forms(const struct ks_secret_key *key)
{
	struct ks_public_key public_key, again;
	struct ks_secret_key secret;
	char line[57], name[17], long_comment[KS_COMMENT_MAX + 2];
	struct ks_signature sig;
	struct ks_buf b = { 0 };

	ks_secret_key_public(key, &public_key);
	ks_public_key_line(&public_key, line);
	tap_fine(ks_public_key_parse(line, 56, &again), "a public key is read from its line alone");
	tap_ok(ks_key_same(&public_key, &again), "and is the same");
	ks_buf_addf(&b, "%s\n", line);
	tap_fine(ks_public_key_parse(b.data, b.len, &again), "and with a newline");
	ks_buf_adds(&b, "more\n");
	tap_error(ks_public_key_parse(b.data, b.len, &again), KS_E_INPUT, "no public key", "and more is refused");
	line[0] = 'S';
	tap_error(ks_public_key_parse(line, 56, &again), KS_E_INPUT, "Ed25519", "another algorithm");
	tap_error(ks_public_key_parse("", 0, &again), KS_E_INPUT, "no public key", "an empty file");
	tap_error(ks_public_key_parse(line, 55, &again), KS_E_INPUT, "no public key", "a line that is cut off");
	b.len = 0;
	die(ks_secret_key_write(key, NULL, &b));
	/* Another letter of base64, whatever it is. */
	b.data[b.len - 80] = b.data[b.len - 80] == 'A' ? 'B' : 'A';
	tap_error(ks_secret_key_parse(b.data, b.len, NULL, &secret), KS_E_INPUT, "damaged", "a damaged secret key");
	memset(long_comment, 'x', sizeof(long_comment) - 1);
	long_comment[sizeof(long_comment) - 1] = 0;
	tap_error(ks_sign(key, "", 0, long_comment, &sig), KS_E_USAGE, "one line", "a comment that is too long");
	tap_error(ks_sign(key, "", 0, "a\nb", &sig), KS_E_USAGE, "one line", "a comment of two lines");
	tap_fine(ks_sign(key, "", 0, "", &sig), "nothing can be signed, with no comment");
	tap_ok(ks_signature_good(&sig, &public_key, "", 0), "and verified");
	ks_key_name((const uint8_t[]){ 0xc2, 0x27, 0x2d, 0x63, 0x54, 0xa5, 0x81, 0x32 }, name);
	tap_ok(!strcmp(name, "3281A554632D27C2"), "a key is called as minisign calls it");
	ks_buf_free(&b);
}

int main(void)
{
	struct ks_secret_key key;

	if (!ks_proc_have("minisign")) {
		printf("Bail out! there is no minisign; run scripts/setup\n");
		return 1;
	}
	die(ks_dir_temp("ksplice-test-sign", &work));
	test_ours(&key);
	test_theirs();
	test_passwords(&key);
	test_changes(&key);
	test_forms(&key);
	ks_secret_key_clear(&key);
	die(ks_dir_remove(work));
	free(work);
	return tap_done();
}
