// SPDX-License-Identifier: GPL-2.0-only
/*
 * ksplice-create: from a source patch to an update of a running kernel.
 *
 * The command line, and what a person is told of the result; the pipeline is
 * lib/create.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/term.h"
#include "create/create.h"

#define EXIT_REFUSED 65
#define EXIT_NO_CHANGES 66

struct options {
	struct ks_create_options create;
	struct ks_strv accept_layouts;
	bool prebuild, json;
};

static const char usage[] =
	"Usage: ksplice-create --patch=FILE [OPTION]... KERNEL_SOURCE\n"
	"       ksplice-create --diffext=EXT [OPTION]... KERNEL_SOURCE\n"
	"       ksplice-create --git=COMMIT [OPTION]... KERNEL_SOURCE\n"
	"       ksplice-create --prebuild [OPTION]... KERNEL_SOURCE\n"
	"Make an update of the running kernel from a source patch.\n"
	"\n"
	"KERNEL_SOURCE is the source of the running kernel, as ksplice-prepare unpacks it,\n"
	"with the kernel's .config, System.map and headers in KERNEL_SOURCE/ksplice.\n"
	"\n"
	"  --patch=FILE         the patch, as for patch -p1\n"
	"  --diffext=EXT        files NAME.EXT in the source are what NAME becomes\n"
	"  --git=COMMIT         the change from the commit that the kernel was built from\n"
	"  --prebuild           only prepare the build cache\n"
	"  --patch-opt=OPT      option for patch(1), such as -p0\n"
	"  --config=DIR         configuration directory (default: KERNEL_SOURCE/ksplice)\n"
	"  --id=ID              name of the update, 1 to 32 characters of a-z0-9\n"
	"                       (default: 8 random ones)\n"
	"  --description=TEXT   what ksplice-view shows (default: the patch file's name)\n"
	"  --series             KERNEL_SOURCE is what runs now, with all updates that are\n"
	"                       applied: build on top of them\n"
	"  --replace            ksplice-apply has this update take the place of all that are\n"
	"                       applied, in one step\n"
	"  --accept-layout=TYPE the patch may change the layout of TYPE ('struct foo'; 'all': of\n"
	"                       any type): no object of it is in use when the update is applied;\n"
	"                       may be repeated\n"
	"  --build-modules      put whole fixed modules into the update, too, for targets that\n"
	"                       are not loaded (ksplice-apply --partial)\n"
	"  --sign-key=FILE      sign the modules with this private key (or PKCS#11 URI) ...\n"
	"  --sign-cert=FILE     ... and this certificate, for kernels that ask for signatures\n"
	"  --force-compiler     go on although the compiler is not the kernel's\n"
	"  -j, --jobs=N         run N compilers at once (default: CONCURRENCY_LEVEL, or the\n"
	"                       number of processors)\n"
	"  --json               print the manifest of the update on standard output, as JSON\n"
	"  -v, --verbose        say more; twice: show compiler commands\n"
	"  -q, --quiet          say nothing but errors and the result\n"
	"      --help           show this help\n"
	"      --version        show the version\n"
	"\n"
	"Exit status: 0 an update was written; 65 the update cannot be made safely; 66 the\n"
	"patch changes nothing that runs; 130 a signal; 1 anything else.\n";

enum {
	OPT_PATCH = 256,
	OPT_DIFFEXT,
	OPT_GIT,
	OPT_PREBUILD,
	OPT_PATCH_OPT,
	OPT_CONFIG,
	OPT_ID,
	OPT_DESCRIPTION,
	OPT_ACCEPT_LAYOUT,
	OPT_FORCE_COMPILER,
	OPT_BUILD_MODULES,
	OPT_SIGN_KEY,
	OPT_SIGN_CERT,
	OPT_SERIES,
	OPT_REPLACE,
	OPT_JSON,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "patch", required_argument, NULL, OPT_PATCH },
	{ "diffext", required_argument, NULL, OPT_DIFFEXT },
	{ "git", required_argument, NULL, OPT_GIT },
	{ "prebuild", no_argument, NULL, OPT_PREBUILD },
	{ "patch-opt", required_argument, NULL, OPT_PATCH_OPT },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "id", required_argument, NULL, OPT_ID },
	{ "description", required_argument, NULL, OPT_DESCRIPTION },
	{ "accept-layout", required_argument, NULL, OPT_ACCEPT_LAYOUT },
	{ "force-compiler", no_argument, NULL, OPT_FORCE_COMPILER },
	{ "build-modules", no_argument, NULL, OPT_BUILD_MODULES },
	{ "sign-key", required_argument, NULL, OPT_SIGN_KEY },
	{ "sign-cert", required_argument, NULL, OPT_SIGN_CERT },
	{ "series", no_argument, NULL, OPT_SERIES },
	{ "replace", no_argument, NULL, OPT_REPLACE },
	{ "jobs", required_argument, NULL, 'j' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static struct ks_error *check_id(const char *id)
{
	size_t len = strlen(id);

	if (!len || len > 32 || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789") != len)
		return ks_error_new(KS_E_USAGE, "--id=%s: an id is 1 to 32 characters of a-z0-9", id);
	return NULL;
}

static struct ks_error *random_id(char id[33])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char bytes[8];

	for (size_t i = 0; i < 8;) {
		if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
			return ks_error_errno(errno, "getrandom");
		/* 252 is the largest multiple of 36 in a byte: no letter is likelier. */
		for (size_t n = 0; n < sizeof(bytes) && i < 8; n++)
			if (bytes[n] < 252)
				id[i++] = alphabet[bytes[n] % 36];
	}
	id[8] = 0;
	return NULL;
}

