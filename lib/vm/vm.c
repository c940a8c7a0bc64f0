// SPDX-License-Identifier: GPL-2.0-only
/* Running a guest; see vm.h. */
#include "vm/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/file.h"
#include "base/proc.h"
#include "guest.h"
#include "vm/initramfs.h"
#include "vm/log.h"

#define QEMU "qemu-system-x86_64"
#define BUSYBOX "/bin/busybox"
#define MAX_OUTPUT (64u << 20)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static struct ks_error *check_programs(void)
{
	if (!ks_proc_have(QEMU))
		return ks_error_new(KS_E_FAILED, QEMU " is not installed; as root: apt-get install qemu-system-x86");
	if (!ks_file_exists(BUSYBOX))
		return ks_error_new(KS_E_FAILED, BUSYBOX " is not installed; as root: apt-get install busybox-static");
	return NULL;
}

static struct ks_error *random_token(char token[33])
{
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return ks_error_new(KS_E_SYSTEM, "getrandom failed");
	for (int i = 0; i < 16; i++)
		snprintf(token + 2 * i, 3, "%02x", bytes[i]);
	return NULL;
}

static struct ks_error *fill_initramfs(const struct ks_vm_config *c, struct ks_initramfs *fs, const char *token)
{
	static const char *const dirs[] = { "/proc", "/sys", "/dev", "/run", "/tmp", "/etc", "/root", "/ksplice" };
	char *line = ks_asprintf("%s\n", token);
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < sizeof(dirs) / sizeof(*dirs); i++)
		err = ks_initramfs_dir(fs, dirs[i]);
	if (!err)
		err = ks_initramfs_program(fs, BUSYBOX, "/bin/busybox");
	if (!err)
		err = ks_initramfs_link(fs, "busybox", "/bin/sh");
	if (!err)
		err = ks_initramfs_data(fs, "/init", guest_script, sizeof(guest_script) - 1, 0755);
	if (!err)
		err = ks_initramfs_data(fs, "/ksplice/token", line, strlen(line), 0644);
	if (!err)
		err = ks_initramfs_data(fs, "/ksplice/steps.sh", c->steps, strlen(c->steps), 0644);
	for (size_t i = 0; !err && i < c->files.len; i++) {
		const struct ks_vm_file *f = &c->files.v[i];

		err = f->program ? ks_initramfs_program(fs, f->host, f->guest) :
				   ks_initramfs_file(fs, f->host, f->guest);
	}
	free(line);
	return err;
}

static struct ks_error *make_initramfs(const struct ks_vm_config *c, const char *path, const char *token)
{
	struct ks_initramfs *fs;
	struct ks_error *err = ks_initramfs_create(path, &fs);

	if (err)
		return err;
	err = fill_initramfs(c, fs, token);
	if (err) {
		ks_initramfs_abandon(fs);
		return err;
	}
	return ks_initramfs_finish(fs);
}

struct live {
	const struct ks_vm_config *config;
};

static void console_line(void *arg, const char *line)
{
	struct live *l = arg;

	if (l->config->live)
		ks_note(l->config->report, 0, "%s", line);
}

static struct ks_error *run_qemu(const struct ks_vm_config *c, const char *initramfs, const char *protocol,
				 struct ks_vm_result *r)
{
	char *smp = ks_asprintf("%d", c->smp), *memory = ks_asprintf("%d", c->memory);
	/*
	 * With a thread for each CPU, QEMU's translator may keep code that another
	 * CPU has changed just now: one was seen to take the int3 of a jump label for
	 * ever, in memory the byte was long gone.  So the CPUs take turns.
	 */
	const char *accel = c->parallel ? "tcg,thread=multi" : "tcg,thread=single";
	char *timeout = ks_asprintf("%d", c->timeout), *port = ks_asprintf("file:%s", protocol);
	/*
	 * A panic ends QEMU (panic=-1 with -no-reboot); an oops does not: all of it
	 * shall be seen, and nothing of a long log be lost.
	 */
	char *append = ks_asprintf("console=ttyS0 loglevel=7 log_buf_len=4M panic=-1 %s", c->append ? c->append : "");
	const char *const fixed[] = { "timeout", "-k", "5", timeout, QEMU, "-accel", accel, "-nodefaults",
				      "-no-reboot", "-display", "none", "-monitor", "none", "-serial", "stdio",
				      "-serial", port, "-cpu", c->cpu, "-smp", smp, "-m", memory, "-kernel",
				      c->image->vmlinuz, "-initrd", initramfs, "-append", append };
	struct ks_strv argv = { 0 };
	struct live live = { .config = c };
	struct ks_proc p = { .out = &r->console, .err = &r->console, .line = console_line, .arg = &live };
	double start = now();
	int status = 0;
	struct ks_error *err;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		ks_strv_add(&argv, fixed[i]);
	if (c->count) {
		ks_strv_add(&argv, "-icount");
		ks_strv_add(&argv, "shift=0");
	}
	for (size_t i = 0; c->qemu && i < c->qemu->len; i++)
		ks_strv_add(&argv, c->qemu->v[i]);
	p.argv = (const char *const *)argv.v;
	err = ks_proc_run(&p, &status);
	ks_strv_free(&argv);
	r->seconds = now() - start;
	r->timed_out = status == 124 || status == 137;
	if (!err && status && !r->timed_out)
		err = ks_error_new(KS_E_FAILED, QEMU " ended with status %d: %s", status,
				   ks_buf_text(&r->console));
	free(smp);
	free(memory);
	free(timeout);
	free(port);
	free(append);
	return err;
}

