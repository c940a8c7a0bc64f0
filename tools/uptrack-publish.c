// SPDX-License-Identifier: GPL-2.0-only
/*
 * uptrack-publish: keeps a repository of updates (lib/uptrack/store.h).  Each
 * command reads what is published, checks it, and publishes what comes next.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/term.h"
#include "base/text.h"
#include "common.h"
#include "pack/archive.h"
#include "pack/digest.h"
#include "uptrack/admit.h"
#include "uptrack/audit.h"
#include "uptrack/offline.h"
#include "uptrack/prove.h"
#include "uptrack/store.h"

static const char usage[] =
	"Usage: uptrack-publish COMMAND [OPTION]... [ARGUMENT]...\n"
	"Keep a repository of updates, which any web server can serve.\n"
	"\n"
	"  init                    make a repository\n"
	"  kernel DIST/ARCH/RELEASE/VERSION...\n"
	"                          serve these kernels, which have no updates yet\n"
	"  add TARBALL...          publish updates, in this order\n"
	"  withdraw ID...          have updates removed by those who installed them\n"
	"  retire KERNEL...        say that kernels get no more updates\n"
	"  alert KERNEL...         have a text shown to administrators\n"
	"  resign [KERNEL...]      sign the indexes anew (default: all), before they expire\n"
	"  rotate                  name the next key\n"
	"  list [KERNEL...]        show what is published\n"
	"  check                   verify everything in the repository\n"
	"  deb KERNEL [DIR]        make a Debian package of a kernel's updates, for machines\n"
	"                          without a network, in DIR (default: the current directory)\n"
	"  prune                   remove what has been unused for some days\n"
	"\n"
	"KERNEL is a release where only one kernel has it.\n"
	"\n"
	"      --repo=DIR          the repository (default: the current directory)\n"
	"      --secret-key=FILE   what to sign with (default: $UPTRACK_SECRET_KEY); init\n"
	"                          makes it if it is not there\n"
	"      --password-file=FILE\n"
	"                          the secret key's password is the first line of FILE; else\n"
	"                          it is asked for\n"
	"      --no-password       init, rotate: make a secret key without a password\n"
	"      --public-key=FILE   check, deb, list: the key that is trusted\n"
	"      --valid=DAYS        how long the index is valid (default: 30)\n"
	"      --poll=SECONDS      how long clients wait between two looks (default: as before)\n"
	"      --serial=N          resign: the serial number is at least N\n"
	"      --name=TEXT         add: the name of the update (default: its description)\n"
	"      --description=TEXT  add: more about it (default: its description)\n"
	"      --cve=ID            add: what it fixes; may be repeated\n"
	"      --depends=ID        add: what it builds on; may be repeated\n"
	"      --effective=RELEASE/VERSION\n"
	"                          add: the kernel whose fixes are in from this update on\n"
	"      --distribution=NAME add: whose kernel it is for (default: debian)\n"
	"      --no-verify         add: do not try it in a virtual machine first\n"
	"      --kernel=KERNEL     withdraw: of this kernel only\n"
	"      --dependents        withdraw: also what depends on it\n"
	"      --text=TEXT         withdraw, retire, alert: what administrators are told\n"
	"      --clear             alert: take back all that are shown; retire: serve again\n"
	"      --new-key=FILE      rotate: the next secret key; made if it is not there\n"
	"      --days=N            prune: for how long (default: 7)\n"
	"      --json              list, check: as JSON\n"
	"  -v, --verbose           say more\n"
	"  -q, --quiet             say nothing but errors\n"
	"      --help              show this help\n"
	"      --version           show the version\n"
	"\n"
	"Exit status: 0 done; 65 check: something is wrong with the repository; 130 a signal;\n"
	"1 anything else.\n";

#define EXIT_FAULTS 65
#define DAY 86400

enum {
	OPT_REPO = TOOL_OPT_OWN, OPT_SECRET, OPT_PASSWORD_FILE, OPT_NO_PASSWORD, OPT_PUBLIC, OPT_VALID,
	OPT_POLL, OPT_SERIAL, OPT_NAME, OPT_DESCRIPTION, OPT_CVE, OPT_DEPENDS, OPT_EFFECTIVE, OPT_DIST,
	OPT_NO_VERIFY, OPT_KERNEL, OPT_DEPENDENTS, OPT_TEXT, OPT_CLEAR, OPT_NEW_KEY, OPT_DAYS, OPT_END,
};
#define BIT(option) (1u << ((option) - OPT_REPO))

static const struct option long_options[] = {
	{ "repo", required_argument, NULL, OPT_REPO },
	{ "secret-key", required_argument, NULL, OPT_SECRET },
	{ "password-file", required_argument, NULL, OPT_PASSWORD_FILE },
	{ "no-password", no_argument, NULL, OPT_NO_PASSWORD },
	{ "public-key", required_argument, NULL, OPT_PUBLIC },
	{ "valid", required_argument, NULL, OPT_VALID },
	{ "poll", required_argument, NULL, OPT_POLL },
	{ "serial", required_argument, NULL, OPT_SERIAL },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "description", required_argument, NULL, OPT_DESCRIPTION },
	{ "cve", required_argument, NULL, OPT_CVE },
	{ "depends", required_argument, NULL, OPT_DEPENDS },
	{ "effective", required_argument, NULL, OPT_EFFECTIVE },
	{ "distribution", required_argument, NULL, OPT_DIST },
	{ "no-verify", no_argument, NULL, OPT_NO_VERIFY },
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "dependents", no_argument, NULL, OPT_DEPENDENTS },
	{ "text", required_argument, NULL, OPT_TEXT },
	{ "clear", no_argument, NULL, OPT_CLEAR },
	{ "new-key", required_argument, NULL, OPT_NEW_KEY },
	{ "days", required_argument, NULL, OPT_DAYS },
	TOOL_OPTIONS_VERBOSITY,
	TOOL_OPTIONS,
};

struct publish {
	struct tool tool;
	const struct command *command;
	const char *repo, *secret_file, *password_file, *public_file, *distribution, *kernel, *text, *new_key;
	const char *effective;
	struct ks_admission admission;
	bool no_password, no_verify, dependents, clear;
	uint64_t now, valid, poll, serial, days;
	char **args;
	size_t nr_args;
	struct ks_report *report;
	struct ks_store *store;
	size_t faults; /* of check */
};

