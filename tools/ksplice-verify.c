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
#include "vm/modules.h"
#include "vm/proof.h"
#include "vm/vm.h"

static const char usage[] =
	"Usage: ksplice-verify [OPTION]... TARBALL...\n"
	"       ksplice-verify [OPTION]... --shell=SCRIPT --release=RELEASE\n"
	"Boot the stock kernel of an update in QEMU, apply the update, undo it, apply it\n"
	"and undo it again; several updates of one kernel take turns in one boot.\n"
	"Kernel modules that an update patches are loaded first.\n"
	"\n"
	"      --run=SCRIPT     run SCRIPT in the guest with STAGE=before, applied and undone\n"
	"                       in its environment; a status that is not 0 is a failure\n"
	"      --add=FILE[:GUEST]\n"
	"                       put FILE into the guest (as /ksplice/NAME, or as GUEST);\n"
	"                       programs get their shared libraries\n"
	"      --module=NAME    load this module of the kernel first; may be repeated\n"
	"      --append=ARGS    more arguments for the kernel\n"
	"      --qemu=ARG       one more argument for QEMU; may be repeated\n"
	"      --smp=N          number of CPUs (default: 2)\n"
	"      --cpu=MODEL      QEMU's CPU model (default: max)\n"
	"      --count          the guest's clock counts instructions, a nanosecond each\n"
	"      --parallel       let the CPUs run at the same time; QEMU may then get stuck\n"
	"      --memory=MIB     memory (default: 1024)\n"
	"      --timeout=S      give the machine S seconds (default: 180), and S/3 more for\n"
	"                       every update after the first\n"
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
	"69 no failure, but a module to be patched does not find its hardware in this\n"
	"machine: it was patched without being started, or could not be loaded at all;\n"
	"130 a signal; 1 anything else.\n";

#define EXIT_UNLOADABLE 69

enum {
	OPT_RUN = 256, OPT_ADD, OPT_MODULE, OPT_APPEND, OPT_QEMU, OPT_SMP, OPT_PARALLEL, OPT_COUNT, OPT_CPU, OPT_MEMORY, OPT_TIMEOUT, OPT_RELEASE, OPT_SHELL,
	OPT_LOG, OPT_KEEP, OPT_JSON, OPT_HELP, OPT_VERSION,
};

static const struct option long_options[] = {
	{ "run", required_argument, NULL, OPT_RUN },
	{ "add", required_argument, NULL, OPT_ADD },
	{ "module", required_argument, NULL, OPT_MODULE },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "qemu", required_argument, NULL, OPT_QEMU },
	{ "smp", required_argument, NULL, OPT_SMP },
	{ "cpu", required_argument, NULL, OPT_CPU },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "count", no_argument, NULL, OPT_COUNT },
	{ "parallel", no_argument, NULL, OPT_PARALLEL },
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
	const char *run, *append, *cpu, *release, *shell, *log;
	char **tarballs;
	size_t nr_tarballs;
	struct ks_strv add, modules, qemu;
	int smp, memory, timeout, verbosity;
	bool keep, json, parallel, count;
};

struct verify {
	struct options opt;
	struct ks_report *report;
	KS_VEC(struct ks_pack *) packs; /* one for each tarball */
	struct ks_image *image;
	struct ks_proof proof;
	struct ks_vm_config config;
	struct ks_vm_result result;
	struct ks_verdict *verdicts; /* one for each update; of --shell, one */
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
	case OPT_MODULE:
		ks_strv_add(&o->modules, optarg);
		return NULL;
	case OPT_APPEND:
		o->append = optarg;
		return NULL;
	case OPT_QEMU:
		ks_strv_add(&o->qemu, optarg);
		return NULL;
	case OPT_SMP:
		return number("smp", optarg, 1, 64, &o->smp);
	case OPT_CPU:
		o->cpu = optarg;
		return NULL;
	case OPT_PARALLEL:
		o->parallel = true;
		return NULL;
	case OPT_COUNT:
		o->count = true;
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
	if (o->shell ? optind != argc : optind == argc)
		return ks_error_new(KS_E_USAGE, "give an update, or --shell=SCRIPT and --release=RELEASE without one");
	if (o->count && o->parallel)
		return ks_error_new(KS_E_USAGE, "--count cannot be with --parallel");
	if (o->shell && !o->release)
		return ks_error_new(KS_E_USAGE, "--shell needs --release=RELEASE");
	o->tarballs = argv + optind;
	o->nr_tarballs = argc - optind;
	return NULL;
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
		ks_vm_add_file(&v->config, beside, guest, true);
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
		ks_vm_add_file(&v->config, host, guest, !access(host, X_OK));
	free(host);
	free(guest);
	return err;
}