/* "begin NAME UPTIME" and "end NAME STATUS TAINT UPTIME": what lies between is the step's output. */
static void parse_line(struct ks_vm_result *r, const char *words, struct ks_buf *output, int *update)
{
	unsigned long tainted = 0;
	double uptime = 0;
	char name[64];
	int status;

	if (sscanf(words, "begin %63s %lf", name, &uptime) >= 1) {
		struct ks_vm_step *s = ks_vec_push(&r->steps);

		*s = (struct ks_vm_step){ .name = ks_strdup(name), .update = *update, .status = -1,
					  .begin = uptime };
		ks_buf_free(output);
	} else if (sscanf(words, "end %63s %d %lu %lf", name, &status, &tainted, &uptime) >= 2 &&
		   r->steps.len) {
		struct ks_vm_step *s = &r->steps.v[r->steps.len - 1];

		s->status = status;
		s->tainted = tainted;
		s->end = uptime;
		/* A second end is the same step's: the guest was confused, and that shows in what follows. */
		free(s->output);
		s->output = ks_buf_steal(output);
	} else if (sscanf(words, "update %d", update) == 1) {
		return;
	} else if (sscanf(words, "taint %lu", &r->tainted) == 1) {
		r->finished = true;
	} else if (!strcmp(words, "success")) {
		r->success = true;
	}
}

static void parse_protocol(struct ks_vm_result *r, char *text, const char *token)
{
	struct ks_buf output = { 0 };
	size_t token_len = strlen(token);
	int update = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");
		bool more = text[len] == '\n';

		text[len] = 0;
		text[strcspn(text, "\r")] = 0;
		if (!strncmp(text, token, token_len) && text[token_len] == ' ') {
			parse_line(r, text + token_len + 1, &output, &update);
		} else {
			ks_buf_adds(&output, text);
			ks_buf_adds(&output, "\n");
		}
		text += len + more;
	}
	/* A step that never ended: its output so far is what there is to see. */
	if (r->steps.len && !r->steps.v[r->steps.len - 1].output)
		r->steps.v[r->steps.len - 1].output = ks_buf_steal(&output);
	ks_buf_free(&output);
}

/* The log is a step of its own in the protocol; for the caller it is not. */
static void take_log(struct ks_vm_result *r)
{
	struct ks_vm_step *last = r->steps.len ? &r->steps.v[r->steps.len - 1] : NULL;

	if (!last || strcmp(last->name, "log"))
		return;
	ks_buf_adds(&r->log, last->output ? last->output : "");
	free(last->name);
	free(last->output);
	free(last->trouble);
	r->steps.len--;
}

void ks_vm_add_file(struct ks_vm_config *c, const char *host, const char *guest, bool program)
{
	struct ks_vm_file *f = ks_vec_push(&c->files);

	f->host = ks_strdup(host);
	f->guest = ks_strdup(guest);
	f->program = program;
}

void ks_vm_config_clear(struct ks_vm_config *c)
{
	ks_vec_for(&c->files, f) {
		free(f->host);
		free(f->guest);
	}
	ks_vec_free(&c->files);
	if (c->work_dir)
		ks_error_free(ks_dir_remove(c->work_dir));
	free(c->work_dir);
	c->work_dir = NULL;
}

/* Gives every troubling line of @text to the step that ran, by the marks that guest.sh made. */
static void find_trouble(struct ks_vm_result *r, const char *text, const char *token)
{
	char *mark = ks_asprintf("ksplice-verify %.8s step ", token);
	struct ks_vm_step *step = NULL;

	while (*text) {
		size_t len = strcspn(text, "\r\n"), n;
		char *line = ks_strndup(text, len), *at = strstr(line, mark);
		char **place = step ? &step->trouble : &r->boot_trouble;

		if (at && sscanf(at + strlen(mark), "%zu", &n) == 1 && n && n <= r->steps.len) {
			step = &r->steps.v[n - 1];
		} else if (!(*place && r->trouble) && ks_vmlog_is_trouble(line)) {
			if (!r->trouble)
				r->trouble = ks_strdup(line);
			if (!*place)
				*place = ks_strdup(line);
		}
		free(line);
		text += len + strspn(text + len, "\r\n");
	}
	free(mark);
}

struct ks_error *ks_vm_run(const struct ks_vm_config *c, struct ks_vm_result *r)
{
	char token[33], *dir, *initramfs, *protocol;
	struct ks_buf text = { 0 };
	struct ks_error *err = check_programs();

	memset(r, 0, sizeof(*r));
	if (!err)
		err = random_token(token);
	if (!err)
		err = ks_dir_temp("ksplice-vm", &dir);
	if (err)
		return err;
	initramfs = ks_path_join(dir, "initramfs");
	protocol = ks_path_join(dir, "protocol");
	err = make_initramfs(c, initramfs, token);
	if (!err)
		err = run_qemu(c, initramfs, protocol, r);
	if (!err && ks_file_exists(protocol))
		err = ks_file_read(protocol, MAX_OUTPUT, &text);
	if (!err && text.data)
		parse_protocol(r, text.data, token);
	take_log(r);
	if (!err && r->console.data)
		find_trouble(r, r->console.data, token);
	if (!err && r->log.data)
		find_trouble(r, r->log.data, token);
	ks_buf_free(&text);
	ks_error_free(ks_dir_remove(dir));
	free(initramfs);
	free(protocol);
	free(dir);
	return err;
}

void ks_vm_result_clear(struct ks_vm_result *r)
{
	ks_vec_for(&r->steps, s) {
		free(s->name);
		free(s->output);
		free(s->trouble);
	}
	ks_vec_free(&r->steps);
	ks_buf_free(&r->console);
	ks_buf_free(&r->log);
	free(r->trouble);
	free(r->boot_trouble);
	memset(r, 0, sizeof(*r));
}