struct command {
	const char *name;
	struct ks_error *(*run)(struct publish *p);
	size_t min_args, max_args;
	bool signs; /* opens the store with the lock and the secret key; else for reading */
	unsigned int options; /* beside those that all have */
};

/* Options. */

static struct ks_error *number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (end == text || *end || errno || *text < '0' || *text > '9' || n < min || n > max)
		return ks_error_new(KS_E_USAGE, "--%s=%s: give a number from %llu to %llu", name, text,
				    (unsigned long long)min, (unsigned long long)max);
	*value = n;
	return NULL;
}

static struct ks_error *parse_one(struct publish *p, int c)
{
	switch (c) {
	case OPT_REPO:
		p->repo = optarg;
		break;
	case OPT_SECRET:
		p->secret_file = optarg;
		break;
	case OPT_PASSWORD_FILE:
		p->password_file = optarg;
		break;
	case OPT_NO_PASSWORD:
		p->no_password = true;
		break;
	case OPT_PUBLIC:
		p->public_file = optarg;
		break;
	case OPT_VALID:
		return number("valid", optarg, 1, 3650, &p->valid);
	case OPT_POLL:
		return number("poll", optarg, KS_INDEX_POLL_MIN, KS_INDEX_POLL_MAX, &p->poll);
	case OPT_SERIAL:
		return number("serial", optarg, 1, KS_INDEX_SERIAL_MAX, &p->serial);
	case OPT_NAME:
		p->admission.name = optarg;
		break;
	case OPT_DESCRIPTION:
		p->admission.description = optarg;
		break;
	case OPT_CVE:
		ks_strv_add(&p->admission.cves, optarg);
		break;
	case OPT_DEPENDS:
		ks_strv_add(&p->admission.depends, optarg);
		break;
	case OPT_EFFECTIVE:
		p->effective = optarg;
		break;
	case OPT_DIST:
		p->distribution = optarg;
		break;
	case OPT_NO_VERIFY:
		p->no_verify = true;
		break;
	case OPT_KERNEL:
		p->kernel = optarg;
		break;
	case OPT_DEPENDENTS:
		p->dependents = true;
		break;
	case OPT_TEXT:
		p->text = optarg;
		break;
	case OPT_CLEAR:
		p->clear = true;
		break;
	case OPT_NEW_KEY:
		p->new_key = optarg;
		break;
	case OPT_DAYS:
		return number("days", optarg, 1, 3650, &p->days);
	}
	return NULL;
}

/* The time, or SOURCE_DATE_EPOCH: the tests want the same repository each time. */
static struct ks_error *read_clock(uint64_t *now)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	*now = time(NULL);
	if (!epoch || !*epoch)
		return NULL;
	if (strspn(epoch, "0123456789") != strlen(epoch))
		return ks_error_new(KS_E_USAGE, "SOURCE_DATE_EPOCH is no number of seconds");
	*now = strtoull(epoch, NULL, 10);
	return NULL;
}

/* Keys and passwords. */

/* One line of the terminal, without showing it; the caller clears and frees *password. */
static struct ks_error *ask(const char *prompt, char **password)
{
	FILE *tty = fopen("/dev/tty", "r+e");
	struct termios before, silent;
	struct ks_error *err = NULL;
	size_t size = 0;
	ssize_t n;

