// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heads, and whether an index is to be believed; see head.h.  What a client
 * accepts from a server, a mirror or a disk has passed through here.
 *
 * The order of the checks is that of trust: the form, the key, the signature of
 * the comment; only then is the comment read.
 */
#include "uptrack/head.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pack/digest.h"

const char *ks_refusal_name(enum ks_refusal why)
{
	static const char *const names[] = {
		[KS_REFUSED_NOT] = "accepted",	     [KS_REFUSED_MALFORMED] = "malformed",
		[KS_REFUSED_KEY] = "unknown_key",    [KS_REFUSED_SIGNATURE] = "bad_signature",
		[KS_REFUSED_KERNEL] = "other_kernel", [KS_REFUSED_OLD] = "rolled_back",
		[KS_REFUSED_EXPIRED] = "expired",    [KS_REFUSED_FUTURE] = "from_the_future",
		[KS_REFUSED_SIZE] = "wrong_size",    [KS_REFUSED_HASH] = "wrong_hash",
		[KS_REFUSED_DISAGREES] = "disagrees", [KS_REFUSED_CLIENT] = "client_too_old",
	};

	return names[why];
}

static char *make_comment(const struct ks_head *h)
{
	char *kernel = ks_repo_kernel_name(&h->kernel), *comment;

	comment = ks_asprintf("uptrack %d kernel=%s serial=%" PRIu64 " created=%" PRIu64 " expires=%" PRIu64
			      " size=%" PRIu64 " sha256=%s",
			      KS_INDEX_FORMAT, kernel, h->serial, h->created, h->expires, h->size, h->sha256);
	free(kernel);
	return comment;
}

/* Of a later format nothing else is known, but that it is one. */
static struct ks_error *check_format(const char *comment, enum ks_refusal *why)
{
	unsigned int format;

	if (sscanf(comment, "uptrack %9u ", &format) != 1 || format <= KS_INDEX_FORMAT)
		return NULL;
	*why = KS_REFUSED_CLIENT;
	return ks_error_new(KS_E_OUTDATED, "its index has format %u, and this client knows format %d; install a newer one",
			    format, KS_INDEX_FORMAT);
}

/*
 * Reads the comment freely and writes it again: it is of the right form if it
 * comes out the same.
 */
static struct ks_error *parse_comment(const char *comment, struct ks_head *h)
{
	char kernel[512], *again;
	struct ks_error *err;
	bool same;

	if (sscanf(comment,
		   "uptrack %*u kernel=%511s serial=%16" SCNu64 " created=%16" SCNu64 " expires=%16" SCNu64
		   " size=%16" SCNu64 " sha256=%64[0-9a-f]",
		   kernel, &h->serial, &h->created, &h->expires, &h->size, h->sha256) != 6)
		return ks_error_new(KS_E_INPUT, "its trusted comment is not that of an index");
	err = ks_repo_kernel_parse(kernel, &h->kernel);
	if (err)
		return err;
	again = make_comment(h);
	same = !strcmp(again, comment);
	free(again);
	if (!same || strlen(h->sha256) != 64 || !h->serial || h->serial > KS_INDEX_SERIAL_MAX || !h->size ||
	    h->size > KS_INDEX_MAX || h->expires <= h->created || h->expires > KS_INDEX_TIME_MAX)
		return ks_error_new(KS_E_INPUT, "its trusted comment is not that of an index");
	return NULL;
}

struct ks_error *ks_head_make(const struct ks_index *index, const struct ks_buf *text,
			      const struct ks_secret_key *key, struct ks_buf *out)
{
	struct ks_head h = { .kernel = ks_index_kernel(index), .serial = index->serial,
			     .created = index->created, .expires = index->expires, .size = text->len };
	struct ks_error *err = ks_digest(text, h.sha256);
	char *comment;

	if (err)
		return err;
	comment = make_comment(&h);
	err = ks_sign(key, text->data, text->len, comment, &h.signature);
	if (!err)
		ks_signature_write(&h.signature, out);
	free(comment);
	return err;
}

/* The trusted key of that id; two keys may have one id, for ids are only numbers. */
static struct ks_error *check_signer(const struct ks_trust *t, struct ks_head *h, enum ks_refusal *why)
{
	bool known = false;
	char name[17];

	for (size_t i = 0; i < t->nr_keys; i++) {
		known |= !memcmp(t->keys[i].id, h->signature.id, sizeof(h->signature.id));
		if (!ks_signature_vouches(&h->signature, &t->keys[i]))
			continue;
		h->key = t->keys[i];
		return NULL;
	}
	ks_key_name(h->signature.id, name);
	*why = known ? KS_REFUSED_SIGNATURE : KS_REFUSED_KEY;
	if (known)
		return ks_error_new(KS_E_INPUT, "the signature is wrong: it is not what the key %s has signed",
				    name);
	return ks_error_new(KS_E_INPUT, "it is signed by the key %s, which is not trusted here", name);
}

static void day(uint64_t t, char text[32])
{
	time_t when = t;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(text, 32, "%Y-%m-%d %H:%M UTC", &tm))
		strcpy(text, "another time");
}

static struct ks_error *check_time(const struct ks_trust *t, const struct ks_head *h, enum ks_refusal *why)
{
	char then[32], now[32];

