// SPDX-License-Identifier: GPL-2.0-only
/*
 * ksplice-verify: proves an update on the exact kernel it was made for, in a
 * virtual machine, before anybody applies it.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "pack/archive.h"
#include "vm/log.h"
#include "vm/vm.h"

static const char usage[] =
	"Usage: ksplice-verify [OPTION]... TARBALL\n"
	"       ksplice-verify [OPTION]... --shell=SCRIPT --release=RELEASE\n"
	"Boot the stock kernel of an update in QEMU, apply the update, undo it, apply it\n"
	"and undo it again.\n"
	"\n"
	"      --run=SCRIPT     run SCRIPT in the guest with STAGE=before, applied and undone\n"
	"                       in its environment; a status that is not 0 is a failure\n"
	"      --add=FILE[:GUEST]\n"
	"                       put FILE into the guest (as /ksplice/NAME, or as GUEST);\n"
	"                       programs get their shared libraries\n"
	"      --append=ARGS    more arguments for the kernel\n"
	"      --smp=N          number of CPUs (default: 2)\n"
	"      --cpu=MODEL      QEMU's CPU model (default: max)\n"
	"      --memory=MIB     memory (default: 1024)\n"
	"      --timeout=S      give the machine S seconds (default: 180)\n"
	"      --release=R      boot this kernel instead of the update's\n"
	"      --shell=SCRIPT   no update: just run SCRIPT in the guest (for tests)\n"
	"      --log=FILE       keep the guest's log in FILE\n"
	"      --keep           keep the guest's log also on success, in the current directory\n"
	"      --json           print the report as JSON\n"
	"  -v, --verbose        show the guest's console\n"
	"  -q, --quiet          say nothing but errors\n"
	"      --help           show this help\n"
	"      --version        show the version\n"
	"\n"
	"Exit status: 0 everything worked and the kernel had nothing to complain about;\n"
	"130 a signal; 1 anything else.\n";

enum {
	OPT_RUN = 256, OPT_ADD, OPT_APPEND, OPT_SMP, OPT_CPU, OPT_MEMORY, OPT_TIMEOUT, OPT_RELEASE, OPT_SHELL,
	OPT_LOG, OPT_KEEP, OPT_JSON, OPT_HELP, OPT_VERSION,
};

static const struct option long_options[] = {
	{ "run", required_argument, NULL, OPT_RUN },
	{ "add", required_argument, NULL, OPT_ADD },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "smp", required_argument, NULL, OPT_SMP },
	{ "cpu", required_argument, NULL, OPT_CPU },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "release", required_argument, NULL, OPT_RELEASE },
	{ "shell", required_argument, NULL, OPT_SHELL },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "keep", no_argument, NULL, OPT_KEEP },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

struct options {
	const char *run, *append, *cpu, *release, *shell, *log, *tarball;
	struct ks_strv add;
	int smp, memory, timeout, verbosity;
	bool keep, json;
};

struct verify {
	struct options opt;
	struct ks_report *report;
	struct ks_pack *pack;
	struct ks_image *image;
	struct ks_vm_config config;
	struct ks_vm_result result;
	struct ks_buf steps;
	char *log_path; /* where the log was kept */
};

static struct ks_error *number(const char *name, const char *text, int min, int max, int *value)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < min || n > max)
		return ks_error_new(KS_E_USAGE, "--%s=%s: give a number from %d to %d", name, text, min, max);
	*value = n;
	return NULL;
}

static struct ks_error *parse_one(struct options *o, int c)
{
	switch (c) {
	case OPT_RUN:
		o->run = optarg;
		return NULL;
	case OPT_ADD:
		ks_strv_add(&o->add, optarg);
		return NULL;
	case OPT_APPEND:
		o->append = optarg;
		return NULL;
	case OPT_SMP:
		return number("smp", optarg, 1, 64, &o->smp);
	case OPT_CPU:
		o->cpu = optarg;
		return NULL;
	case OPT_MEMORY:
		return number("memory", optarg, 128, 65536, &o->memory);
	case OPT_TIMEOUT:
		return number("timeout", optarg, 5, 86400, &o->timeout);
	case OPT_RELEASE:
		o->release = optarg;
		return NULL;
	case OPT_SHELL:
		o->shell = optarg;
		return NULL;
	case OPT_LOG:
		o->log = optarg;
		return NULL;
	case OPT_KEEP:
		o->keep = true;
		return NULL;
	case OPT_JSON:
		o->json = true;
		return NULL;
	case 'v':
		o->verbosity++;
		return NULL;
	case 'q':
		o->verbosity = -1;
		return NULL;
	case OPT_HELP:
		fputs(usage, stdout);
		exit(0);
	case OPT_VERSION:
		puts("ksplice-verify " KS_VERSION);
		exit(0);
	}
	return ks_error_new(KS_E_USAGE, "try ksplice-verify --help");
}

