// SPDX-License-Identifier: GPL-2.0-only
/* What a repository has, fetched; see fetch.h. */
#include "uptrack/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"

#define STALL 30
#define LIMIT 60
/* Slower than that is as good as nothing; a large file may take what it needs at that rate. */
#define LEAST_RATE 512
#define MAX_REDIRECTS 5
#define MAX_TAG 256

struct ks_fetch {
	struct ks_fetch_settings set; /* strings of its own */
	char *dir;  /* a directory instead of a server */
	char *url;
	bool afresh;
	CURL *curl;
};

/* One request, for the callbacks. */
struct request {
	struct ks_fetch *f;
	struct ks_buf *out; /* one of them */
	int fd;
	uint64_t have, max; /* bytes of the body, with those of an earlier run */
	bool too_large;
	int write_errno;
	struct ks_fetch_tag tag;
	struct ks_report *report;
	const char *label;
	char message[CURL_ERROR_SIZE];
};

void ks_fetch_tag_clear(struct ks_fetch_tag *tag)
{
	free(tag->etag);
	free(tag->modified);
	memset(tag, 0, sizeof(*tag));
}

static char *copy(const char *s)
{
	return s && *s ? ks_strdup(s) : NULL;
}

/* The directory that is meant, or NULL: it is a server's. */
static char *directory_of(const char *url)
{
	if (ks_str_starts(url, "file://"))
		return ks_strdup(url + strlen("file://"));
	return strstr(url, "://") ? NULL : ks_strdup(url);
}

struct ks_error *ks_fetch_open(const struct ks_fetch_settings *set, struct ks_fetch **fetch)
{
	struct ks_fetch *f;
	char *dir = directory_of(set->url);

	if (dir && !ks_file_is_dir(dir)) {
		struct ks_error *err = ks_error_new(KS_E_NETWORK,
						    "the repository %s is not a directory that can be read",
						    dir);

		free(dir);
		return err;
	}
	if (!dir && !ks_str_starts(set->url, "https://") && !ks_str_starts(set->url, "http://"))
		return ks_error_new(KS_E_USAGE,
				    "%s is no repository: give https://, http://, file:/// or a directory",
				    set->url);
	f = ks_alloc(sizeof(*f));
	f->dir = dir;
	f->url = ks_strdup(set->url);
	while (strlen(f->url) && f->url[strlen(f->url) - 1] == '/')
		f->url[strlen(f->url) - 1] = 0;
	f->set = *set;
	f->set.proxy = copy(set->proxy);
	f->set.ca_file = copy(set->ca_file);
	f->set.ca_dir = copy(set->ca_dir);
	f->set.accesskey = copy(set->accesskey);
	if (!dir) {
		f->curl = curl_global_init(CURL_GLOBAL_DEFAULT) ? NULL : curl_easy_init();
		if (!f->curl) {
			ks_fetch_close(f);
			return ks_error_new(KS_E_FAILED, "libcurl cannot be started");
		}
	}
	*fetch = f;
	return NULL;
}

void ks_fetch_close(struct ks_fetch *f)
{
	if (!f)
		return;
	if (f->curl)
		curl_easy_cleanup(f->curl);
	free((char *)f->set.proxy);
	free((char *)f->set.ca_file);
	free((char *)f->set.ca_dir);
	free((char *)f->set.accesskey);
	free(f->dir);
	free(f->url);
	free(f);
}

void ks_fetch_afresh(struct ks_fetch *f)
{
	f->afresh = true;
}

/* Some servers take a '+' for a blank: all but what is never anything else goes encoded. */
static char *url_of(const struct ks_fetch *f, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
	struct ks_buf url = { 0 };

	ks_buf_addf(&url, "%s/", f->url);
	for (const char *p = path; *p; p++)
		ks_buf_addf(&url, strchr(plain, *p) ? "%c" : "%%%02X", (unsigned char)*p);
	return ks_buf_steal(&url);
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data += n;
		len -= n;
	}
	return true;
}

/* The page of an error, or an answer to a report, is not what was asked for. */
static bool is_body(const struct request *r)
{
	long status = 0;

	curl_easy_getinfo(r->f->curl, CURLINFO_RESPONSE_CODE, &status);
	return (status == 200 || status == 206) && (r->out || r->fd >= 0);
}

