// SPDX-License-Identifier: GPL-2.0-only
/* What a machine remembers; see state.h. */
#include "uptrack/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"

#define FORMAT 1
#define MAX_STATE (1u << 20)
/* A machine runs one; the serials of those that it ran before are kept for a while. */
#define MAX_KERNELS 32

char *ks_boot_id(const struct ks_uptrack *up)
{
	char *path = ks_path_join(up->proc, "sys/kernel/random/boot_id");
	struct ks_buf text = { 0 };

	ks_error_free(ks_file_read(path, 256, &text));
	free(path);
	if (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = 0;
	return ks_buf_steal(&text);
}

void ks_state_set(char **text, const char *to)
{
	char *new = to ? ks_strdup(to) : NULL;

	free(*text);
	*text = new;
}

static void clear_kernel(struct ks_state_kernel *k)
{
	ks_vec_for(&k->installed, u) {
		free(u->id);
		free(u->name);
	}
	ks_vec_free(&k->installed);
	free(k->kernel);
}

struct ks_state_kernel *ks_state_kernel(struct ks_state *s, const char *kernel)
{
	struct ks_state_kernel *k;

	ks_vec_for(&s->kernels, it)
		if (!strcmp(it->kernel, kernel))
			return it;
	if (s->kernels.len == MAX_KERNELS) {
		clear_kernel(s->kernels.v);
		memmove(s->kernels.v, s->kernels.v + 1, --s->kernels.len * sizeof(*s->kernels.v));
	}
	k = ks_vec_push(&s->kernels);
	k->kernel = ks_strdup(kernel);
	return k;
}

static struct ks_state_update *find(const struct ks_state_kernel *k, const char *id)
{
	ks_vec_for(&k->installed, u)
		if (!strcmp(u->id, id))
			return u;
	return NULL;
}

const struct ks_state_update *ks_state_installed(const struct ks_state_kernel *k, const char *id)
{
	return find(k, id);
}

void ks_state_add(struct ks_state_kernel *k, const char *id, const char *name, const char *sha256,
		  uint64_t size)
{
	struct ks_state_update *u = find(k, id);

	if (!u) {
		u = ks_vec_push(&k->installed);
		u->id = ks_strdup(id);
	}
	ks_state_set(&u->name, name);
	memset(u->sha256, 0, sizeof(u->sha256));
	strncpy(u->sha256, sha256, sizeof(u->sha256) - 1);
	u->size = size;
}

void ks_state_drop(struct ks_state_kernel *k, const char *id)
{
	struct ks_state_update *u = find(k, id);

	if (!u)
		return;
	free(u->id);
	free(u->name);
	memmove(u, u + 1, (k->installed.v + --k->installed.len - u) * sizeof(*u));
}

/* Reading. */

static bool take_update(const json_t *value, struct ks_state_kernel *k)
{
	const char *id, *name, *sha256;
	json_int_t size;

	if (json_unpack((json_t *)value, "{s:s, s:s, s:s, s:I}", "id", &id, "name", &name, "sha256",
			&sha256, "size", &size) ||
	    strlen(sha256) != 64 || size < 0)
		return false;
	ks_state_add(k, id, name, sha256, size);
	return true;
}

static bool take_kernel(const json_t *value, struct ks_state *s)
{
	const char *name, *sha256;
	json_int_t serial;
	json_t *installed, *update;
	struct ks_state_kernel *k;
	size_t i;

	if (json_unpack((json_t *)value, "{s:s, s:I, s:s, s:o}", "kernel", &name, "serial", &serial,
			"sha256", &sha256, "installed", &installed) ||
	    serial < 0 || strlen(sha256) > 64 || !json_is_array(installed))
		return false;
	k = ks_state_kernel(s, name);
	k->serial = serial;
	strcpy(k->sha256, sha256);
	json_array_foreach(installed, i, update)
		if (!take_update(update, k))
			return false;
	return true;
}

static bool take_lines(const json_t *list, struct ks_strv *lines)
{
	const json_t *value;
	size_t i;

	if (!json_is_array(list))
		return false;
	json_array_foreach(list, i, value) {
		if (!json_is_string(value))
			return false;
		ks_strv_add(lines, json_string_value(value));
	}
	return true;
}

static bool take_state(const json_t *root, struct ks_state *s)
{
	json_t *kernels, *keys, *dropped, *value;
	const char *pending = NULL, *boot = NULL, *held = NULL;
	int format;
	size_t i;

	if (json_unpack((json_t *)root, "{s:i, s:o, s:o, s:o, s?s, s?s, s?s}", "format", &format,
			"kernels", &kernels, "keys", &keys, "dropped", &dropped, "pending",
			&pending, "pending_boot", &boot, "held", &held) ||
	    format != FORMAT || !json_is_array(kernels) || !take_lines(keys, &s->keys) ||
	    !take_lines(dropped, &s->dropped))
		return false;
	json_array_foreach(kernels, i, value)
		if (!take_kernel(value, s))
			return false;
	ks_state_set(&s->pending, pending);
	ks_state_set(&s->pending_boot, boot);
	ks_state_set(&s->held, held);
	return true;
}

static struct ks_error *read_state(struct ks_state *s)
{
	char *path = ks_path_join(s->dir, "state.json");
	struct ks_buf text = { 0 };
	struct ks_error *err = NULL;
	json_t *root;

	if (!ks_file_exists(path))
		goto out;
	err = ks_file_read(path, MAX_STATE, &text);
	if (err)
		goto out;
	root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!root || !take_state(root, s))
		err = ks_error_new(KS_E_INPUT,
				   "%s is damaged, or of another version of uptrack; move it away to begin anew (updates that are applied stay so)",
				   path);
	json_decref(root);
out:
	ks_buf_free(&text);
	free(path);
	return err;
}

