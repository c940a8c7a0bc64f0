// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fetching from a repository (lib/uptrack/fetch.c): from a directory, from a
 * web server, and from one that does what it should not.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/proc.h"
#include "server.h"
#include "tap.h"
#include "uptrack/fetch.h"

static char *dir, *part;
static struct server http, https;
static struct ks_fetch_settings settings = { .stall = 2, .limit = 4 };

static void put(const char *name, const char *text)
{
	char *path = ks_path_join(dir, name);

	die(ks_file_write(path, text, strlen(text), 0644));
	free(path);
}

static char *get(const char *path)
{
	struct ks_buf text = { 0 };

	die(ks_file_read(path, 10 << 20, &text));
	return ks_buf_steal(&text);
}

/* The last request that the server got. */
static char *last_request(void)
{
	char *path = ks_path_join(dir, "requests"), *all = get(path), *line;

	all[strlen(all) - 1] = 0;
	line = strrchr(all, '\n');
	line = ks_strdup(line ? line + 1 : all);
	free(path);
	free(all);
	return line;
}

static bool request_is(const char *want)
{
	char *line = last_request();
	bool is = !strcmp(line, want);

	if (!is)
		printf("# the request was: %s\n", line);
	free(line);
	return is;
}

static struct ks_fetch *open_at(const char *url)
{
	struct ks_fetch *f;

	settings.url = url;
	die(ks_fetch_open(&settings, &f));
	return f;
}

static struct ks_error *small(struct ks_fetch *f, const char *path, size_t max, struct ks_buf *out)
{
	enum ks_fetched what;

	return ks_fetch_small(f, path, max, NULL, out, &what);
}

static void test_small(const char *url, const char *kind)
{
	struct ks_fetch *f = open_at(url);
	enum ks_fetched what;
	struct ks_buf out = { 0 };

	put("small", "content");
	printf("# %s\n", kind);
	tap_fine(ks_fetch_small(f, "small", 7, NULL, &out, &what), "a file");
	tap_ok(what == KS_FETCHED && !strcmp(ks_buf_text(&out), "content"), "has its content");
	ks_buf_free(&out);
	tap_error(small(f, "small", 6, &out), KS_E_INPUT, "too large" + (*url == 'h' ? 4 : 0),
		  "one that is larger than it may be");
	tap_ok(!out.len, "and nothing of it");
	tap_fine(ks_fetch_small(f, "other", 7, NULL, &out, &what),
		 "one that is not there: no error");
	tap_ok(what == KS_FETCH_MISSING && !out.len, "and said");
	ks_fetch_close(f);
}

static void test_conditional(void)
{
	struct ks_fetch *f = open_at(http.url);
	struct ks_fetch_tag tag = { 0 };
	struct ks_buf out = { 0 };
	enum ks_fetched what;
	char *want;

	put("small", "content");
	die(ks_fetch_small(f, "small", 100, &tag, &out, &what));
	tap_ok(tag.etag && request_is("GET /small 200"), "the first request is a plain one");
	want = ks_asprintf("GET /small 304 If-None-Match=%s", tag.etag);
	out.len = 0;
	tap_fine(ks_fetch_small(f, "small", 100, &tag, &out, &what), "the second one");
	tap_ok(what == KS_FETCH_UNCHANGED && !out.len && request_is(want), "brings nothing");
	put("small", "changed");
	tap_fine(ks_fetch_small(f, "small", 100, &tag, &out, &what), "when it has changed");
	tap_ok(what == KS_FETCHED && !strcmp(ks_buf_text(&out), "changed"), "it is fetched");
	out.len = 0;
	tap_error(ks_fetch_small(f, "bad/304", 100, NULL, &out, &what), KS_E_NETWORK, "304",
		  "unchanged, where nothing was asked about");
	free(want);
	ks_fetch_tag_clear(&tag);
	ks_buf_free(&out);
	ks_fetch_close(f);
}