	*password = NULL;
	if (!tty || tcgetattr(fileno(tty), &before)) {
		if (tty)
			fclose(tty);
		return ks_error_new(KS_E_DENIED, "the secret key has a password, and there is no terminal to ask for it; give --password-file=FILE");
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fileno(tty), TCSAFLUSH, &silent);
	fprintf(tty, "%s: ", prompt);
	fflush(tty);
	n = getline(password, &size, tty);
	tcsetattr(fileno(tty), TCSAFLUSH, &before);
	fputc('\n', tty);
	if (n <= 0)
		err = ks_interrupted() ? ks_interrupted_error() : ks_error_new(KS_E_DENIED, "no password was given");
	else
		(*password)[strcspn(*password, "\n")] = 0;
	fclose(tty);
	return err;
}

static struct ks_error *get_password(const struct publish *p, const char *file, bool twice, char **password)
{
	struct ks_buf text = { 0 };
	struct ks_error *err;
	char *prompt, *again;

	*password = NULL;
	if (p->password_file) {
		err = ks_file_read(p->password_file, 4096, &text);
		if (!err) {
			text.data[strcspn(text.data, "\n")] = 0;
			*password = ks_buf_steal(&text);
		}
		return err;
	}
	prompt = ks_asprintf("Password of %s", file);
	err = ask(prompt, password);
	free(prompt);
	if (err || !twice)
		return err;
	err = ask("Once more", &again);
	if (!err && strcmp(*password, again))
		err = ks_error_new(KS_E_DENIED, "the two passwords differ");
	free(again);
	return err;
}

static void forget(char *password)
{
	if (password)
		explicit_bzero(password, strlen(password));
	free(password);
}

static struct ks_error *read_secret(const struct publish *p, const char *file, struct ks_secret_key *key)
{
	struct ks_buf text = { 0 };
	struct ks_error *err = ks_file_read(file, KS_KEY_MAX, &text);
	char *password = NULL;

	if (!err && ks_secret_key_is_encrypted(text.data, text.len))
		err = get_password(p, file, false, &password);
	if (!err)
		err = ks_error_prefix(ks_secret_key_parse(text.data, text.len, password, key), "%s", file);
	forget(password);
	if (text.data)
		explicit_bzero(text.data, text.len);
	ks_buf_free(&text);
	return err;
}

static struct ks_error *make_secret(const struct publish *p, const char *file, struct ks_secret_key *key)
{
	struct ks_error *err = ks_secret_key_make(key);
	struct ks_buf text = { 0 };
	char *password = NULL;

	if (!err && !p->no_password)
		err = get_password(p, file, true, &password);
	if (!err && password && !*password)
		err = ks_error_new(KS_E_USAGE, "the password is empty; say --no-password if there shall be none");
	if (!err)
		err = ks_secret_key_write(key, password, &text);
	if (!err)
		err = ks_file_write_durable(file, text.data, text.len, 0600);
	if (!err)
		ks_note(p->report, 0, "The secret key is in %s. Whoever has it can have any code run in the kernels of all who trust it.",
			file);
	forget(password);
	if (text.data)
		explicit_bzero(text.data, text.len);
	ks_buf_free(&text);
	return err;
}

/* One that is there is taken, also one that minisign has made. */
static struct ks_error *take_or_make_secret(const struct publish *p, const char *file, struct ks_secret_key *key)
{
	return ks_file_exists(file) ? read_secret(p, file, key) : make_secret(p, file, key);
}

static struct ks_error *need_secret_file(const struct publish *p)
{
	if (p->secret_file)
		return NULL;
	return ks_error_new(KS_E_USAGE, "give --secret-key=FILE, or set UPTRACK_SECRET_KEY");
}

static struct ks_error *open_to_read(struct publish *p)
{
	struct ks_public_key root;
	struct ks_buf text = { 0 };
	struct ks_error *err = NULL;

	if (p->public_file) {
		err = ks_file_read(p->public_file, KS_KEY_MAX, &text);
		if (!err)
			err = ks_error_prefix(ks_public_key_parse(text.data, text.len, &root), "%s", p->public_file);
		ks_buf_free(&text);
	}
	return err ? err : ks_store_open(p->repo, p->public_file ? &root : NULL, &p->store);
}

static struct ks_error *open_to_sign(struct publish *p)
{
	struct ks_secret_key key;
	struct ks_error *err = need_secret_file(p);

	if (err)
		return err;
	err = read_secret(p, p->secret_file, &key);
	if (!err)
		err = ks_store_open_locked(p->repo, &key, &p->store);
	ks_secret_key_clear(&key);
	return err;
}

/* Publishing. */

static KS_PRINTF(2, 3) void say(const struct publish *p, const char *fmt, ...)
{
	va_list ap;

	if (p->tool.verbosity < 0)
		return;
	va_start(ap, fmt);
	tool_say(fmt, ap);
	va_end(ap);
}