	if (!t->now)
		return NULL;
	day(t->now, now);
	if (t->now >= h->expires) {
		day(h->expires, then);
		*why = KS_REFUSED_EXPIRED;
		return ks_error_new(KS_E_INPUT,
				    "it expired at %s, and now it is %s: the repository is not kept up to date, somebody holds back what is new, or the clock here is wrong",
				    then, now);
	}
	if (t->now + KS_HEAD_SLACK < h->created) {
		day(h->created, then);
		*why = KS_REFUSED_FUTURE;
		return ks_error_new(KS_E_INPUT, "it was made at %s, and now it is %s: set the clock", then, now);
	}
	return NULL;
}

static struct ks_error *check_age(const struct ks_trust *t, const struct ks_head *h, enum ks_refusal *why)
{
	*why = KS_REFUSED_OLD;
	if (h->serial < t->serial)
		return ks_error_new(KS_E_INPUT,
				    "it has the serial number %" PRIu64 ", and number %" PRIu64 " was seen before: somebody brings back what is old, or a mirror lags behind",
				    h->serial, t->serial);
	if (h->serial == t->serial && t->sha256 && strcmp(t->sha256, h->sha256))
		return ks_error_new(KS_E_INPUT,
				    "there are two indexes of the serial number %" PRIu64 ": the publisher made it from an old copy of the repository",
				    h->serial);
	return NULL;
}

static struct ks_error *check_kernel(const struct ks_trust *t, const struct ks_head *h, enum ks_refusal *why)
{
	struct ks_error *err;
	char *is, *wanted;

	if (!t->kernel || ks_repo_kernel_same(&h->kernel, t->kernel))
		return NULL;
	*why = KS_REFUSED_KERNEL;
	is = ks_repo_kernel_name(&h->kernel);
	wanted = ks_repo_kernel_name(t->kernel);
	err = ks_error_new(KS_E_INPUT, "it is for another kernel: %s, not %s", is, wanted);
	free(is);
	free(wanted);
	return err;
}

struct ks_error *ks_head_check(const struct ks_trust *t, const char *text, size_t len,
			       struct ks_head *head, enum ks_refusal *why)
{
	struct ks_error *err;

	memset(head, 0, sizeof(*head));
	*why = KS_REFUSED_MALFORMED;
	err = ks_signature_parse(text, len, &head->signature);
	if (!err)
		err = check_signer(t, head, why);
	if (!err) {
		*why = KS_REFUSED_MALFORMED;
		err = check_format(head->signature.comment, why);
	}
	if (!err)
		err = parse_comment(head->signature.comment, head);
	if (!err)
		err = check_kernel(t, head, why);
	if (!err)
		err = check_age(t, head, why);
	if (!err)
		err = check_time(t, head, why);
	if (err)
		ks_head_clear(head);
	else
		*why = KS_REFUSED_NOT;
	return ks_error_prefix(err, KS_REPO_HEAD);
}

void ks_head_clear(struct ks_head *head)
{
	ks_repo_kernel_clear(&head->kernel);
	memset(head, 0, sizeof(*head));
}

static struct ks_error *agree(const struct ks_head *h, const struct ks_index *index)
{
	const struct ks_repo_kernel kernel = ks_index_kernel(index);
	const char *what = !ks_repo_kernel_same(&h->kernel, &kernel) ? "kernel" :
			   h->serial != index->serial		      ? "serial number" :
			   h->created != index->created		      ? "time of creation" :
			   h->expires != index->expires		      ? "date of expiry" :
									NULL;

	if (!what)
		return NULL;
	return ks_error_new(KS_E_INPUT, "index: its %s is not that of its head", what);
}

struct ks_error *ks_head_check_index(const struct ks_head *h, const char *text, size_t len,
				     struct ks_index *index, enum ks_refusal *why)
{
	const struct ks_buf data = { .data = (char *)text, .len = len };
	struct ks_error *err;
	char sha256[65];

	memset(index, 0, sizeof(*index));
	*why = KS_REFUSED_SIZE;
	if (len != h->size)
		return ks_error_new(KS_E_INPUT, "index: it has %zu bytes, and should have %" PRIu64, len, h->size);
	*why = KS_REFUSED_HASH;
	err = ks_digest(&data, sha256);
	if (err)
		return err;
	if (strcmp(sha256, h->sha256))
		return ks_error_new(KS_E_INPUT, "index: its hash is not the one that was signed: it was changed");
	/* The comment has vouched for the hash; this is for what minisign -V says as well. */
	*why = KS_REFUSED_SIGNATURE;
	if (!ks_signature_good(&h->signature, &h->key, text, len))
		return ks_error_new(KS_E_INPUT, "index: its signature is wrong");
	*why = KS_REFUSED_MALFORMED;
	err = ks_index_parse(text, len, index);
	if (err) {
		if (ks_error_code(err) == KS_E_OUTDATED)
			*why = KS_REFUSED_CLIENT;
		return err;
	}
	*why = KS_REFUSED_DISAGREES;
	err = agree(h, index);
	if (err)
		ks_index_clear(index);
	else
		*why = KS_REFUSED_NOT;
	return err;
}
