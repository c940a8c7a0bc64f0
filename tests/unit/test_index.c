// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of a kernel and its head: what is written is read again; and every
 * attack of a server, a mirror or a cache is refused, each for its reason.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "pack/digest.h"
#include "tap.h"
#include "uptrack/head.h"
#include "uptrack/key.h"

#define NOW 1764115200ull
#define DAY 86400ull

static struct ks_secret_key secret, other_secret;
static struct ks_public_key public_key, other_key;
static struct ks_repo_kernel kernel;

static void add_update(struct ks_index *index, const char *id, const char *depends)
{
	struct ks_index_update *u = ks_index_add(index);
	const struct ks_buf hashed = { .data = (char *)id, .len = strlen(id) };

	u->id = ks_strdup(id);
	u->name = ks_asprintf("A fix called %s", id);
	u->description = ks_strdup("It fixes something.");
	ks_strv_addf(&u->cves, "CVE-2026-1234%zu", index->updates.len);
	if (depends)
		ks_strv_add(&u->depends, depends);
	ks_strv_add(&u->targets, "vmlinux");
	u->size = 12345;
	die(ks_digest(&hashed, u->sha256));
	u->release = ks_strdup("6.1.0-57-cloud-amd64");
	u->version = ks_strdup("6.1.193-1");
}

static void make_index(struct ks_index *index)
{
	memset(index, 0, sizeof(*index));
	index->distribution = ks_strdup("debian");
	index->arch = ks_strdup("amd64");
	index->release = ks_strdup("6.1.0-56-cloud-amd64");
	index->version = ks_strdup("6.1.192-2");
	index->serial = 7;
	index->created = NOW - DAY;
	index->expires = NOW + 30 * DAY;
	index->client = 1;
	index->poll = 14400;
	add_update(index, "abc", NULL);
	add_update(index, "def", "abc");
}

/* An index as it lies in a repository. */
struct published {
	struct ks_buf index, head;
};

static struct published publish(const struct ks_index *index, const struct ks_secret_key *key)
{
	struct published p = { 0 };

	die(ks_index_write(index, &p.index));
	die(ks_head_make(index, &p.index, key, &p.head));
	return p;
}

static void published_free(struct published *p)
{
	ks_buf_free(&p->index);
	ks_buf_free(&p->head);
}

static struct ks_trust trust(void)
{
	return (struct ks_trust){ .keys = &public_key, .nr_keys = 1, .kernel = &kernel, .now = NOW };
}

/* As a client does it; the error is printed and freed. */
static enum ks_refusal ask(const struct ks_trust *t, const struct published *p)
{
	struct ks_index index = { 0 };
	enum ks_refusal why;
	struct ks_error *err;
	struct ks_head head;

	err = ks_head_check(t, ks_buf_text(&p->head), p->head.len, &head, &why);
	if (!err)
		err = ks_head_check_index(&head, ks_buf_text(&p->index), p->index.len, &index, &why);
	if (err)
		printf("# %s: %s\n", ks_refusal_name(why), ks_error_message(err));
	/* An error has a reason, and a reason an error. */
	if (!err != (why == KS_REFUSED_NOT))
		tap_ok(false, "error and reason agree");
	ks_error_free(err);
	ks_index_clear(&index);
	ks_head_clear(&head);
	return why;
}

static void refused(const struct ks_trust *t, const struct published *p, enum ks_refusal expected,
		    const char *name)
{
	enum ks_refusal why = ask(t, p);

	tap_ok(why == expected, "%s: %s", name, ks_refusal_name(why));
}