static struct ks_error *publish_index(struct publish *p, struct ks_index *index,
				      const struct ks_store_tarball *tarball)
{
	if (ks_interrupted())
		return ks_interrupted_error();
	if (p->poll)
		index->poll = p->poll;
	if (p->serial > index->serial)
		index->serial = p->serial - 1;
	return ks_store_publish(p->store, index, p->now, p->valid * DAY, tarball);
}

/* Reads the index of a kernel, has @change done to it, and publishes it. */
static struct ks_error *change_index(struct publish *p, const struct ks_repo_kernel *kernel,
				     struct ks_error *(*change)(struct publish *p, struct ks_index *index))
{
	struct ks_index index;
	struct ks_error *err = ks_store_read(p->store, kernel, NULL, &index);

	if (!err && change)
		err = change(p, &index);
	if (!err)
		err = publish_index(p, &index, NULL);
	if (!err)
		say(p, "%s: index %llu is published", kernel->release, (unsigned long long)index.serial);
	ks_index_clear(&index);
	return err;
}

/* For each kernel that is named, or for all where none is. */
static struct ks_error *change_each(struct publish *p,
				    struct ks_error *(*change)(struct publish *p, struct ks_index *index))
{
	struct ks_strv names = { 0 };
	struct ks_error *err = NULL;

	for (size_t i = 0; i < p->nr_args; i++)
		ks_strv_add(&names, p->args[i]);
	if (!names.len)
		err = ks_store_kernels(p->store, &names);
	for (size_t i = 0; !err && i < names.len; i++) {
		struct ks_repo_kernel kernel;

		err = ks_store_find(p->store, names.v[i], &kernel);
		if (!err)
			err = change_index(p, &kernel, change);
		ks_repo_kernel_clear(&kernel);
	}
	ks_strv_free(&names);
	return err;
}

/* The commands. */

static struct ks_error *run_init(struct publish *p)
{
	struct ks_secret_key secret;
	struct ks_public_key key;
	struct ks_error *err;
	char line[57], *path;

	if (p->nr_args)
		p->repo = p->args[0];
	err = need_secret_file(p);
	/* Before a key is made that would serve for nothing. */
	path = ks_path_join(p->repo, KS_REPO_TOP "/keys");
	if (!err && !ks_file_exists(p->secret_file) && ks_file_exists(path))
		err = ks_error_new(KS_E_REFUSED, "%s is a repository already, and the key %s is not there", p->repo,
				   p->secret_file);
	free(path);
	if (!err)
		err = take_or_make_secret(p, p->secret_file, &secret);
	if (err)
		return err;
	ks_secret_key_public(&secret, &key);
	err = ks_store_init(p->repo, &secret);
	ks_secret_key_clear(&secret);
	if (err)
		return err;
	ks_public_key_line(&key, line);
	path = ks_repo_key_path(key.id);
	say(p, "%s is a repository now. Its public key, which clients need, is in %s/%s:\n%s", p->repo, p->repo, path,
	    line);
	free(path);
	return NULL;
}

static struct ks_error *run_kernel(struct publish *p)
{
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < p->nr_args; i++) {
		struct ks_repo_kernel kernel;
		struct ks_index index;

		err = ks_repo_kernel_parse(p->args[i], &kernel);
		if (!err && ks_store_serves(p->store, &kernel)) {
			say(p, "%s: it is served already", p->args[i]);
		} else if (!err) {
			ks_store_new_index(&kernel, &index);
			err = publish_index(p, &index, NULL);
			ks_index_clear(&index);
			if (!err)
				say(p, "%s: it is served now, and has no updates yet", p->args[i]);
		}
		ks_repo_kernel_clear(&kernel);
	}
	return err;
}

/* The kernel of a package, served or not. */
static struct ks_error *kernel_of(const struct publish *p, const struct ks_manifest *m,
				  struct ks_repo_kernel *kernel)
{
	struct ks_error *err;
	char *name;

	if (!*m->version)
		return ks_error_new(KS_E_REFUSED, "update %s does not say for which version of the package %s it was made; make it in a tree of ksplice-prepare",
				    m->id, m->release);
	name = ks_asprintf("%s/%s/%s/%s", p->distribution, ks_repo_arch(m->arch), m->release, m->version);
	err = ks_repo_kernel_parse(name, kernel);
	free(name);
	return err;
}

/* A tarball: its bytes are read once, and these are checked, tried and published. */
struct addition {
	struct ks_buf bytes;
	char sha256[65];
	char *dir, *copy; /* where they lie for ksplice-verify */
	struct ks_pack *pack;
};

static struct ks_error *read_addition(const char *tarball, struct addition *a)
{
	struct ks_error *err = ks_file_read(tarball, KS_INDEX_TARBALL_MAX, &a->bytes);

	if (!err)
		err = ks_digest(&a->bytes, a->sha256);
	if (!err)
		err = ks_dir_temp("uptrack-publish", &a->dir);
	if (err)
		return err;
	a->copy = ks_path_join(a->dir, "update.tar.gz");
	err = ks_file_write(a->copy, ks_buf_text(&a->bytes), a->bytes.len, 0644);
	if (!err)
		err = ks_pack_open(a->copy, &a->pack);
	return err ? ks_error_prefix(err, "%s", tarball) : NULL;
}