/* Writing. */

static json_t *kernel_json(const struct ks_state_kernel *k)
{
	json_t *installed = json_array();

	ks_vec_for(&k->installed, u)
		json_array_append_new(installed, json_pack("{s:s, s:s, s:s, s:I}", "id", u->id,
							   "name", u->name, "sha256", u->sha256,
							   "size", (json_int_t)u->size));
	return json_pack("{s:s, s:I, s:s, s:o}", "kernel", k->kernel, "serial",
			 (json_int_t)k->serial, "sha256", k->sha256, "installed", installed);
}

struct ks_error *ks_state_save(const struct ks_state *s)
{
	json_t *kernels = json_array(), *root;
	char *path = ks_path_join(s->dir, "state.json"), *text;
	struct ks_error *err;

	ks_vec_for(&s->kernels, k)
		json_array_append_new(kernels, kernel_json(k));
	/* The stars: what is not there is left out. */
	root = json_pack("{s:i, s:o, s:o, s:o, s:s*, s:s*, s:s*}", "format", FORMAT, "kernels",
			 kernels, "keys", ks_json_list(&s->keys), "dropped",
			 ks_json_list(&s->dropped), "pending", s->pending, "pending_boot",
			 s->pending_boot, "held", s->held);
	text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	if (s->lock < 0 || !text)
		err = ks_error_new(KS_E_FAILED, "%s cannot be written without the lock, or with text that is no UTF-8", path);
	else
		err = ks_file_write_durable(path, text, strlen(text), 0644);
	free(text);
	free(path);
	json_decref(root);
	return err;
}

/* A random UUID (RFC 4122, version 4). */
static struct ks_error *make_uuid(char **uuid)
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return ks_error_errno(errno, "no random numbers");
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	*uuid = ks_asprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
			    b[11], b[12], b[13], b[14], b[15]);
	return NULL;
}

/* Who only looks at a machine that has none yet gets "". */
static struct ks_error *read_uuid(struct ks_state *s)
{
	char *path = ks_path_join(s->dir, "uuid"), *line = NULL;
	struct ks_buf text = { 0 };
	struct ks_error *err = NULL;