static void test_good(void)
{
	struct ks_index index, again;
	struct ks_trust t = trust();
	struct ks_buf text = { 0 };
	struct published p;
	struct ks_head head;
	enum ks_refusal why;
	char *path;

	make_index(&index);
	index.retired = ks_strdup("Install a newer kernel.");
	index.retired_date = NOW;
	index.has_next_key = true;
	index.next_key = other_key;
	index.updates.v[1].withdrawn = ks_strdup("It makes the disk slow.");
	*ks_vec_push(&index.alerts) = (struct ks_index_alert){ NOW, ks_strdup("Read this.") };
	p = publish(&index, &secret);
	refused(&t, &p, KS_REFUSED_NOT, "a good index is accepted");
	t.serial = 7;
	refused(&t, &p, KS_REFUSED_NOT, "and when it was seen before");
	tap_fine(ks_index_parse(p.index.data, p.index.len, &again), "it is read");
	tap_fine(ks_index_write(&again, &text), "and written again");
	tap_ok(!strcmp(text.data, p.index.data), "as the same text");
	tap_ok(again.has_next_key && ks_key_same(&again.next_key, &other_key) && again.updates.len == 2 &&
		       !strcmp(again.updates.v[1].withdrawn, "It makes the disk slow.") &&
		       !strcmp(again.updates.v[1].depends.v[0], "abc") && again.retired_date == NOW &&
		       again.alerts.len == 1 && again.poll == 14400,
	       "nothing of it is lost");
	t.kernel = NULL;
	tap_fine(ks_head_check(&t, p.head.data, p.head.len, &head, &why), "a publisher looks at all kernels");
	tap_ok(head.serial == 7 && head.size == p.index.len && head.expires == NOW + 30 * DAY,
	       "the head says what the index is");
	path = ks_repo_head_path(&head.kernel);
	tap_ok(!strcmp(path, "v1/kernels/debian/amd64/6.1.0-56-cloud-amd64/6.1.192-2/head.minisig"), "%s", path);
	free(path);
	ks_head_clear(&head);
	ks_buf_free(&text);
	ks_index_clear(&again);
	ks_index_clear(&index);
	published_free(&p);
}

/* The attack table: what somebody between the publisher and the client could try. */
static void test_attacks(void)
{
	struct published p, q, mixed;
	struct ks_repo_kernel another;
	struct ks_trust t = trust();
	struct ks_index index;
	size_t wrong = 0;

	make_index(&index);
	p = publish(&index, &secret);

	t.serial = 8;
	refused(&t, &p, KS_REFUSED_OLD, "an old index, replayed");
	t.serial = 7;
	t.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
	refused(&t, &p, KS_REFUSED_OLD, "two indexes of one serial number");
	t = trust();
	t.now = NOW + 30 * DAY;
	refused(&t, &p, KS_REFUSED_EXPIRED, "an expired index, frozen");
	t.now--;
	refused(&t, &p, KS_REFUSED_NOT, "one second before that");
	t.now = NOW - 3 * DAY;
	refused(&t, &p, KS_REFUSED_FUTURE, "one from the future");
	t.now = 0;
	refused(&t, &p, KS_REFUSED_NOT, "no clock, no check of times");

	t = trust();
	t.keys = &other_key;
	refused(&t, &p, KS_REFUSED_KEY, "signed by a key that is not trusted");
	q = publish(&index, &other_secret);
	t = trust();
	refused(&t, &q, KS_REFUSED_KEY, "signed by somebody else");
	published_free(&q);
	memcpy(other_secret.id, secret.id, sizeof(secret.id));
	q = publish(&index, &other_secret);
	refused(&t, &q, KS_REFUSED_SIGNATURE, "signed by somebody else under the id of our key");
	published_free(&q);
	memcpy(other_secret.id, other_key.id, sizeof(secret.id));
	t.nr_keys = 0;
	refused(&t, &p, KS_REFUSED_KEY, "nobody is trusted");

	die(ks_repo_kernel_parse("debian/amd64/6.1.0-55-cloud-amd64/6.1.190-1", &another));
	t = trust();
	t.kernel = &another;
	refused(&t, &p, KS_REFUSED_KERNEL, "swapped between kernels");
	ks_repo_kernel_clear(&another);
	die(ks_repo_kernel_parse("debian/amd64/6.1.0-56-cloud-amd64/6.1.192-1", &another));
	refused(&t, &p, KS_REFUSED_KERNEL, "of another version of the same release");
	ks_repo_kernel_clear(&another);

	t = trust();
	for (size_t n = 0; n < p.head.len; n++) {
		struct published cut = { p.index, { .data = p.head.data, .len = n } };

		wrong += ask(&t, &cut) != KS_REFUSED_MALFORMED;
	}
	tap_ok(!wrong, "a head that is cut off anywhere is malformed (%zu were not)", wrong);
	mixed = p;
	mixed.index.len--;
	refused(&t, &mixed, KS_REFUSED_SIZE, "an index that is cut off");
	mixed = p;
	mixed.index.len++; /* its NUL */
	refused(&t, &mixed, KS_REFUSED_SIZE, "a byte behind the index");
	mixed = p;
	mixed.head.len++;
	refused(&t, &mixed, KS_REFUSED_MALFORMED, "a byte behind the head");
	p.index.data[p.index.len / 2] ^= 1;
	refused(&t, &p, KS_REFUSED_HASH, "a bit of the index changed");
	p.index.data[p.index.len / 2] ^= 1;

	/* Of the same publisher, but not of each other. */
	free(index.updates.v[0].name);
	index.updates.v[0].name = ks_strdup("A fax called abc");
	q = publish(&index, &secret);
	mixed = (struct published){ p.index, q.head };
	refused(&t, &mixed, KS_REFUSED_HASH, "the head of one index and another index");
	published_free(&q);
	published_free(&p);
	ks_index_clear(&index);
}