static void addition_free(struct addition *a)
{
	ks_pack_close(a->pack);
	if (a->dir)
		ks_error_free(ks_dir_remove(a->dir));
	free(a->dir);
	free(a->copy);
	ks_buf_free(&a->bytes);
}

static struct ks_error *add_one(struct publish *p, const char *tarball)
{
	struct ks_repo_kernel kernel = { 0 };
	const struct ks_manifest *m = NULL;
	struct addition a = { 0 };
	struct ks_index index = { 0 };
	struct ks_error *err;

	err = read_addition(tarball, &a);
	if (!err) {
		m = &a.pack->manifest;
		err = kernel_of(p, m, &kernel);
	}
	if (!err && ks_store_serves(p->store, &kernel))
		err = ks_store_read(p->store, &kernel, NULL, &index);
	else if (!err)
		ks_store_new_index(&kernel, &index);
	if (!err)
		err = ks_admit(p->store, &index, m, a.bytes.len, a.sha256, &p->admission);
	if (!err && !p->no_verify)
		err = ks_prove(p->store, &index, m->id, a.copy, p->report);
	if (!err)
		err = publish_index(p, &index, &(struct ks_store_tarball){ m->id, a.sha256, &a.bytes });
	if (!err)
		say(p, "%s: update %s is published (index %llu)", kernel.release, m->id,
		    (unsigned long long)index.serial);
	addition_free(&a);
	ks_index_clear(&index);
	ks_repo_kernel_clear(&kernel);
	return err;
}

static struct ks_error *run_add(struct publish *p)
{
	char *release = NULL, *slash;
	struct ks_error *err = NULL;

	if (p->nr_args > 1 && (p->admission.name || p->admission.description || p->admission.cves.len ||
			       p->admission.depends.len))
		return ks_error_new(KS_E_USAGE, "with --name, --description, --cve or --depends, give one tarball");
	if (p->effective) {
		release = ks_strdup(p->effective);
		slash = strchr(release, '/');
		if (slash) {
			*slash = 0;
			p->admission.release = release;
			p->admission.version = slash + 1;
		} else {
			err = ks_error_new(KS_E_USAGE, "--effective=%s: give it as RELEASE/VERSION", release);
		}
	}
	for (size_t i = 0; !err && i < p->nr_args; i++)
		err = add_one(p, p->args[i]);
	free(release);
	return err;
}

static bool is_argument(const struct publish *p, const char *id)
{
	for (size_t i = 0; i < p->nr_args; i++)
		if (!strcmp(p->args[i], id))
			return true;
	return false;
}

/* The ids that are arguments, as far as this kernel has them; the last one first. */
static struct ks_error *withdraw(struct publish *p, struct ks_index *index)
{
	struct ks_error *err = NULL;

	for (size_t i = index->updates.len; !err && i--;) {
		const struct ks_index_update *u = &index->updates.v[i];

		if (!u->withdrawn && is_argument(p, u->id))
			err = ks_withdraw(index, u->id, p->text, p->dependents);
	}
	return err;
}

/* Which kernels have which of the ids: all is known before anything changes. */
static struct ks_error *find_ids(struct publish *p, const struct ks_strv *names, struct ks_strv *affected)
{
	bool *found = ks_alloc(p->nr_args * sizeof(*found));
	struct ks_error *err = NULL;

	for (size_t i = 0; !err && i < names->len; i++) {
		struct ks_repo_kernel kernel;
		struct ks_index index = { 0 };
		bool has = false;

		err = ks_repo_kernel_parse(names->v[i], &kernel);
		if (!err)
			err = ks_store_read(p->store, &kernel, NULL, &index);
		for (size_t k = 0; !err && k < p->nr_args; k++) {
			const struct ks_index_update *u = ks_index_find(&index, p->args[k]);

			found[k] |= u && !u->withdrawn;
			has |= u && !u->withdrawn;
		}
		if (has)
			ks_strv_add(affected, names->v[i]);
		if (!err && has)
			err = withdraw(p, &index); /* of a copy: can it be done at all? */
		ks_index_clear(&index);
		ks_repo_kernel_clear(&kernel);
	}
	for (size_t k = 0; !err && k < p->nr_args; k++)
		if (!found[k])
			err = ks_error_new(KS_E_USAGE, "there is no update %s that could be withdrawn", p->args[k]);
	free(found);
	return err;
}

static struct ks_error *run_withdraw(struct publish *p)
{
	struct ks_strv names = { 0 }, affected = { 0 };
	struct ks_repo_kernel kernel = { 0 };
	struct ks_error *err;

