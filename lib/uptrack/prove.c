// SPDX-License-Identifier: GPL-2.0-only
/* An update is tried before it is published; see prove.h. */
#include "uptrack/prove.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"

/* A module that it patches finds no hardware in the virtual machine. */
#define STATUS_UNLOADABLE 69
#define MAX_LOG (16u << 20)

struct proof {
	const struct ks_store *store;
	const struct ks_index *index;
	const struct ks_index_update *update;
	const char *tarball;
	struct ks_report *report;
	struct ks_strv argv;
	struct ks_strv before; /* ids of those to be applied first, in their order */
	char *script; /* where that is done; or NULL */
	char *log; /* what came of it, kept after a failure, as ksplice-verify does; or NULL */
};

/* Beside this program, as ksplice-verify finds its own. */
static struct ks_error *find_verify(struct proof *p)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct ks_error *err = NULL;
	char *path;

	if (n < 0)
		return ks_error_errno(errno, "/proc/self/exe");
	self[n] = 0;
	*strrchr(self, '/') = 0;
	path = ks_path_join(self, "ksplice-verify");
	if (access(path, X_OK))
		err = ks_error_new(KS_E_FAILED, "%s: not found; install it, or say --no-verify if the update was tried elsewhere",
				   path);
	else
		ks_strv_add(&p->argv, path);
	free(path);
	return err;
}

/* All that it depends on, directly or not. */
static void collect(struct proof *p, const struct ks_index_update *u, struct ks_strv *ids)
{
	for (size_t i = 0; i < u->depends.len; i++) {
		const struct ks_index_update *on = ks_index_find(p->index, u->depends.v[i]);

		if (!on || ks_strv_has(ids, on->id))
			continue;
		ks_strv_add(ids, on->id);
		collect(p, on, ids);
	}
}

static void add_modules(struct proof *p, const struct ks_index_update *u)
{
	for (size_t i = 0; i < u->targets.len; i++) {
		char *option = ks_asprintf("--module=%s", u->targets.v[i]);

		if (strcmp(u->targets.v[i], "vmlinux") && !ks_strv_has(&p->argv, option))
			ks_strv_add(&p->argv, option);
		free(option);
	}
}

static void write_script(const struct proof *p, struct ks_buf *script)
{
	ks_buf_adds(script, "set -e\n");
	for (size_t i = 0; i < p->before.len; i++)
		ks_buf_addf(script, "ksplice-apply /ksplice/ksplice-%s.tar.gz\n", p->before.v[i]);
	for (int i = 0; i < 2; i++)
		ks_buf_addf(script, "ksplice-apply /ksplice/ksplice-%s.tar.gz\nksplice-undo %s\n", p->update->id,
			    p->update->id);
	for (size_t i = p->before.len; i--;)
		ks_buf_addf(script, "ksplice-undo %s\n", p->before.v[i]);
}

/* An update alone is what ksplice-verify is for; one on top of others takes a script. */
static struct ks_error *plan(struct proof *p)
{
	struct ks_error *err = find_verify(p);
	struct ks_buf script = { 0 };
	struct ks_strv ids = { 0 };

	if (err)
		return err;
	ks_strv_add(&p->argv, "-q");
	collect(p, p->update, &ids);
	ks_vec_for(&p->index->updates, u) {
		char *path = ks_repo_update_path(u->sha256, u->id), *full = ks_store_path(p->store, path);

		if (ks_strv_has(&ids, u->id)) {
			ks_strv_add(&p->before, u->id);
			ks_strv_addf(&p->argv, "--add=%s:/ksplice/ksplice-%s.tar.gz", full, u->id);
			add_modules(p, u);
		}
		free(full);
		free(path);
	}
	if (!p->before.len) {
		ks_strv_add(&p->argv, p->tarball);
	} else {
		p->script = ks_asprintf("%s.sh", p->tarball);
		write_script(p, &script);
		err = ks_file_write(p->script, script.data, script.len, 0644);
		add_modules(p, p->update);
		ks_strv_addf(&p->argv, "--add=%s:/ksplice/ksplice-%s.tar.gz", p->tarball, p->update->id);
		ks_strv_addf(&p->argv, "--release=%s", p->index->release);
		ks_strv_addf(&p->argv, "--shell=%s", p->script);
		p->log = ks_asprintf("ksplice-verify-%s.log", p->update->id);
		ks_strv_addf(&p->argv, "--log=%s", p->log);
	}
	ks_buf_free(&script);
	ks_strv_free(&ids);
	return err;
}

/* Of a script ksplice-verify does not show what it said; it is in the log. */
static void add_said(const struct proof *p, struct ks_buf *out)
{
	struct ks_buf log = { 0 };
	const char *said = NULL, *end = NULL;

	if (p->log)
		ks_error_free(ks_file_read(p->log, MAX_LOG, &log));
	if (log.len)
		said = strstr(log.data, "== step shell: ");
	if (said)
		end = strstr(said, "== console");
	if (end)
		ks_buf_addf(out, "%.*s", (int)(end - said), said);
	ks_buf_free(&log);
}

static struct ks_error *run(struct proof *p)
{
	struct ks_buf out = { 0 };
	struct ks_error *err;
	int status;

	ks_step(p->report, "Trying %s in a virtual machine", p->update->id);
	err = ks_proc_run(&(struct ks_proc){ .argv = (const char *const *)p->argv.v, .out = &out, .err = &out },
			  &status);
	if (!err && status == STATUS_UNLOADABLE) {
		ks_note(p->report, 0, "%s: a module that it patches finds no hardware in the virtual machine: it was patched there without being started, or not at all",
			p->update->id);
	} else if (!err && status) {
		add_said(p, &out);
		err = ks_error_new(KS_E_REFUSED, "update %s is not published, for ksplice-verify failed (status %d):\n%s",
				   p->update->id, status, ks_buf_text(&out));
	} else if (!err && p->log) {
		unlink(p->log);
	}
	ks_buf_free(&out);
	return err;
}

struct ks_error *ks_prove(const struct ks_store *store, const struct ks_index *index, const char *id,
			  const char *tarball, struct ks_report *report)
{
	struct proof p = { .store = store, .index = index, .update = ks_index_find(index, id),
			   .tarball = tarball, .report = report };
	struct ks_error *err = plan(&p);

	if (!err)
		err = run(&p);
	if (p.script)
		unlink(p.script);
	free(p.script);
	free(p.log);
	ks_strv_free(&p.argv);
	ks_strv_free(&p.before);
	return err;
}