	if (ks_file_exists(path)) {
		err = ks_file_read(path, 256, &text);
		s->uuid = ks_strndup(ks_buf_text(&text),
				     strspn(ks_buf_text(&text), "0123456789abcdef-"));
	} else if (s->lock < 0) {
		s->uuid = ks_strdup("");
	} else {
		err = make_uuid(&s->uuid);
		if (!err) {
			line = ks_asprintf("%s\n", s->uuid);
			err = ks_file_write_durable(path, line, strlen(line), 0644);
		}
	}
	free(line);
	free(path);
	ks_buf_free(&text);
	return err;
}

/* The lock. */

/* "uptrack-upgrade (pid 71)", as the holder wrote it; the caller frees. */
static char *holder(int fd)
{
	char text[128] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return ks_strdup("another command");
	text[strcspn(text, "\n")] = 0;
	ks_text_clean(text);
	return ks_strdup(text);
}

static void sign_lock(int fd)
{
	char *text = ks_asprintf("%s (pid %d)\n", program_invocation_short_name, getpid());

	/* Only for people: the lock is held whatever is in the file. */
	if (ftruncate(fd, 0) || pwrite(fd, text, strlen(text), 0) < 0)
		errno = 0;
	free(text);
}

static struct ks_error *wait_for_lock(int fd, unsigned int wait, struct ks_report *r)
{
	struct timespec moment = { .tv_nsec = 200 * 1000 * 1000 };
	time_t until = time(NULL) + wait;
	bool said = false;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		char *who;

		if (errno != EWOULDBLOCK && errno != EINTR)
			return ks_error_errno(errno, "cannot take the lock of uptrack");
		if (ks_interrupted())
			return ks_interrupted_error();
		who = holder(fd);
		if (time(NULL) >= until) {
			struct ks_error *err = ks_error_new(KS_E_REFUSED,
							    "%s is at work on this machine; wait until it has ended",
							    who);

			free(who);
			return err;
		}
		if (!said)
			ks_note(r, 0, "Waiting for %s to end...", who);
		said = true;
		free(who);
		nanosleep(&moment, NULL);
	}
	return NULL;
}

static struct ks_error *take_lock(struct ks_state *s, unsigned int wait, struct ks_report *r)
{
	char *path = ks_path_join(s->dir, "lock");
	struct ks_error *err = ks_dir_make(s->dir);

	/* Private: who can open it can keep everybody waiting. */
	if (!err) {
		s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		err = s->lock < 0 ? ks_error_errno(errno, "%s", path) : wait_for_lock(s->lock, wait, r);
	}
	if (err && geteuid())
		err = ks_error_prefix(err, "this has to be run as root");
	if (!err)
		sign_lock(s->lock);
	free(path);
	return err;
}

/* Opening. */

static struct ks_error *open_state(const struct ks_uptrack *up, bool lock, unsigned int wait,
				   struct ks_report *r, struct ks_state **state)
{
	struct ks_state *s = ks_alloc(sizeof(*s));
	struct ks_error *err = NULL;

	s->dir = ks_strdup(up->state);
	s->lock = -1;
	if (lock)
		err = take_lock(s, wait, r);
	if (!err)
		err = read_uuid(s);
	if (!err)
		err = read_state(s);
	if (err) {
		ks_state_close(s);
		return err;
	}
	*state = s;
	return NULL;
}

struct ks_error *ks_state_open(const struct ks_uptrack *up, unsigned int wait, struct ks_report *r,
			       struct ks_state **state)
{
	return open_state(up, true, wait, r, state);
}

struct ks_error *ks_state_read(const struct ks_uptrack *up, struct ks_state **state)
{
	return open_state(up, false, 0, NULL, state);
}

void ks_state_close(struct ks_state *s)
{
	if (!s)
		return;
	ks_vec_for(&s->kernels, k)
		clear_kernel(k);
	ks_vec_free(&s->kernels);
	ks_strv_free(&s->keys);
	ks_strv_free(&s->dropped);
	free(s->pending);
	free(s->pending_boot);
	free(s->held);
	free(s->uuid);
	free(s->dir);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}