	if (!p->text)
		return ks_error_new(KS_E_USAGE, "give --text=TEXT: administrators want to know why");
	if (p->kernel) {
		err = ks_store_find(p->store, p->kernel, &kernel);
		if (!err) {
			char *name = ks_repo_kernel_name(&kernel);

			ks_strv_add(&names, name);
			free(name);
		}
		ks_repo_kernel_clear(&kernel);
	} else {
		err = ks_store_kernels(p->store, &names);
	}
	if (!err)
		err = find_ids(p, &names, &affected);
	for (size_t i = 0; !err && i < affected.len; i++) {
		err = ks_repo_kernel_parse(affected.v[i], &kernel);
		if (!err)
			err = change_index(p, &kernel, withdraw);
		ks_repo_kernel_clear(&kernel);
	}
	ks_strv_free(&names);
	ks_strv_free(&affected);
	return err;
}

static struct ks_error *retire(struct publish *p, struct ks_index *index)
{
	if (p->clear && !index->retired)
		return ks_error_new(KS_E_USAGE, "%s is not retired", index->release);
	free(index->retired);
	index->retired = p->clear ? NULL : ks_strdup(p->text);
	index->retired_date = p->clear ? 0 : p->now;
	return NULL;
}

static struct ks_error *text_or_clear(const struct publish *p)
{
	if (!!p->text == p->clear)
		return ks_error_new(KS_E_USAGE, "give --text=TEXT or --clear");
	return NULL;
}

static struct ks_error *run_retire(struct publish *p)
{
	struct ks_error *err = text_or_clear(p);

	return err ? err : change_each(p, retire);
}

static struct ks_error *alert(struct publish *p, struct ks_index *index)
{
	if (p->clear) {
		ks_vec_for(&index->alerts, a)
			free(a->text);
		index->alerts.len = 0;
	} else {
		struct ks_index_alert *a = ks_vec_push(&index->alerts);

		a->date = p->now;
		a->text = ks_strdup(p->text);
	}
	return NULL;
}

static struct ks_error *run_alert(struct publish *p)
{
	struct ks_error *err = text_or_clear(p);

	return err ? err : change_each(p, alert);
}

static struct ks_error *run_resign(struct publish *p)
{
	return change_each(p, NULL);
}

static struct ks_error *run_rotate(struct publish *p)
{
	struct ks_secret_key secret;
	struct ks_public_key next;
	struct ks_error *err;
	bool has_next;
	char name[17];

	if (!p->new_key)
		return ks_error_new(KS_E_USAGE, "give --new-key=FILE");
	err = ks_store_next_key(p->store, &p->store->keys.v[p->store->keys.len - 1], &next, &has_next);
	if (!err && has_next && !ks_file_exists(p->new_key))
		err = ks_error_new(KS_E_REFUSED, "there is a next key already, and %s is not there", p->new_key);
	if (!err)
		err = take_or_make_secret(p, p->new_key, &secret);
	if (err)
		return err;
	ks_secret_key_public(&secret, &next);
	ks_secret_key_clear(&secret);
	err = ks_store_put_next_key(p->store, &next);
	if (!err)
		err = change_each(p, NULL);
	if (err)
		return err;
	ks_key_name(next.id, name);
	say(p, "The next key is %s. When clients have had time to see it, sign with it: uptrack-publish resign --secret-key=%s",
	    name, p->new_key);
	return NULL;
}

/* Showing. */

static void date(uint64_t t, char text[32])
{
	time_t when = t;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(text, "?");
}

static void print_index(const struct ks_index *index, const struct ks_head *head)
{
	char created[32], expires[32], key[17];

	date(index->created, created);
	date(index->expires, expires);
	ks_key_name(head->key.id, key);
	printf("%s/%s/%s/%s\n  index %llu of %s, valid until %s, signed by %s\n", index->distribution, index->arch,
	       index->release, index->version, (unsigned long long)index->serial, created, expires, key);
	if (index->retired)
		printf("  retired: %s\n", index->retired);
	ks_vec_for(&index->alerts, a)
		printf("  alert: %s\n", a->text);
	ks_vec_for(&index->updates, u) {
		printf("  [%s] %s", u->id, u->name);
		for (size_t i = 0; i < u->cves.len; i++)
			printf("%s%s", i ? " " : " (", u->cves.v[i]);
		printf("%s%s%s\n", u->cves.len ? ")" : "", u->withdrawn ? "; withdrawn: " : "",
		       u->withdrawn ? u->withdrawn : "");
	}
	if (!index->updates.len)
		printf("  no updates yet\n");
}

static struct ks_error *index_json(const struct ks_index *index, const struct ks_head *head, json_t *all)
{
	struct ks_buf text = { 0 };
	struct ks_error *err = ks_index_write(index, &text);
	char key[17];
	json_t *json;

	if (err)
		return err;
	ks_key_name(head->key.id, key);
	json = json_loadb(text.data, text.len, 0, NULL);
	json_object_set_new(json, "signed_by", json_string(key));
	json_object_set_new(json, "index_sha256", json_string(head->sha256));
	json_array_append_new(all, json);
	ks_buf_free(&text);
	return NULL;
}