/* All of one kernel, each with an id of its own. */
static struct ks_error *open_packs(struct verify *v)
{
	struct ks_error *err = NULL;

	for (size_t i = 0; i < v->opt.nr_tarballs && !err; i++) {
		struct ks_pack *pack = NULL;
		const struct ks_manifest *m, *first;

		err = ks_pack_open(v->opt.tarballs[i], &pack);
		if (err)
			break;
		*ks_vec_push(&v->packs) = pack;
		m = &pack->manifest;
		first = &v->packs.v[0]->manifest;
		if (strcmp(m->release, first->release) || strcmp(m->version, first->version))
			err = ks_error_new(KS_E_USAGE, "%s is for the kernel %s %s, and %s for %s %s: verify them apart",
					   v->opt.tarballs[0], first->release, first->version, v->opt.tarballs[i],
					   m->release, m->version);
		for (size_t k = 0; k < i && !err; k++)
			if (!strcmp(m->id, v->packs.v[k]->manifest.id))
				err = ks_error_new(KS_E_USAGE, "%s and %s have the same id, %s", v->opt.tarballs[k],
						   v->opt.tarballs[i], m->id);
	}
	return err;
}

/* What the guest needs of the distribution's modules: those asked for and those patched. */
static struct ks_error *add_modules(struct verify *v)
{
	struct ks_strv names = { 0 };
	struct ks_error *err;

	for (size_t i = 0; i < v->opt.modules.len; i++) {
		ks_strv_add(&names, v->opt.modules.v[i]);
		ks_strv_add(&v->proof.modules, v->opt.modules.v[i]);
	}
	ks_vec_for(&v->packs, p) {
		const struct ks_strv *targets = &(*p)->manifest.targets;

		for (size_t i = 0; i < targets->len; i++)
			if (strcmp(targets->v[i], "vmlinux") && !ks_strv_has(&names, targets->v[i]))
				ks_strv_add(&names, targets->v[i]);
		/* ksplice-apply loads these. */
		for (size_t i = 0; i < (*p)->manifest.needs.len; i++)
			if (!ks_strv_has(&names, (*p)->manifest.needs.v[i]))
				ks_strv_add(&names, (*p)->manifest.needs.v[i]);
	}
	err = ks_vm_add_modules(&v->config, &names);
	ks_strv_free(&names);
	return err;
}

static void add_updates(struct verify *v)
{
	for (size_t i = 0; i < v->packs.len; i++) {
		const struct ks_manifest *m = &v->packs.v[i]->manifest;
		char *guest = ks_asprintf(KS_PROOF_TARBALL, i + 1);

		*ks_vec_push(&v->proof.updates) = (struct ks_proof_update){ m->id, m->pinned, &m->targets };
		ks_vm_add_file(&v->config, v->opt.tarballs[i], guest, false);
		free(guest);
	}
	v->proof.script = v->opt.run;
	v->proof.shell = v->opt.shell;
	if (v->opt.run || v->opt.shell)
		ks_vm_add_file(&v->config, v->opt.shell ? v->opt.shell : v->opt.run, KS_PROOF_SCRIPT, false);
}

static struct ks_error *plan(struct verify *v)
{
	static const char *const tools[] = { "ksplice-apply", "ksplice-undo", "ksplice-view" };
	struct ks_error *err = NULL;

	if (v->opt.run && !ks_file_exists(v->opt.run))
		return ks_error_errno(ENOENT, "--run: %s", v->opt.run);
	if (v->opt.shell && !ks_file_exists(v->opt.shell))
		return ks_error_errno(ENOENT, "--shell: %s", v->opt.shell);
	for (size_t i = 0; !err && i < sizeof(tools) / sizeof(*tools); i++)
		err = add_tool(v, tools[i]);
	for (size_t i = 0; !err && i < v->opt.add.len; i++)
		err = add_extra(v, v->opt.add.v[i]);
	if (!err)
		err = add_modules(v);
	if (err)
		return err;
	add_updates(v);
	ks_proof_plan(&v->proof, &v->steps);
	return NULL;
}