/* Signed by the right key, but with a comment that is not that of this index. */
static void test_comments(void)
{
	static const struct {
		const char *from, *to;
		enum ks_refusal why;
	} cases[] = {
		{ "serial=7", "serial=8", KS_REFUSED_DISAGREES },
		{ "serial=7", "serial=07", KS_REFUSED_MALFORMED },
		{ "serial=7", "serial=+7", KS_REFUSED_MALFORMED },
		{ "serial=7", "serial=0", KS_REFUSED_MALFORMED },
		{ "serial=7", "serial=-7", KS_REFUSED_MALFORMED },
		{ "serial=7", "serial=9007199254740993", KS_REFUSED_MALFORMED },
		{ "serial=7", "serial=99999999999999999999", KS_REFUSED_MALFORMED },
		{ "serial=7 ", "", KS_REFUSED_MALFORMED },
		{ "expires=1766707200", "expires=1798243200", KS_REFUSED_DISAGREES },
		{ "created=1764028800", "created=1764028801", KS_REFUSED_DISAGREES },
		{ "expires=1766707200", "expires=1764028800", KS_REFUSED_MALFORMED },
		{ "uptrack 1 ", "uptrack 2 ", KS_REFUSED_CLIENT },
		{ "uptrack 1 ", "uptrack 01 ", KS_REFUSED_MALFORMED },
		{ "uptrack 1 ", "uptrack-key 1 ", KS_REFUSED_MALFORMED },
		{ " size=", "  size=", KS_REFUSED_MALFORMED },
		{ "/amd64/", "/arm64/", KS_REFUSED_KERNEL },
		{ "/amd64/", "/../", KS_REFUSED_MALFORMED },
		{ "/amd64/", "/", KS_REFUSED_MALFORMED },
		{ "sha256=", "sha256=0", KS_REFUSED_MALFORMED },
	};
	struct ks_trust t = trust();
	struct ks_signature sig;
	struct ks_index index;
	struct published p;

	make_index(&index);
	p = publish(&index, &secret);
	die(ks_signature_parse(p.head.data, p.head.len, &sig));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *at = strstr(sig.comment, cases[i].from);
		char *comment, *name;
		struct ks_signature changed;

		if (!at) {
			tap_ok(false, "the comment has %s", cases[i].from);
			continue;
		}
		comment = ks_asprintf("%.*s%s%s", (int)(at - sig.comment), sig.comment, cases[i].to,
				      at + strlen(cases[i].from));
		die(ks_sign(&secret, p.index.data, p.index.len, comment, &changed));
		p.head.len = 0;
		ks_signature_write(&changed, &p.head);
		name = ks_asprintf("\"%s\" for \"%s\"", cases[i].to, cases[i].from);
		refused(&t, &p, cases[i].why, name);
		free(name);
		free(comment);
	}
	published_free(&p);
	ks_index_clear(&index);
}