static struct ks_error *list_one(const struct publish *p, const char *name, json_t *all)
{
	struct ks_repo_kernel kernel;
	struct ks_error *err = ks_store_find(p->store, name, &kernel);
	struct ks_index index = { 0 };
	struct ks_head head = { 0 };

	if (!err)
		err = ks_store_read(p->store, &kernel, &head, &index);
	if (!err && p->tool.json)
		err = index_json(&index, &head, all);
	else if (!err)
		print_index(&index, &head);
	ks_head_clear(&head);
	ks_index_clear(&index);
	ks_repo_kernel_clear(&kernel);
	return err;
}

static struct ks_error *run_list(struct publish *p)
{
	struct ks_strv names = { 0 };
	struct ks_error *err = NULL;
	json_t *all = json_array();

	for (size_t i = 0; i < p->nr_args; i++)
		ks_strv_add(&names, p->args[i]);
	if (!names.len)
		err = ks_store_kernels(p->store, &names);
	for (size_t i = 0; !err && i < names.len; i++)
		err = list_one(p, names.v[i], all);
	if (!err && p->tool.json)
		tool_print_json(json_incref(all));
	json_decref(all);
	ks_strv_free(&names);
	return err;
}

static struct ks_error *run_check(struct publish *p)
{
	struct ks_audit audit;
	struct ks_error *err = ks_audit(p->store, p->now, true, &audit);

	if (err)
		return err;
	p->faults = audit.faults.len;
	if (p->tool.json) {
		tool_print_json(json_pack("{s:b, s:I, s:I, s:I, s:o, s:o}", "good", !audit.faults.len, "kernels",
					  (json_int_t)audit.kernels, "updates", (json_int_t)audit.updates, "keys",
					  (json_int_t)audit.keys, "faults", ks_text_json_list(&audit.faults), "notes",
					  ks_text_json_list(&audit.notes)));
	} else {
		for (size_t i = 0; i < audit.faults.len; i++)
			fprintf(stderr, "uptrack-publish: %s\n", audit.faults.v[i]);
		for (size_t i = 0; i < audit.notes.len && p->tool.verbosity > 0; i++)
			printf("%s\n", audit.notes.v[i]);
		say(p, "%zu kernels, %zu updates, %zu keys: %s", audit.kernels, audit.updates, audit.keys,
		    audit.faults.len ? "something is wrong" : "all is well");
	}
	ks_audit_clear(&audit);
	return NULL;
}

/* Young ones may be what a mirror is fetching, or what a publisher has just put there. */
static struct ks_error *prune_one(const struct publish *p, const char *path, size_t *removed)
{
	char *full = ks_store_path(p->store, path), *dir;
	struct ks_error *err = NULL;
	struct stat st;

	if (lstat(full, &st))
		err = errno == ENOENT ? NULL : ks_error_errno(errno, "%s", full);
	else if ((uint64_t)st.st_mtime + p->days * DAY <= p->now) {
		if (unlink(full) && errno != ENOENT)
			err = ks_error_errno(errno, "cannot remove %s", full);
		else
			*removed += 1;
		/* The directory of a tarball, once it is empty. */
		dir = ks_strndup(full, ks_path_base(full) - full);
		if (!err)
			rmdir(dir);
		free(dir);
	}
	free(full);
	return err;
}

static struct ks_error *run_deb(struct publish *p)
{
	struct ks_repo_kernel kernel = { 0 };
	char *file = NULL;
	struct ks_error *err = ks_store_find(p->store, p->args[0], &kernel);

	if (!err)
		err = ks_offline_deb(p->store, &kernel, p->nr_args > 1 ? p->args[1] : ".", &file);
	if (!err)
		say(p, "The updates of %s are in %s", kernel.release, file);
	ks_repo_kernel_clear(&kernel);
	free(file);
	return err;
}

static struct ks_error *run_prune(struct publish *p)
{
	struct ks_audit audit;
	struct ks_error *err = ks_audit(p->store, 0, false, &audit);
	size_t removed = 0;

	if (err)
		return err;
	/* What is wrong could be why something seems to be unused. */
	if (audit.faults.len)
		err = ks_error_new(KS_E_REFUSED, "nothing is removed, for something is wrong with the repository: %s",
				   audit.faults.v[0]);
	for (size_t i = 0; !err && i < audit.loose.len; i++)
		err = prune_one(p, audit.loose.v[i], &removed);
	if (!err)
		say(p, "%zu files that were unused for %llu days are removed", removed, (unsigned long long)p->days);
	ks_audit_clear(&audit);
	return err;
}

#define PUBLISHES (BIT(OPT_SECRET) | BIT(OPT_PASSWORD_FILE) | BIT(OPT_VALID) | BIT(OPT_POLL))