static struct ks_error *run(struct verify *v)
{
	const char *release = v->opt.release, *version = NULL;
	struct ks_error *err = open_packs(v);

	if (err)
		return err;
	if (!release) {
		const struct ks_manifest *m = &v->packs.v[0]->manifest;

		release = m->release;
		version = *m->version ? m->version : NULL;
	}
	err = ks_distro_image_version(release, version, v->report, &v->image);
	v->config.image = v->image;
	if (!err)
		err = plan(v);
	if (err)
		return err;
	if (v->packs.len > 1)
		v->opt.timeout += (v->packs.len - 1) * v->opt.timeout / 3;
	v->config.smp = v->opt.smp;
	v->config.memory = v->opt.memory;
	v->config.parallel = v->opt.parallel;
	v->config.count = v->opt.count;
	v->config.timeout = v->opt.timeout;
	v->config.cpu = v->opt.cpu;
	v->config.append = v->opt.append;
	v->config.qemu = &v->opt.qemu;
	v->config.steps = v->steps.data;
	v->config.live = v->opt.verbosity > 0;
	v->config.report = v->report;
	ks_step(v->report, "Booting %s in QEMU", release);
	return ks_vm_run(&v->config, &v->result);
}

static size_t nr_verdicts(const struct verify *v)
{
	return v->opt.shell ? 1 : v->packs.len;
}

static void judge(struct verify *v)
{
	v->verdicts = ks_alloc(nr_verdicts(v) * sizeof(*v->verdicts));
	for (size_t i = 0; i < nr_verdicts(v); i++)
		ks_proof_judge(&v->result, v->opt.timeout, v->opt.shell ? 0 : i + 1, &v->verdicts[i]);
}

static const char *name_of(const struct verify *v, size_t i)
{
	return v->opt.shell ? v->opt.shell : v->packs.v[i]->manifest.id;
}

static void keep_log(struct verify *v, bool failed)
{
	const char *id = v->opt.shell ? "shell" : v->packs.len > 1 ? "updates" : v->packs.v[0]->manifest.id;
	struct ks_error *err;
	struct ks_buf all = { 0 };

	if (!failed && !v->opt.keep && !v->opt.log)
		return;
	v->log_path = v->opt.log ? ks_strdup(v->opt.log) : ks_asprintf("ksplice-verify-%s.log", id);
	ks_vec_for(&v->result.steps, s) {
		if (s->update && v->packs.len > 1)
			ks_buf_addf(&all, "== update %s, ", name_of(v, s->update - 1));
		else
			ks_buf_adds(&all, "== ");
		ks_buf_addf(&all, "step %s: status %d\n%s", s->name, s->status, s->output ? s->output : "");
	}
	ks_buf_addf(&all, "== console\n%s\n== dmesg\n%s", ks_buf_text(&v->result.console),
		    v->result.log.data ? v->result.log.data : "(never printed)\n");
	err = ks_file_write(v->log_path, all.data, all.len, 0644);
	if (err)
		fprintf(stderr, "ksplice-verify: %s\n", ks_error_message(err));
	ks_error_free(err);
	ks_buf_free(&all);
}

static size_t functions(const struct ks_pack *pack)
{
	size_t n = 0;

	ks_vec_for(&pack->manifest.units, u)
		n += u->replaced.len;
	return n;
}

/* The steps of update @n, and with it those that belong to none. */
static json_t *json_steps(const struct verify *v, int n)
{
	json_t *steps = json_array();

	ks_vec_for(&v->result.steps, s)
		if (s->update == n || !s->update)
			json_array_append_new(steps, json_pack("{s:s, s:i, s:s?, s:s?}", "name", s->name, "status",
							       s->status, "output", s->output, "trouble", s->trouble));
	return steps;
}

static json_t *json_update(const struct verify *v, size_t i)
{
	const struct ks_verdict *d = &v->verdicts[i];
	json_t *o = json_pack("{s:s?, s:s, s:s?, s:f, s:o}", "id", v->opt.shell ? NULL : name_of(v, i), "result",
			      ks_verdict_name(d->kind), "reason", d->why, "seconds", d->seconds, "steps",
			      json_steps(v, v->opt.shell ? 0 : i + 1));

	if (!o || v->opt.shell)
		return o;
	json_object_set_new(o, "tarball", json_string(v->opt.tarballs[i]));
	json_object_set_new(o, "functions", json_integer(functions(v->packs.v[i])));
	json_object_set_new(o, "match_ns", json_integer(d->match_ns));
	json_object_set_new(o, "pause_ns", json_integer(d->pause_ns));
	json_object_set_new(o, "stop_ns", json_integer(d->stop_ns));
	return o;
}