static size_t take_body(char *data, size_t one, size_t len, void *arg)
{
	struct request *r = arg;

	(void)one;
	if (!is_body(r))
		return len;
	if (len > r->max - r->have) {
		r->too_large = true;
		return 0;
	}
	r->have += len;
	if (r->out) {
		ks_buf_add(r->out, data, len);
	} else if (!write_all(r->fd, data, len)) {
		r->write_errno = errno;
		return 0;
	}
	return len;
}

/* "Name: value\r\n", not terminated; NULL: another header, or one to be left alone. */
static char *header_value(const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	if (len < n + 1 || strncasecmp(line, name, n) || line[n] != ':')
		return NULL;
	line += n + 1;
	len -= n + 1;
	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len && strchr("\r\n \t", line[len - 1]))
		len--;
	if (!len || len > MAX_TAG)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (line[i] < ' ' || line[i] > '~')
			return NULL;
	return ks_strndup(line, len);
}

static size_t take_header(char *line, size_t one, size_t len, void *arg)
{
	struct request *r = arg;
	char *etag = header_value(line, len, "ETag"),
	     *modified = header_value(line, len, "Last-Modified");

	(void)one;
	/* That of a redirection is of no use: each answer begins anew. */
	if (len > 5 && !strncmp(line, "HTTP/", 5))
		ks_fetch_tag_clear(&r->tag);
	if (etag) {
		free(r->tag.etag);
		r->tag.etag = etag;
	}
	if (modified) {
		free(r->tag.modified);
		r->tag.modified = modified;
	}
	return len;
}

static int take_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total,
			 curl_off_t up)
{
	struct request *r = arg;

	(void)total;
	(void)now;
	(void)up_total;
	(void)up;
	if (r->label && r->have < r->max)
		ks_progress(r->report, r->have, r->max, "%s", r->label);
	return ks_interrupted();
}

static void set_common(struct ks_fetch *f, struct request *r, const char *url, unsigned int limit)
{
	CURL *c = f->curl;
	unsigned int stall = f->set.stall ? f->set.stall : STALL;

	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->message);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "uptrack/" KS_VERSION);
	/* One who listens on the way from https to http could keep the machine on an old index. */
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR,
			 ks_str_starts(url, "https://") ? "https" : "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)stall);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)LEAST_RATE);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)stall);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)limit);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, take_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, r);
	if (f->set.proxy)
		curl_easy_setopt(c, CURLOPT_PROXY, f->set.proxy);
	if (f->set.ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, f->set.ca_file);
	if (f->set.ca_dir)
		curl_easy_setopt(c, CURLOPT_CAPATH, f->set.ca_dir);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
	char *text = ks_asprintf("%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(list, text);

	free(text);
	return longer ? longer : list;
}

/* libcurl does not send the key on to another host. */
static struct curl_slist *own_headers(const struct ks_fetch *f)
{
	struct curl_slist *list = NULL;
	char *value;

	if (f->afresh)
		list = add_header(list, "Cache-Control", "no-cache");
	if (!f->set.accesskey)
		return list;
	value = ks_asprintf("Bearer %s", f->set.accesskey);
	list = add_header(list, "Authorization", value);
	free(value);
	return list;
}

static struct ks_error *transfer_error(const struct request *r, const char *url, CURLcode code)
{
	const char *why = *r->message ? r->message : curl_easy_strerror(code);

	if (ks_interrupted())
		return ks_interrupted_error();
	if (r->too_large)
		return ks_error_new(KS_E_INPUT,
				    "%s is larger than the %llu bytes that it may have; the repository, or a proxy before it, is not in order",
				    url, (unsigned long long)r->max);
	if (r->write_errno)
		return ks_error_errno(r->write_errno, "cannot write what comes from %s", url);
	return ks_error_new(KS_E_NETWORK,
			    "cannot get %s: %s; the network and [Network] in uptrack.conf decide that", url,
			    why);
}