static const struct command commands[] = {
	{ "init", run_init, 0, 1, false, BIT(OPT_SECRET) | BIT(OPT_PASSWORD_FILE) | BIT(OPT_NO_PASSWORD) },
	{ "kernel", run_kernel, 1, SIZE_MAX, true, PUBLISHES },
	{ "add", run_add, 1, SIZE_MAX, true,
	  PUBLISHES | BIT(OPT_NAME) | BIT(OPT_DESCRIPTION) | BIT(OPT_CVE) | BIT(OPT_DEPENDS) |
		  BIT(OPT_EFFECTIVE) | BIT(OPT_DIST) | BIT(OPT_NO_VERIFY) },
	{ "withdraw", run_withdraw, 1, SIZE_MAX, true,
	  PUBLISHES | BIT(OPT_KERNEL) | BIT(OPT_DEPENDENTS) | BIT(OPT_TEXT) },
	{ "retire", run_retire, 1, SIZE_MAX, true, PUBLISHES | BIT(OPT_TEXT) | BIT(OPT_CLEAR) },
	{ "alert", run_alert, 1, SIZE_MAX, true, PUBLISHES | BIT(OPT_TEXT) | BIT(OPT_CLEAR) },
	{ "resign", run_resign, 0, SIZE_MAX, true, PUBLISHES | BIT(OPT_SERIAL) },
	{ "rotate", run_rotate, 0, 0, true, PUBLISHES | BIT(OPT_NEW_KEY) | BIT(OPT_NO_PASSWORD) },
	{ "list", run_list, 0, SIZE_MAX, false, BIT(OPT_PUBLIC) },
	{ "check", run_check, 0, 1, false, BIT(OPT_PUBLIC) },
	{ "deb", run_deb, 1, 2, false, BIT(OPT_PUBLIC) },
	{ "prune", run_prune, 0, 0, true, BIT(OPT_SECRET) | BIT(OPT_PASSWORD_FILE) | BIT(OPT_DAYS) },
};

static struct ks_error *find_command(struct publish *p, const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, name))
			p->command = &commands[i];
	if (p->command)
		return NULL;
	return ks_error_new(KS_E_USAGE, "%s is no command; try uptrack-publish --help", name);
}

static const char *option_name(int value)
{
	for (const struct option *o = long_options; o->name; o++)
		if (o->val == value)
			return o->name;
	return "";
}

static struct ks_error *parse(int argc, char **argv, struct publish *p)
{
	struct ks_error *err = NULL;
	unsigned int given = 0;
	int c;

	while (!err && (c = tool_option(&p->tool, argc, argv, ":vq", long_options, &err)) != -1) {
		if (c > OPT_REPO && c < OPT_END)
			given |= BIT(c);
		err = parse_one(p, c);
	}
	if (!err && optind == argc)
		err = ks_error_new(KS_E_USAGE, "give a command; try uptrack-publish --help");
	if (!err)
		err = find_command(p, argv[optind]);
	if (err)
		return err;
	for (int o = OPT_REPO + 1; o < OPT_END; o++)
		if (given & ~p->command->options & BIT(o))
			return ks_error_new(KS_E_USAGE, "--%s is no option of %s; try uptrack-publish --help",
					    option_name(o), p->command->name);
	p->args = argv + optind + 1;
	p->nr_args = argc - optind - 1;
	if (p->nr_args < p->command->min_args || p->nr_args > p->command->max_args)
		return ks_error_new(KS_E_USAGE, "%s takes %s; try uptrack-publish --help", p->command->name,
				    p->nr_args < p->command->min_args ? "an argument" : "fewer arguments");
	return NULL;
}

static struct ks_error *run(struct publish *p)
{
	struct ks_error *err = NULL;

	if (p->command->run == run_check && p->nr_args)
		p->repo = p->args[0];
	if (p->command->signs)
		err = open_to_sign(p);
	else if (p->command->run != run_init)
		err = open_to_read(p);
	return err ? err : p->command->run(p);
}

int main(int argc, char **argv)
{
	struct publish p = { .tool = { .name = "uptrack-publish", .usage = usage },
			     .repo = ".",
			     .secret_file = getenv("UPTRACK_SECRET_KEY"),
			     .distribution = "debian",
			     .valid = 30,
			     .days = 7 };
	struct ks_error *err = parse(argc, argv, &p);

	ks_signals_init();
	if (!err)
		err = read_clock(&p.now);
	if (!err) {
		p.report = ks_report_terminal(p.tool.verbosity);
		err = run(&p);
	}
	ks_store_close(p.store);
	ks_strv_free(&p.admission.cves);
	ks_strv_free(&p.admission.depends);
	if (!err)
		err = tool_flush();
	if (!err)
		return p.faults ? EXIT_FAULTS : 0;
	p.tool.json = false; /* what it shows is JSON; an error is for stderr */
	return tool_fail(&p.tool, NULL, 0, err);
}