static struct ks_error *parse(int argc, char **argv, struct options *o)
{
	struct ks_error *err = NULL;
	int c;

	*o = (struct options){ .smp = 2, .memory = 1024, .timeout = 180, .cpu = "max" };
	while (!err && (c = getopt_long(argc, argv, "vq", long_options, NULL)) != -1)
		err = parse_one(o, c);
	if (err)
		return err;
	if (o->shell ? optind != argc : optind + 1 != argc)
		return ks_error_new(KS_E_USAGE, "give one update, or --shell=SCRIPT and --release=RELEASE without one");
	if (o->shell && !o->release)
		return ks_error_new(KS_E_USAGE, "--shell needs --release=RELEASE");
	o->tarball = o->shell ? NULL : argv[optind];
	return NULL;
}

static void add_file(struct verify *v, const char *host, const char *guest, bool program)
{
	struct ks_vm_file *f = ks_vec_push(&v->config.files);

	f->host = ks_strdup(host);
	f->guest = ks_strdup(guest);
	f->program = program;
}

/* Our own tools: beside this program, or in the PATH. */
static struct ks_error *add_tool(struct verify *v, const char *name)
{
	char self[4096], *beside, *guest = ks_asprintf("/bin/%s", name);
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct ks_error *err = NULL;

	if (n < 0)
		return ks_error_errno(errno, "/proc/self/exe");
	self[n] = 0;
	*strrchr(self, '/') = 0;
	beside = ks_path_join(self, name);
	if (ks_file_exists(beside))
		add_file(v, beside, guest, true);
	else
		err = ks_error_new(KS_E_FAILED, "%s: not found; run make, or install ksplice again", beside);
	free(beside);
	free(guest);
	return err;
}

static struct ks_error *add_extra(struct verify *v, const char *spec)
{
	const char *colon = strrchr(spec, ':');
	char *host = colon ? ks_strndup(spec, colon - spec) : ks_strdup(spec);
	char *guest = colon ? ks_strdup(colon + 1) : ks_asprintf("/ksplice/%s", ks_path_base(spec));
	struct ks_error *err = NULL;

	if (!ks_file_exists(host))
		err = ks_error_errno(ENOENT, "--add: %s", host);
	else if (*guest != '/')
		err = ks_error_new(KS_E_USAGE, "--add=%s: the path in the guest starts with /", spec);
	else
		add_file(v, host, guest, !access(host, X_OK));
	free(host);
	free(guest);
	return err;
}

static void plan_update(struct verify *v)
{
	const char *id = v->pack->manifest.id;
	const struct {
		const char *stage, *then;
	} rounds[] = { { "applied", "undone" }, { NULL, NULL } };

	if (v->opt.run)
		ks_buf_adds(&v->steps, "step script-before env STAGE=before sh /ksplice/run.sh\n");
	for (int i = 0; i < 2; i++) {
		ks_buf_addf(&v->steps, "step apply-%d ksplice-apply -q /ksplice/update.tar.gz\n", i + 1);
		ks_buf_addf(&v->steps, "step listed-%d sh -c 'ksplice-view | grep \"^%s: \"'\n", i + 1, id);
		if (v->opt.run && rounds[i].stage)
			ks_buf_addf(&v->steps, "step script-%s env STAGE=%s sh /ksplice/run.sh\n", rounds[i].stage,
				    rounds[i].stage);
		ks_buf_addf(&v->steps, "step undo-%d ksplice-undo -q %s\n", i + 1, id);
		if (v->opt.run && rounds[i].then)
			ks_buf_addf(&v->steps, "step script-%s env STAGE=%s sh /ksplice/run.sh\n", rounds[i].then,
				    rounds[i].then);
	}
	if (!v->pack->manifest.pinned)
		ks_buf_adds(&v->steps, "step unloaded sh -c '! grep ^ksplice /proc/modules'\n");
	add_file(v, v->opt.tarball, "/ksplice/update.tar.gz", false);
	if (v->opt.run)
		add_file(v, v->opt.run, "/ksplice/run.sh", false);
}