static struct ks_error *status_error(const struct ks_fetch *f, const char *url, long status)
{
	if (status == 401 || status == 403)
		return ks_error_new(KS_E_DENIED,
				    f->set.accesskey ?
					    "%s: the server does not accept the access key (status %ld); see accesskey in uptrack.conf" :
					    "%s: the server wants an access key (status %ld); set accesskey in uptrack.conf",
				    url, status);
	return ks_error_new(KS_E_NETWORK, "%s: the server answers with status %ld; try again later", url,
			    status);
}

static struct ks_error *perform(struct ks_fetch *f, struct request *r, const char *url,
				long *status)
{
	CURLcode code = curl_easy_perform(f->curl);

	*status = 0;
	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, status);
	return code ? transfer_error(r, url, code) : NULL;
}

static struct ks_error *http_small(struct ks_fetch *f, const char *path, size_t max,
				   struct ks_fetch_tag *tag, struct ks_buf *out,
				   enum ks_fetched *what)
{
	struct ks_buf body = { 0 };
	struct request r = { .f = f, .out = &body, .fd = -1, .max = max };
	char *url = url_of(f, path);
	struct curl_slist *headers = own_headers(f);
	struct ks_error *err;
	long status;

	set_common(f, &r, url, f->set.limit ? f->set.limit : LIMIT);
	if (tag && tag->etag)
		headers = add_header(headers, "If-None-Match", tag->etag);
	if (tag && tag->modified)
		headers = add_header(headers, "If-Modified-Since", tag->modified);
	curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, headers);
	err = perform(f, &r, url, &status);
	if (!err && status == 200) {
		*what = KS_FETCHED;
		ks_buf_add(out, body.data ? body.data : "", body.len);
		if (tag) {
			ks_fetch_tag_clear(tag);
			*tag = r.tag;
			memset(&r.tag, 0, sizeof(r.tag));
		}
	} else if (!err && status == 304 && tag && (tag->etag || tag->modified)) {
		*what = KS_FETCH_UNCHANGED;
	} else if (!err && (status == 404 || status == 410)) {
		*what = KS_FETCH_MISSING;
	} else if (!err) {
		err = status_error(f, url, status);
	}
	curl_slist_free_all(headers);
	ks_fetch_tag_clear(&r.tag);
	ks_buf_free(&body);
	free(url);
	return err;
}

struct ks_error *ks_fetch_small(struct ks_fetch *f, const char *path, size_t max,
				struct ks_fetch_tag *tag, struct ks_buf *out, enum ks_fetched *what)
{
	struct ks_error *err;
	char *file;

	if (!f->dir)
		return http_small(f, path, max, tag, out, what);
	file = ks_path_join(f->dir, path);
	*what = ks_file_exists(file) ? KS_FETCHED : KS_FETCH_MISSING;
	err = *what == KS_FETCHED ? ks_file_read(file, max, out) : NULL;
	free(file);
	return err;
}

/* The part that is there already was the beginning of something else: from the start, then. */
static bool start_over(struct request *r)
{
	if (ftruncate(r->fd, 0) || lseek(r->fd, 0, SEEK_SET))
		return false;
	r->have = 0;
	return true;
}

static struct ks_error *http_range(struct ks_fetch *f, struct request *r, const char *url,
				   bool whole, long *status)
{
	struct curl_slist *headers = own_headers(f);
	struct ks_error *err;

	if (whole && !start_over(r)) {
		curl_slist_free_all(headers);
		return ks_error_errno(errno, "cannot empty the file for %s", url);
	}
	set_common(f, r, url,
		   (f->set.limit ? f->set.limit : LIMIT) + (r->max - r->have) / LEAST_RATE);
	curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, headers);
	if (r->have) {
		char *range = ks_asprintf("%llu-", (unsigned long long)r->have);

		curl_easy_setopt(f->curl, CURLOPT_RANGE, range);
		err = perform(f, r, url, status);
		free(range);
	} else {
		err = perform(f, r, url, status);
	}
	curl_slist_free_all(headers);
	return err;
}

static struct ks_error *http_large(struct ks_fetch *f, struct request *r, const char *path,
				   enum ks_fetched *what)
{
	char *url = url_of(f, path);
	bool part = r->have != 0;
	struct ks_error *err;
	long status;