static void test_key(void)
{
	struct ks_fetch *f = open_at(http.url);
	struct ks_buf out = { 0 };

	tap_error(small(f, "bad/key", 100, &out), KS_E_DENIED, "wants an access key",
		  "no access key");
	tap_error(small(f, "bad/403", 1000, &out), KS_E_DENIED, "status 403", "forbidden");
	ks_fetch_close(f);
	settings.accesskey = "wrong";
	f = open_at(http.url);
	tap_error(small(f, "bad/key", 100, &out), KS_E_DENIED, "does not accept",
		  "a wrong access key");
	ks_fetch_close(f);
	settings.accesskey = "secret";
	f = open_at(http.url);
	tap_fine(small(f, "bad/key", 100, &out), "the right one");
	tap_ok(!strcmp(ks_buf_text(&out), "for customers"), "opens");
	out.len = 0;
	tap_fine(small(f, "bad/elsewhere", 100, &out), "a redirection to another host");
	tap_ok(request_is("GET /small 200"), "the key does not go there");
	settings.accesskey = NULL;
	ks_fetch_close(f);
	ks_buf_free(&out);
}

static void test_bad(void)
{
	static const struct {
		const char *path, *part;
		enum ks_error_code code;
	} cases[] = {
		{ "bad/500", "status 500", KS_E_NETWORK },
		{ "bad/loop", "redirects", KS_E_NETWORK },
		{ "bad/tofile", "file", KS_E_NETWORK },
		{ "bad/cut", "remaining", KS_E_NETWORK },
		{ "bad/endless", "larger than the 1000000 bytes", KS_E_INPUT },
		{ "bad/silent", "too slow", KS_E_NETWORK },
		{ "bad/drip", "too slow", KS_E_NETWORK },
	};
	struct ks_fetch *f = open_at(http.url), *nobody;
	struct ks_buf out = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		time_t before = time(NULL);

		tap_error(small(f, cases[i].path, 1000000, &out), cases[i].code, cases[i].part,
			  cases[i].path);
		tap_ok(time(NULL) - before < 8 && !out.len, "it does not take for ever, and brings nothing");
	}
	ks_fetch_close(f);
	nobody = open_at("http://127.0.0.1:1");
	tap_error(small(nobody, "x", 10, &out), KS_E_NETWORK, "onnect",
		  "a port where nobody listens");
	ks_fetch_close(nobody);
	settings.url = "ftp://example.org/";
	tap_error(ks_fetch_open(&settings, &nobody), KS_E_USAGE, "ftp://", "another protocol");
	settings.url = "/nowhere/at/all";
	tap_error(ks_fetch_open(&settings, &nobody), KS_E_NETWORK, "/nowhere",
		  "a directory that is not there");
}

static bool large(const char *url, const char *path, uint64_t size, const char *name)
{
	struct ks_fetch *f = open_at(url);
	enum ks_fetched what;
	bool good = tap_fine(ks_fetch_large(f, path, size, part, NULL, NULL, &what), name);

	ks_fetch_close(f);
	return good && what == KS_FETCHED;
}

static bool part_is(const char *text)
{
	char *got = get(part);
	bool is = !strcmp(got, text);

	free(got);
	return is;
}

static void set_part(const char *text)
{
	die(ks_file_write(part, text, strlen(text), 0600));
}

static void test_large(void)
{
	struct ks_fetch *f;
	enum ks_fetched what;
	struct stat st;

	put("large", "0123456789");
	unlink(part);
	tap_ok(large(http.url, "large", 10, "a file to the disk") && part_is("0123456789"),
	       "whole");
	tap_ok(!stat(part, &st) && (st.st_mode & 07777) == 0600, "private until it was checked");
	set_part("0123");
	tap_ok(large(http.url, "large", 10, "the rest of one") && part_is("0123456789") &&
		       request_is("GET /large 206 Range=bytes=4-"),
	       "what is there is not fetched again");
	set_part("0123");
	tap_ok(large(http.url, "norange/large", 10, "from a server that knows no ranges") &&
		       part_is("0123456789"),
	       "whole again");
	set_part("0123456789ab");
	tap_ok(large(http.url, "large", 10, "a part that is too long") && part_is("0123456789"),
	       "is thrown away");
	put("large", "012");
	set_part("0123");
	f = open_at(http.url);
	tap_error(ks_fetch_large(f, "large", 10, part, NULL, NULL, &what), KS_E_NETWORK, "after 3 of 10",
		  "a file that is shorter than the index says");
	put("large", "0123456789abcdef");
	unlink(part);
	tap_error(ks_fetch_large(f, "large", 10, part, NULL, NULL, &what), KS_E_INPUT, "larger than",
		  "one that is longer");
	tap_ok(!stat(part, &st) && st.st_size <= 10, "no more than its size was kept");
	unlink(part);
	tap_fine(ks_fetch_large(f, "gone", 10, part, NULL, NULL, &what), "one that is not there");
	tap_ok(what == KS_FETCH_MISSING && !stat(part, &st) && !st.st_size,
	       "is said, and no page kept");
	tap_error(ks_fetch_large(f, "bad/endless", 10000, part, NULL, NULL, &what), KS_E_INPUT,
		  "larger than", "one without an end");
	tap_error(ks_fetch_large(f, "large", 16, "/dev/full", NULL, NULL, &what), KS_E_SYSTEM,
		  "", "a full disk");
	ks_fetch_close(f);
	f = open_at(dir);
	unlink(part);
	tap_fine(ks_fetch_large(f, "large", 16, part, NULL, NULL, &what), "a file of a directory");
	tap_ok(part_is("0123456789abcdef"), "whole");
	tap_error(ks_fetch_large(f, "large", 17, part, NULL, NULL, &what), KS_E_INPUT, "16 bytes instead",
		  "of another size");
	ks_fetch_close(f);
}