static struct ks_error *plan(struct verify *v)
{
	static const char *const tools[] = { "ksplice-apply", "ksplice-undo", "ksplice-view" };
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < sizeof(tools) / sizeof(*tools); i++)
		err = add_tool(v, tools[i]);
	for (size_t i = 0; !err && i < v->opt.add.len; i++)
		err = add_extra(v, v->opt.add.v[i]);
	if (err)
		return err;
	if (v->pack) {
		plan_update(v);
	} else {
		add_file(v, v->opt.shell, "/ksplice/run.sh", false);
		ks_buf_adds(&v->steps, "step shell sh /ksplice/run.sh\n");
	}
	if (v->opt.run && !ks_file_exists(v->opt.run))
		return ks_error_errno(ENOENT, "--run: %s", v->opt.run);
	if (v->opt.shell && !ks_file_exists(v->opt.shell))
		return ks_error_errno(ENOENT, "--shell: %s", v->opt.shell);
	return NULL;
}

static struct ks_error *run(struct verify *v)
{
	const char *release = v->opt.release, *version = NULL;
	struct ks_error *err = NULL;

	if (v->opt.tarball)
		err = ks_pack_open(v->opt.tarball, &v->pack);
	if (err)
		return err;
	if (!release) {
		release = v->pack->manifest.release;
		version = *v->pack->manifest.version ? v->pack->manifest.version : NULL;
	}
	err = ks_distro_image_version(release, version, v->report, &v->image);
	if (!err)
		err = plan(v);
	if (err)
		return err;
	v->config.image = v->image;
	v->config.smp = v->opt.smp;
	v->config.memory = v->opt.memory;
	v->config.timeout = v->opt.timeout;
	v->config.cpu = v->opt.cpu;
	v->config.append = v->opt.append;
	v->config.steps = v->steps.data;
	v->config.live = v->opt.verbosity > 0;
	v->config.report = v->report;
	ks_step(v->report, "Booting %s in QEMU", release);
	return ks_vm_run(&v->config, &v->result);
}

/* In words, or NULL where all is well. */
static char *verdict(const struct ks_vm_result *r, int timeout)
{
	const struct ks_vm_step *last = r->steps.len ? &r->steps.v[r->steps.len - 1] : NULL;

	if (last && last->status > 0)
		return ks_asprintf("the step %s failed (status %d)", last->name, last->status);
	if (r->trouble)
		return ks_asprintf("the kernel complained: %s", r->trouble);
	if (r->timed_out)
		return ks_asprintf("the machine was still busy after %d seconds%s%s", timeout, last ? ", in the step " : "",
				   last ? last->name : "");
	if (last && last->status < 0)
		return ks_asprintf("the machine went down in the step %s", last->name);
	if (!last)
		return ks_strdup("the kernel did not come up");
	if (!r->success)
		return ks_strdup("the machine went down before it was done");
	if (ks_vmlog_taint(r->tainted))
		return ks_asprintf("the kernel is tainted (flags 0x%lx)", r->tainted);
	return NULL;
}

static void keep_log(struct verify *v, bool failed)
{
	const char *id = v->pack ? v->pack->manifest.id : "shell";
	struct ks_error *err;
	struct ks_buf all = { 0 };

	if (!failed && !v->opt.keep && !v->opt.log)
		return;
	v->log_path = v->opt.log ? ks_strdup(v->opt.log) : ks_asprintf("ksplice-verify-%s.log", id);
	ks_vec_for(&v->result.steps, s)
		ks_buf_addf(&all, "== step %s: status %d\n%s", s->name, s->status, s->output ? s->output : "");
	ks_buf_addf(&all, "== console\n%s\n== dmesg\n%s", v->result.console.data ? v->result.console.data : "",
		    v->result.log.data ? v->result.log.data : "(never printed)\n");
	err = ks_file_write(v->log_path, all.data, all.len, 0644);
	if (err)
		fprintf(stderr, "ksplice-verify: %s\n", ks_error_message(err));
	ks_error_free(err);
	ks_buf_free(&all);
}