static struct ks_error *parse_jobs(const char *text, int *jobs)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1 || n > 1024)
		return ks_error_new(KS_E_USAGE, "\"%s\" is no number of jobs from 1 to 1024", text);
	*jobs = n;
	return NULL;
}

static struct ks_error *parse(int argc, char **argv, struct options *opt)
{
	const char *env = getenv("CONCURRENCY_LEVEL");
	struct ks_create_options *o = &opt->create;
	struct ks_error *err = NULL;
	int c;

	o->jobs = sysconf(_SC_NPROCESSORS_ONLN);
	if (env && *env)
		err = ks_error_prefix(parse_jobs(env, &o->jobs), "CONCURRENCY_LEVEL");
	while (!err && (c = getopt_long(argc, argv, "j:vq", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_PATCH:
			o->patch = optarg;
			break;
		case OPT_DIFFEXT:
			o->diffext = optarg;
			break;
		case OPT_GIT:
			o->git = optarg;
			break;
		case OPT_PREBUILD:
			opt->prebuild = true;
			break;
		case OPT_PATCH_OPT:
			o->patch_opt = optarg;
			break;
		case OPT_CONFIG:
			o->config = optarg;
			break;
		case OPT_ID:
			o->id = optarg;
			err = check_id(optarg);
			break;
		case OPT_DESCRIPTION:
			o->description = optarg;
			break;
		case OPT_ACCEPT_LAYOUT:
			ks_strv_add(&opt->accept_layouts, optarg);
			break;
		case OPT_FORCE_COMPILER:
			o->force_compiler = true;
			break;
		case OPT_BUILD_MODULES:
			o->build_modules = true;
			break;
		case OPT_SIGN_KEY:
			o->sign_key = optarg;
			break;
		case OPT_SIGN_CERT:
			o->sign_cert = optarg;
			break;
		case OPT_SERIES:
			o->series = true;
			break;
		case OPT_REPLACE:
			o->replace = true;
			break;
		case 'j':
			err = ks_error_prefix(parse_jobs(optarg, &o->jobs), "-j");
			break;
		case OPT_JSON:
			opt->json = true;
			break;
		case 'v':
			o->verbosity++;
			break;
		case 'q':
			o->verbosity = -1;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			exit(0);
		case OPT_VERSION:
			puts("ksplice-create " KS_VERSION);
			exit(0);
		default:
			return ks_error_new(KS_E_USAGE, "try ksplice-create --help");
		}
	}
	if (err)
		return err;
	if (!!o->patch + !!o->diffext + !!o->git + opt->prebuild != 1)
		return ks_error_new(
			KS_E_USAGE,
			"give exactly one of --patch=FILE, --diffext=EXT, --git=COMMIT and --prebuild");
	if (o->patch_opt && !o->patch)
		return ks_error_new(KS_E_USAGE, "--patch-opt goes with --patch only");
	if (!o->sign_key != !o->sign_cert)
		return ks_error_new(KS_E_USAGE, "--sign-key and --sign-cert go together");
	if (o->series && o->replace)
		return ks_error_new(KS_E_USAGE,
				    "--series builds on the updates that --replace would take away");
	if (optind + 1 != argc)
		return ks_error_new(KS_E_USAGE, "give the kernel's source directory, and only that");
	o->source = argv[optind];
	return NULL;
}

static void print_names(const char *what, const struct ks_strv *names)
{
	if (!names->len)
		return;
	printf("    %s:", what);
	for (size_t i = 0; i < names->len; i++)
		printf(" %s", names->v[i]);
	printf("\n");
}

static void warn_of(const char *what, const struct ks_strv *types, const char *so)
{
	if (!types->len)
		return;
	fprintf(stderr, "ksplice-create: warning: %s\n", what);
	for (size_t i = 0; i < types->len; i++)
		fprintf(stderr, "  %s\n", types->v[i]);
	fprintf(stderr, "%s\n", so);
}

static void warn_of_layouts(const struct ks_manifest *m)
{
	warn_of("as accepted, the patch changes the layout of", &m->layouts,
		"Objects that exist when the update is applied have the old one, and new code takes them for new\n"
		"ones.");
	warn_of("the patch changes types in which all that stays keeps its place:", &m->extended,
		"In objects that exist when the update is applied, new members hold what the padding held:\n"
		"usually 0.");
}

static void summary(const struct ks_manifest *m)
{
	ks_vec_for(&m->units, u) {
		printf("  %s (%s)\n", u->path, u->target);
		print_names("replaced", &u->replaced);
		print_names("added", &u->added);
		print_names("removed", &u->removed);
		print_names("changed in place", &u->changed);
	}
}

/* @json: the manifest, with --json. */
static struct ks_error *run(struct options *opt, struct ks_create_result *result,
			    struct ks_buf *json)
{
	struct ks_create_options *o = &opt->create;
	struct ks_error *err;