/* Of one update, its members; of several, an array of them. */
static void print_json(const struct verify *v, bool success)
{
	json_t *root;
	char *text;

	if (nr_verdicts(v) == 1) {
		root = json_update(v, 0);
	} else {
		json_t *updates = json_array();

		for (size_t i = 0; i < v->packs.len; i++)
			json_array_append_new(updates, json_update(v, i));
		root = json_pack("{s:o}", "updates", updates);
	}
	json_object_set_new(root, "release", json_string(v->image->release));
	json_object_set_new(root, "success", json_boolean(success));
	json_object_set_new(root, "seconds", json_real(v->result.seconds));
	json_object_set_new(root, "log", v->log_path ? json_string(v->log_path) : json_null());
	text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	if (text)
		puts(text);
	free(text);
	json_decref(root);
}

/* The core's own lines, and what --run's script had to say. */
static void print_report(const struct verify *v)
{
	char *copy = ks_strdup(ks_buf_text(&v->result.log)), *save = NULL;
	int update = 0;

	ks_vec_for(&v->result.steps, s) {
		if (v->packs.len > 1 && s->update != update)
			printf("%s\n", name_of(v, s->update - 1));
		update = s->update;
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

static void print_verdict(const struct verify *v, size_t i)
{
	const struct ks_verdict *d = &v->verdicts[i];
	const char *name = name_of(v, i), *release = v->image->release;

	if (d->kind == KS_V_FAILED)
		fprintf(stderr, "ksplice-verify: %s: FAILED on %s: %s\n", name, release, d->why);
	else if (d->why)
		fprintf(stderr, "ksplice-verify: %s: %s\n", name, d->why);
	else if (!v->opt.json && v->opt.verbosity >= 0)
		printf("%s: verified on %s (%.1f s, %d CPU%s%s%s)\n", name, release,
		       nr_verdicts(v) > 1 ? d->seconds : v->result.seconds, v->opt.smp,
		       v->opt.smp == 1 ? "" : "s", v->opt.append ? ", " : "", v->opt.append ? v->opt.append : "");
}

static int report(struct verify *v)
{
	bool failed = false, unloadable = false;

	judge(v);
	for (size_t i = 0; i < nr_verdicts(v); i++) {
		failed |= v->verdicts[i].kind == KS_V_FAILED || v->verdicts[i].kind == KS_V_NOT_TRIED;
		unloadable |= v->verdicts[i].kind == KS_V_UNLOADABLE ||
			      v->verdicts[i].kind == KS_V_UNSTARTED;
	}
	keep_log(v, failed || unloadable);
	if (v->opt.json)
		print_json(v, !failed && !unloadable);
	else if (v->opt.verbosity >= 0)
		print_report(v);
	if (failed && v->opt.verbosity >= 0 && (v->result.trouble || v->result.timed_out || !v->result.log.data))
		print_tail(&v->result.console);
	for (size_t i = 0; i < nr_verdicts(v); i++)
		print_verdict(v, i);
	if (failed || unloadable)
		fprintf(stderr, "The guest's whole log is in %s\n", v->log_path);
	return failed ? 1 : unloadable ? EXIT_UNLOADABLE : 0;
}

static void cleanup(struct verify *v)
{
	for (size_t i = 0; v->verdicts && i < nr_verdicts(v); i++)
		ks_verdict_clear(&v->verdicts[i]);
	free(v->verdicts);
	ks_vm_result_clear(&v->result);
	ks_vm_config_clear(&v->config);
	ks_vec_free(&v->proof.updates);
	ks_strv_free(&v->proof.modules);
	ks_strv_free(&v->opt.add);
	ks_strv_free(&v->opt.modules);
	ks_strv_free(&v->opt.qemu);
	ks_buf_free(&v->steps);
	ks_image_free(v->image);
	ks_vec_for(&v->packs, p)
		ks_pack_close(*p);
	ks_vec_free(&v->packs);
	free(v->log_path);
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
	cleanup(&v);
	return status;
}