static void print_json(const struct verify *v, const char *why)
{
	json_t *steps = json_array(), *root;
	char *text;

	ks_vec_for(&v->result.steps, s)
		json_array_append_new(steps, json_pack("{s:s, s:i, s:s?}", "name", s->name, "status", s->status, "output",
						       s->output));
	root = json_pack("{s:s?, s:s, s:b, s:s?, s:f, s:o}", "id", v->pack ? v->pack->manifest.id : NULL, "release",
			 v->image->release, "success", !why, "reason", why, "seconds", v->result.seconds, "steps", steps);
	text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	if (text)
		puts(text);
	free(text);
	json_decref(root);
}

/* The core's own lines, and what --run's script had to say. */
static void print_report(const struct verify *v)
{
	char *copy = ks_strdup(v->result.log.data ? v->result.log.data : ""), *save = NULL;

	ks_vec_for(&v->result.steps, s) {
		printf("  %-16s %s\n", s->name, s->status ? "FAILED" : "ok");
		if ((s->status || ks_str_starts(s->name, "script") || !strcmp(s->name, "shell")) && s->output) {
			char *out = ks_strdup(s->output), *inner = NULL;

			for (char *l = strtok_r(out, "\n", &inner); l; l = strtok_r(NULL, "\n", &inner))
				printf("      %s\n", l);
			free(out);
		}
	}
	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (strstr(l, "ksplice: Update"))
			printf("  %s\n", l);
	free(copy);
}

static void print_tail(const struct ks_buf *console)
{
	const char *p = console->data ? console->data + console->len : NULL;
	int lines = 0;

	while (p && p > console->data && lines < 25)
		lines += *--p == '\n';
	if (p)
		fprintf(stderr, "The end of the guest's console:\n%s\n", p);
}

static int report(struct verify *v)
{
	char *why = verdict(&v->result, v->opt.timeout);

	keep_log(v, why != NULL);
	if (v->opt.json)
		print_json(v, why);
	else if (v->opt.verbosity >= 0)
		print_report(v);
	if (why) {
		if (v->opt.verbosity >= 0 && (v->result.trouble || v->result.timed_out || !v->result.log.data))
			print_tail(&v->result.console);
		fprintf(stderr, "ksplice-verify: %s: FAILED on %s: %s\n", v->pack ? v->pack->manifest.id : v->opt.shell,
			v->image->release, why);
		fprintf(stderr, "The guest's whole log is in %s\n", v->log_path);
	} else if (!v->opt.json && v->opt.verbosity >= 0) {
		printf("%s: verified on %s (%.1f s, %d CPU%s%s%s)\n", v->pack ? v->pack->manifest.id : v->opt.shell,
		       v->image->release, v->result.seconds, v->opt.smp, v->opt.smp == 1 ? "" : "s",
		       v->opt.append ? ", " : "", v->opt.append ? v->opt.append : "");
	}
	free(why);
	return why ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct verify v = { 0 };
	struct ks_error *err = parse(argc, argv, &v.opt);
	int status;

	ks_signals_init();
	if (!err) {
		v.report = ks_report_terminal(v.opt.verbosity);
		err = run(&v);
		ks_report_end();
	}
	if (err) {
		fprintf(stderr, "ksplice-verify: %s\n", ks_error_message(err));
		status = ks_error_code(err) == KS_E_INTERRUPTED ? 130 : 1;
	} else {
		status = report(&v);
	}
	ks_error_free(err);
	ks_vm_result_clear(&v.result);
	ks_vec_for(&v.config.files, f) {
		free(f->host);
		free(f->guest);
	}
	ks_vec_free(&v.config.files);
	ks_strv_free(&v.opt.add);
	ks_buf_free(&v.steps);
	ks_image_free(v.image);
	ks_pack_close(v.pack);
	free(v.log_path);
	return status;
}