	if (!o->description)
		o->description = o->patch   ? ks_path_base(o->patch) :
				 o->git	    ? o->git :
				 o->diffext ? o->diffext :
					      "";
	o->accept_layouts = &opt->accept_layouts;
	o->report = ks_report_terminal(o->verbosity);
	if (opt->prebuild)
		return ks_create_prebuild(o);
	err = ks_create_update(o, result);
	if (!err && opt->json)
		err = ks_manifest_write(&result->manifest, json);
	return err;
}

/* What became of it, as exit status. */
static int tell_error(const struct ks_error *err)
{
	if (ks_error_code(err) == KS_E_NO_CHANGES) {
		printf("%s\n", ks_error_message(err));
		return EXIT_NO_CHANGES;
	}
	fprintf(stderr, "ksplice-create: %s\n", ks_error_message(err));
	return ks_error_code(err) == KS_E_INTERRUPTED ? 130 :
	       ks_error_code(err) == KS_E_REFUSED     ? EXIT_REFUSED :
							1;
}

static void tell_result(const struct options *opt, const struct ks_create_result *result,
			const struct ks_buf *json)
{
	if (opt->prebuild) {
		printf("The build cache is ready.\n");
		return;
	}
	warn_of_layouts(&result->manifest);
	if (opt->json) {
		fputs(json->data, stdout);
		return;
	}
	if (opt->create.verbosity >= 0)
		summary(&result->manifest);
	printf("Ksplice update tarball written to %s\n", result->tarball);
}

int main(int argc, char **argv)
{
	struct ks_create_result result = { 0 };
	struct options opt = { 0 };
	struct ks_buf json = { 0 };
	struct ks_error *err;
	char id[33];
	int status = 0;

	err = parse(argc, argv, &opt);
	ks_signals_init();
	if (!err && !opt.create.id) {
		err = random_id(id);
		opt.create.id = id;
	}
	if (!err)
		err = run(&opt, &result, &json);
	ks_report_end();
	if (err)
		status = tell_error(err);
	else
		tell_result(&opt, &result, &json);
	ks_error_free(err);
	ks_create_result_clear(&result);
	ks_strv_free(&opt.accept_layouts);
	ks_buf_free(&json);
	return status;
}