static void test_tls(void)
{
	char *cert = ks_path_join(dir, "cert"), *key = ks_path_join(dir, "key");
	const char *argv[] = { "openssl",  "req",      "-x509",	  "-newkey",
			       "rsa:2048", "-nodes",   "-days",	  "2",
			       "-subj",	   "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
			       "-keyout",  key,	       "-out",	  cert,
			       NULL };
	struct ks_buf out = { 0 };
	struct ks_fetch *f;

	die(ks_proc_output(argv, NULL));
	https = server_start(dir, cert, key);
	put("small", "content");
	f = open_at(https.url);
	tap_error(small(f, "small", 100, &out), KS_E_NETWORK, "certificate",
		  "a certificate of nobody");
	ks_fetch_close(f);
	settings.ca_file = cert;
	f = open_at(https.url);
	tap_fine(small(f, "small", 100, &out), "one of an authority that is trusted");
	put("plain-url", http.url);
	out.len = 0;
	tap_error(small(f, "bad/plain", 100, &out), KS_E_NETWORK, "http", "from https to http");
	ks_fetch_close(f);
	ks_buf_free(&out);
	server_stop(&https);
	settings.ca_file = NULL;
	free(cert);
	free(key);
}

/* Names of Debian's have characters that a URL must not have. */
static void test_names(void)
{
	struct ks_fetch *f = open_at(http.url);
	struct ks_buf out = { 0 };

	put("linux_6.1.0~rc1+b2:1", "content");
	tap_fine(small(f, "linux_6.1.0~rc1+b2:1", 100, &out), "a name with + and :");
	tap_ok(request_is("GET /linux_6.1.0~rc1%2Bb2%3A1 200"), "goes encoded");
	ks_fetch_afresh(f);
	tap_fine(small(f, "small", 100, &out), "afresh");
	tap_ok(request_is("GET /small 200 Cache-Control=no-cache"), "caches are told so");
	ks_buf_free(&out);
	ks_fetch_close(f);
}

static void test_post(void)
{
	struct ks_fetch_settings post = { .stall = 2, .limit = 4 };
	char *url = ks_asprintf("%s/report", http.url), *bad = ks_asprintf("%s/bad/500", http.url);
	char *path = ks_path_join(dir, "posted"), *got;
	struct ks_buf json = { 0 };

	ks_buf_adds(&json, "{\"x\": 1}");
	post.url = url;
	tap_fine(ks_fetch_post(&post, &json), "a report");
	got = get(path);
	tap_ok(!strcmp(got, json.data), "arrives");
	post.url = bad;
	tap_error(ks_fetch_post(&post, &json), KS_E_NETWORK, "500", "a server that cannot take it");
	post.url = "/tmp/x";
	tap_error(ks_fetch_post(&post, &json), KS_E_USAGE, "/tmp/x", "a report to no server");
	ks_buf_free(&json);
	free(got);
	free(path);
	free(url);
	free(bad);
}

int main(void)
{
	die(ks_dir_temp("ksplice-test-fetch", &dir));
	part = ks_path_join(dir, "part");
	/* A proxy of the machine is not for its own address. */
	setenv("no_proxy", "127.0.0.1,localhost", 1);
	http = server_start(dir, NULL, NULL);
	test_small(dir, "from a directory");
	test_small(http.url, "from a server");
	test_conditional();
	test_key();
	test_bad();
	test_large();
	test_names();
	test_tls();
	test_post();
	server_stop(&http);
	die(ks_dir_remove(dir));
	free(dir);
	free(part);
	return tap_done();
}