/* One member of the text changed; the error has to name it. */
static void test_members(void)
{
	static const struct {
		const char *from, *to, *error;
	} cases[] = {
		{ "\"format\": 1", "\"format\": \"1\"", "\"format\"" },
		{ "\"serial\": 7", "\"serial\": 0", "\"serial\"" },
		{ "\"serial\": 7", "\"serial\": 7.5", "\"serial\"" },
		{ "\"serial\": 7", "\"serial\": -7", "\"serial\"" },
		{ "\"serial\": 7", "\"serial\": 9007199254740992", "\"serial\"" },
		{ "\"serial\": 7", "\"serial\": 7, \"serial\": 7", "duplicate" },
		{ "\"poll\": 14400", "\"poll\": 1", "\"poll\"" },
		{ "\"expires\": 17", "\"expires\": 1", "expires before" },
		{ "\"id\": \"abc\"", "\"id\": \"../abc\"", "id" },
		{ "\"id\": \"abc\"", "\"id\": \"\"", "id" },
		{ "\"id\": \"def\"", "\"id\": \"abc\"", "twice" },
		{ "\"depends\": [\n    \"abc\"", "\"depends\": [\n    \"xyz\"", "not before it" },
		{ "\"depends\": [\n    \"abc\"", "\"depends\": [\n    \"def\"", "not before it" },
		{ "\"depends\": [\n    \"abc\"", "\"depends\": [\n    \"abc\", \"abc\"", "twice" },
		{ "\"depends\": []", "\"depends\": [\"def\"]", "not before it" },
		{ "\"name\": \"A fix called abc\"", "\"name\": \"\"", "name" },
		{ "\"name\": \"A fix called abc\"", "\"name\": \"a\\u001b[2Jb\"", "control" },
		{ "\"name\": \"A fix called abc\"", "\"name\": \"a\\nInstall [x] y\"", "control" },
		{ "\"name\": \"A fix called abc\"", "\"name\": 3", "\"name\"" },
		{ "CVE-2026-12341", "CVE-2026-1", "CVE-2026-1" },
		{ "CVE-2026-12341", "GHSA-2026-12341", "GHSA" },
		{ "\"vmlinux\"", "\"../vmlinux\"", "targets" },
		{ "\"vmlinux\"", "\"vmlinux\", \"vmlinux\"", "twice" },
		{ "\"size\": 12345", "\"size\": 0", "size" },
		{ "\"size\": 12345", "\"size\": 268435457", "size" },
		{ "\"sha256\": \"", "\"sha256\": \"0", "sha256" },
		{ "\"sha256\": \"", "\"sha257\": \"", "sha256" },
		{ "\"release\": \"6.1.0-57-cloud-amd64\"", "\"release\": \"a b\"", "release" },
		{ "\"release\": \"6.1.0-56-cloud-amd64\"", "\"release\": \"../..\"", "release" },
		{ "\"updates\": [", "\"updates\": [3, ", "object" },
		{ "\"alerts\": []", "\"alerts\": [{\"text\": \"x\"}]", "date" },
		{ "\"alerts\": []", "\"alerts\": [], \"retired\": \"yes\"", "retired" },
		{ "\"alerts\": []", "\"alerts\": [], \"next_key\": \"abc\"", "next_key" },
		{ "\"client\": 1", "\"client\": 2", "newer" },
		{ "\"format\": 1", "\"format\": 2", "newer" },
		{ "\"effective\": {", "\"effective\": 3, \"x\": {", "effective" },
		{ "\"description\": \"It fixes something.\"", "\"description\": \"x\", \"withdrawn\": \"bad\"",
		  "withdrawn" },
	};
	struct ks_index index, read;
	struct ks_buf text = { 0 };

	make_index(&index);
	die(ks_index_write(&index, &text));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *at = strstr(text.data, cases[i].from);
		struct ks_error *err;
		char *changed;

		if (!at) {
			tap_ok(false, "the index has %s", cases[i].from);
			continue;
		}
		changed = ks_asprintf("%.*s%s%s", (int)(at - text.data), text.data, cases[i].to,
				      at + strlen(cases[i].from));
		err = ks_index_parse(changed, strlen(changed), &read);
		tap_ok(err && strstr(ks_error_message(err), cases[i].error), "%s: %s", cases[i].to,
		       err ? ks_error_message(err) : "accepted");
		ks_error_free(err);
		free(changed);
	}
	for (size_t i = 0; i < KS_INDEX_UPDATES; i++) {
		char *id = ks_asprintf("x%zu", i);

		add_update(&index, id, NULL);
		free(id);
	}
	text.len = 0;
	tap_error(ks_index_write(&index, &text), KS_E_INPUT, "more than 1024", "too many updates");
	ks_index_clear(&index);
	make_index(&index);
	free(index.updates.v[0].name);
	index.updates.v[0].name = ks_strdup("\xff");
	tap_error(ks_index_write(&index, &text), KS_E_INPUT, "UTF-8", "text that is no UTF-8");
	tap_ok(!text.len, "nothing was written");
	ks_index_clear(&index);
	ks_buf_free(&text);
}

static void test_pack(void)
{
	struct ks_manifest m = { 0 };
	struct ks_index index;

	make_index(&index);
	ks_manifest_init(&m, "abc", "");
	ks_manifest_set_kernel(&m, "6.1.0-56-cloud-amd64", "6.1.192-2");
	ks_strv_add(&m.targets, "vmlinux");
	tap_fine(ks_index_check_pack(&index, &index.updates.v[0], &m), "the package of an update");
	tap_error(ks_index_check_pack(&index, &index.updates.v[1], &m), KS_E_INPUT, "holds the update abc",
		  "the package of another one");
	ks_strv_add(&m.targets, "xfs");
	tap_error(ks_index_check_pack(&index, &index.updates.v[0], &m), KS_E_INPUT, "patches xfs",
		  "one that patches more");
	ks_manifest_set_kernel(&m, "6.1.0-56-cloud-amd64", "6.1.192-1");
	tap_error(ks_index_check_pack(&index, &index.updates.v[0], &m), KS_E_INPUT, "is for the kernel",
		  "one for another version");
	ks_manifest_clear(&m);
	ks_index_clear(&index);
}