	err = http_range(f, r, url, false, &status);
	/*
	 * A server that knows no ranges sends the whole file, which is now behind the
	 * part of it; and where there is no such range, the part is of no use, either.
	 */
	if (part && (status == 200 || status == 416)) {
		ks_error_free(err);
		r->too_large = false;
		err = http_range(f, r, url, true, &status);
	}
	*what = status == 404 || status == 410 ? KS_FETCH_MISSING : KS_FETCHED;
	if (!err && *what == KS_FETCHED && status != 200 && status != 206)
		err = status_error(f, url, status);
	if (!err && *what == KS_FETCHED && r->have != r->max)
		err = ks_error_new(KS_E_NETWORK, "%s ended after %llu of %llu bytes; try again", url,
				   (unsigned long long)r->have, (unsigned long long)r->max);
	free(url);
	return err;
}

static struct ks_error *copy_large(struct ks_fetch *f, struct request *r, const char *path,
				   enum ks_fetched *what)
{
	char *file = ks_path_join(f->dir, path);
	struct ks_buf data = { 0 };
	struct ks_error *err = NULL;

	*what = ks_file_exists(file) ? KS_FETCHED : KS_FETCH_MISSING;
	if (*what == KS_FETCHED)
		err = ks_file_read(file, r->max, &data);
	if (!err && *what == KS_FETCHED && data.len != r->max)
		err = ks_error_new(KS_E_INPUT, "%s has %zu bytes instead of %llu", file, data.len,
				   (unsigned long long)r->max);
	if (!err && *what == KS_FETCHED &&
	    (!start_over(r) || !write_all(r->fd, data.data, data.len)))
		err = ks_error_errno(errno, "cannot write what comes from %s", file);
	ks_buf_free(&data);
	free(file);
	return err;
}

struct ks_error *ks_fetch_large(struct ks_fetch *f, const char *path, uint64_t size, const char *to,
				const char *label, struct ks_report *report, enum ks_fetched *what)
{
	struct request r = { .f = f, .max = size, .report = report, .label = label };
	struct ks_error *err = NULL;
	struct stat st;

	r.fd = open(to, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r.fd < 0 || fstat(r.fd, &st) || lseek(r.fd, 0, SEEK_END) < 0)
		err = ks_error_errno(errno, "cannot write %s", to);
	if (!err)
		r.have = st.st_size;
	if (!err && r.have >= size && !start_over(&r))
		err = ks_error_errno(errno, "cannot write %s", to);
	if (!err)
		err = f->dir ? copy_large(f, &r, path, what) : http_large(f, &r, path, what);
	if (label)
		ks_progress(report, size, size, "%s", label);
	if (!err && *what == KS_FETCHED && fsync(r.fd))
		err = ks_error_errno(errno, "cannot write %s", to);
	ks_fetch_tag_clear(&r.tag);
	if (r.fd >= 0)
		close(r.fd);
	return err;
}

struct ks_error *ks_fetch_post(const struct ks_fetch_settings *set, const struct ks_buf *json)
{
	struct request r = { .fd = -1 };
	struct curl_slist *headers;
	struct ks_fetch *f;
	struct ks_error *err;
	long status;

	if (!ks_str_starts(set->url, "https://") && !ks_str_starts(set->url, "http://"))
		return ks_error_new(KS_E_USAGE, "%s is no URL that a report can be sent to", set->url);
	err = ks_fetch_open(set, &f);
	if (err)
		return err;
	r.f = f;
	headers = add_header(own_headers(f), "Content-Type", "application/json");
	set_common(f, &r, set->url, set->limit ? set->limit : LIMIT);
	curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(f->curl, CURLOPT_POSTFIELDS, json->data);
	curl_easy_setopt(f->curl, CURLOPT_POSTFIELDSIZE, (long)json->len);
	err = perform(f, &r, set->url, &status);
	if (!err && (status < 200 || status > 299))
		err = status_error(f, set->url, status);
	curl_slist_free_all(headers);
	ks_fetch_tag_clear(&r.tag);
	ks_fetch_close(f);
	return err;
}