static void test_keys(void)
{
	struct ks_buf next = { 0 }, sig = { 0 }, head = { 0 };
	struct ks_public_key found;
	struct ks_signature plain;
	struct ks_index index;
	struct published p;

	ks_public_key_write(&other_key, &next);
	tap_fine(ks_key_hand_over(&secret, &next, &sig), "a key names its successor");
	tap_fine(ks_key_follow(&public_key, &next, &sig, &found), "which is found");
	tap_ok(ks_key_same(&found, &other_key), "and is the one");
	tap_error(ks_key_follow(&other_key, &next, &sig, &found), KS_E_INPUT, "not signed", "no key names itself");
	die(ks_sign(&secret, next.data, next.len, "uptrack 1", &plain));
	ks_signature_write(&plain, &head);
	tap_error(ks_key_follow(&public_key, &next, &head, &found), KS_E_INPUT, "not signed",
		  "a signature of something else is none of a key");
	make_index(&index);
	p = publish(&index, &secret);
	tap_error(ks_key_follow(&public_key, &p.index, &p.head, &found), KS_E_INPUT, "the next key",
		  "an index is no key");
	ks_index_clear(&index);
	published_free(&p);
	ks_buf_free(&next);
	ks_buf_free(&sig);
	ks_buf_free(&head);
}

static void test_names(void)
{
	static const char *const bad[] = { "", "debian", "debian/amd64/r", "debian/amd64//v", "/amd64/r/v",
					   "debian/amd64/r/v/w", "debian/../r/v", "debian/amd64/r/.v",
					   "debian/amd64/r/v w", "debian/amd64/r/v\n", "debian/a%2f/r/v" };
	struct ks_repo_kernel k;
	char *name;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		tap_error(ks_repo_kernel_parse(bad[i], &k), KS_E_INPUT, "is no kernel", bad[i]);
	tap_fine(ks_repo_kernel_parse("debian/amd64/6.12.9+bpo-amd64/1:6.12.9-1~bpo12+1", &k), "a backport");
	name = ks_repo_kernel_name(&k);
	tap_ok(!strcmp(name, "debian/amd64/6.12.9+bpo-amd64/1:6.12.9-1~bpo12+1"), "%s", name);
	free(name);
	ks_repo_kernel_clear(&k);
	tap_ok(!strcmp(ks_repo_arch("x86_64"), "amd64") && !strcmp(ks_repo_arch("ppc64le"), "ppc64le"),
	       "architectures");
}

/* The example that the documentation refers to: made once, with keys that are in no use. */
static void test_example(void)
{
	static const char dir[] = "tests/unit/uptrack/";
	struct ks_buf pub = { 0 };
	struct published p = { 0 };
	struct ks_trust t = trust();
	struct ks_public_key key;
	char *path;

	path = ks_asprintf("%skey.pub", dir);
	die(ks_file_read(path, KS_KEY_MAX, &pub));
	free(path);
	path = ks_asprintf("%shead.minisig", dir);
	die(ks_file_read(path, KS_SIGNATURE_MAX, &p.head));
	free(path);
	path = ks_asprintf("%sindex.json", dir);
	die(ks_file_read(path, KS_INDEX_MAX, &p.index));
	free(path);
	tap_fine(ks_public_key_parse(pub.data, pub.len, &key), "the example's key");
	t.keys = &key;
	refused(&t, &p, KS_REFUSED_NOT, "the example in the documentation");
	ks_buf_free(&pub);
	published_free(&p);
}

int main(void)
{
	die(ks_secret_key_make(&secret));
	die(ks_secret_key_make(&other_secret));
	ks_secret_key_public(&secret, &public_key);
	ks_secret_key_public(&other_secret, &other_key);
	die(ks_repo_kernel_parse("debian/amd64/6.1.0-56-cloud-amd64/6.1.192-2", &kernel));
	test_good();
	test_attacks();
	test_comments();
	test_members();
	test_pack();
	test_keys();
	test_names();
	test_example();
	ks_repo_kernel_clear(&kernel);
	return tap_done();
}
