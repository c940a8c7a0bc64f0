// SPDX-License-Identifier: GPL-2.0-only
/*
 * Applying and undoing against a fake kernel: directories in the place of
 * sysfs, and functions that do to them what the module loader and the core do
 * (kernel/main.c, kernel/sysfs.c).  Every step is noted, so that the order of
 * the ladder, and of the way down from any of its rungs, can be compared.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ksplice/abort.h>

#include "base/file.h"
#include "base/proc.h"
#include "live/apply.h"
#include "live/module.h"
#include "live/run.h"
#include "tap.h"

#define ID "abc"
#define TEXT_OF(x) #x
#define ABI_TEXT(x) TEXT_OF(x)
#define ABI ABI_TEXT(KSPLICE_CORE_ABI) "\n"
#define OTHER_ABI "9" ABI
#define RELEASE "6.1.0-56-cloud-amd64"
#define APPLIED "load core, load old, load new, applied"
#define UNDONE "reversed, unload new, unload old, forget, unload core"

static struct fake {
	char *dir, *sysfs, *modules, *run, *files;
	struct ks_buf steps;
	struct ks_strv notes;
	/* What goes wrong. */
	const char *fail_load;	/* "core", "old", "new" */
	int load_errno;
	const char *load_abort; /* what the core notes of it, or NULL */
	const char *stage_abort;
	int busy;		/* so many stage changes find it busy first */
	const char *conflicts;
	const char *unload_busy; /* that module's unloading fails ... */
	int unload_times;	 /* ... so often */
	bool stop_in_pause;	 /* a signal comes in the first pause */
	bool pinned;
	bool no_probe; /* modprobe finds nothing */
	bool no_depmod;
} fake;

static KS_PRINTF(1, 2) void note_step(const char *fmt, ...)
{
	va_list ap;
	char text[256];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ks_buf_addf(&fake.steps, "%s%s", fake.steps.len ? ", " : "", text);
}

static void put(const char *dir, const char *sub, const char *name, const char *text)
{
	char *where = ks_path_join(dir, sub), *path = ks_path_join(where, name);

	die(ks_dir_make(where));
	die(ks_file_write(path, text, strlen(text), 0644));
	free(where);
	free(path);
}

static bool there(const char *dir, const char *name)
{
	char *path = ks_path_join(dir, name);
	bool there = ks_file_exists(path);

	free(path);
	return there;
}

static void gone(const char *dir, const char *name)
{
	char *path = ks_path_join(dir, name);

	die(ks_dir_remove(path));
	free(path);
}

static char *content(const char *dir, const char *name)
{
	char *path = ks_path_join(dir, name);
	struct ks_buf text = { 0 };

	die(ks_file_read(path, 1 << 20, &text));
	free(path);
	return ks_buf_steal(&text);
}

static void set_record(const char *id, const char *stage, const char *cause, const char *error)
{
	char *log = ks_asprintf("log of %s: %s\n", id, cause);

	put(fake.sysfs, id, "stage", stage);
	put(fake.sysfs, id, "abort_cause", cause);
	put(fake.sysfs, id, "error", error);
	put(fake.sysfs, id, "description", "Mends the thing\n");
	put(fake.sysfs, id, "pinned", fake.pinned ? "1\n" : "0\n");
	put(fake.sysfs, id, "conflicts", "");
	put(fake.sysfs, id, "functions", "vmlinux _printk ffffffff81000000 ffffffffc0000000\n");
	put(fake.sysfs, id, "log", log);
	free(log);
}

static void set_core(const char *version)
{
	put(fake.sysfs, "", "version", version);
	put(fake.modules, "ksplice", "initstate", "live\n");
}

static const char *short_name(const char *name)
{
	return strstr(name, "_old") ? "old" : strstr(name, "_new") ? "new" : "core";
}

static int fake_load(const struct ks_live *live, const char *path, const char *params)
{
	const char *what = short_name(ks_path_base(path));
	char *module = ks_asprintf("ksplice_" ID "_%s", what);

	(void)live;
	if (!ks_file_exists(path)) {
		printf("# %s is not there\n", path);
		exit(1);
	}
	note_step("load %s%s%s", what, *params ? " " : "", params);
	if (fake.fail_load && !strcmp(fake.fail_load, what)) {
		if (fake.load_abort)
			set_record(ID, "preparing\n", fake.load_abort, "printk.c: _printk+0x5: differs\n");
		free(module);
		return -fake.load_errno;
	}
	if (!strcmp(what, "core"))
		set_core(ABI);
	else
		put(fake.modules, module, "initstate", "live\n");
	if (!strcmp(what, "old"))
		set_record(ID, "preparing\n", "ok\n", "\n");
	free(module);
	return 0;
}

static int fake_unload(const struct ks_live *live, const char *name)
{
	const char *what = short_name(name);

	(void)live;
	note_step("unload %s", what);
	if (!there(fake.modules, name))
		return -ENOENT;
	if (fake.unload_busy && !strcmp(fake.unload_busy, what) && fake.unload_times-- > 0)
		return -EAGAIN;
	gone(fake.modules, name);
	if (!strcmp(what, "core"))
		gone(fake.dir, "sys");
	return 0;
}

static int refuse_stage(const char *id, const char *cause, const char *error, int ret)
{
	put(fake.sysfs, id, "abort_cause", cause);
	put(fake.sysfs, id, "error", error);
	if (fake.conflicts)
		put(fake.sysfs, id, "conflicts", fake.conflicts);
	return ret;
}

static int fake_write(const struct ks_live *live, const char *path, const char *text)
{
	char *id = ks_strdup(path + strlen(fake.sysfs) + 1);
	int ret = 0;

	(void)live;
	*strchr(id, '/') = 0;
	note_step("%s", text);
	if (!there(fake.sysfs, id))
		ret = -ENOENT;
	else if (!strcmp(text, "forget"))
		gone(fake.sysfs, id);
	else if (fake.stage_abort)
		ret = refuse_stage(id, fake.stage_abort, "it went wrong\n", -EINVAL);
	else if (fake.busy-- > 0)
		ret = refuse_stage(id, "code_busy\n", "dd (pid 7) is in _printk+0x1f\n", -EBUSY);
	else
		put(fake.sysfs, id, "stage", text);
	free(id);
	return ret;
}

static void fake_pause(const struct ks_live *live, unsigned int seconds)
{
	(void)live;
	note_step("pause %u", seconds);
	if (fake.stop_in_pause)
		raise(SIGTERM);
}

static void take_note(struct ks_report *r, int level, const char *text)
{
	(void)r;
	if (level == 0)
		ks_strv_add(&fake.notes, text);
}

static struct ks_report report = { .note = take_note };
static bool fake_probe(const struct ks_live *live, const char *name, char **said)
{
	(void)live;
	note_step("probe %s", name);
	*said = fake.no_probe ? ks_strdup("not found in directory /lib/modules") : NULL;
	return !fake.no_probe;
}

static bool fake_depmod(const struct ks_live *live, const char *release, char **said)
{
	(void)live;
	note_step("depmod %s", release);
	*said = fake.no_depmod ? ks_strdup("no such program") : NULL;
	return !fake.no_depmod;
}

static struct ks_live live = {
	.release = RELEASE,
	.load = fake_load,
	.probe = fake_probe,
	.depmod = fake_depmod,
	.unload = fake_unload,
	.write = fake_write,
	.pause = fake_pause,
};
static struct ks_pack pack;
static struct ks_live_result result;
static struct ks_buf log_text;
static struct ks_live_options how = { .report = &report, .log = &log_text };

/* The manifest as it is in memory, into the package. */
static void write_manifest(void)
{
	struct ks_buf text = { 0 };

	die(ks_manifest_write(&pack.manifest, &text));
	put(fake.files, "", KS_MANIFEST_NAME, text.data);
	ks_buf_free(&text);
}

static void make_pack(void)
{
	struct ks_manifest *m = &pack.manifest;

	ks_manifest_clear(m);
	ks_manifest_init(m, ID, "Mends the thing");
	ks_manifest_set_kernel(m, RELEASE, "6.1.192-2");
	ks_strv_add(&m->targets, "vmlinux");
	pack.dir = fake.files;
	put(fake.files, "core", "ksplice.ko", "core");
	put(fake.files, "", "ksplice_" ID "_old.ko", "old");
	put(fake.files, "", "ksplice_" ID "_new.ko", "new");
	put(fake.files, "", "patch", "a patch");
	write_manifest();
}

/* A kernel that was just booted, with nothing to go wrong. */
static void boot(void)
{
	struct fake clean = { .dir = fake.dir, .sysfs = fake.sysfs, .modules = fake.modules,
			      .run = fake.run, .files = fake.files };

	ks_buf_free(&fake.steps);
	ks_strv_free(&fake.notes);
	ks_buf_free(&log_text);
	fake = clean;
	die(ks_dir_remove(fake.dir));
	die(ks_dir_make(fake.modules));
	make_pack();
}

static bool steps_are(const char *want)
{
	const char *got = fake.steps.data ? fake.steps.data : "";
	bool good = !strcmp(got, want);

	if (!good)
		printf("# steps: %s\n# instead of: %s\n", got, want);
	ks_buf_free(&fake.steps);
	return good;
}

static void forget_steps(void)
{
	ks_buf_free(&fake.steps);
}

/* No module, no record and no file is left. */
static bool as_booted(void)
{
	return !there(fake.dir, "sys") && !there(fake.modules, "ksplice") &&
	       !there(fake.modules, "ksplice_" ID "_old") &&
	       !there(fake.modules, "ksplice_" ID "_new") && !there(fake.run, "updates/" ID) &&
	       !there(fake.run, "pinned/" ID);
}

static struct ks_error *apply(void)
{
	ks_live_result_clear(&result);
	return ks_live_apply(&live, &pack, &how, &result);
}

static struct ks_error *undo(void)
{
	ks_live_result_clear(&result);
	return ks_live_undo(&live, ID, &how, &result);
}

static bool has_abort(const struct ks_error *err, const char *code)
{
	const char *got = err ? ks_error_abort_code(err) : NULL;

	if (err && (!got || strcmp(got, code)))
		printf("# %s: %s\n", got ? got : "no abort code", ks_error_message(err));
	return got && !strcmp(got, code);
}

static bool has_text(const struct ks_error *err, const char *part)
{
	if (err && strstr(ks_error_message(err), part))
		return true;
	printf("# no \"%s\" in: %s\n", part, err ? ks_error_message(err) : "no error");
	return false;
}

static void test_apply(void)
{
	struct ks_live_update *u;
	struct stat st;
	char *text;

	boot();
	umask(0);
	tap_fine(apply(), "an update is applied");
	umask(022);
	tap_ok(steps_are(APPLIED), "core, old module, new module, stage");
	tap_ok(result.tries == 1 && !result.no_change && !result.pinned, "at the first try");
	tap_ok(log_text.data && strstr(log_text.data, "log of abc"), "the log is read");
	text = content(fake.run, "updates/" ID "/description");
	tap_ok(!strcmp(text, "Mends the thing\n"), "the description is kept");
	free(text);
	text = content(fake.run, "updates/" ID "/patch");
	tap_ok(!strcmp(text, "a patch"), "the patch is kept");
	free(text);
	tap_ok(there(fake.run, "updates/" ID "/" KS_MANIFEST_NAME), "the manifest is kept");
	text = ks_path_join(fake.run, "updates/" ID);
	tap_ok(!stat(text, &st) && (st.st_mode & 07777) == 0755,
	       "nobody else can write there, whatever the umask");
	free(text);

	die(ks_live_read(&live, ID, &u));
	tap_ok(ks_live_is_applied(&live, u) && u->functions.len == 1 &&
		       !strcmp(u->description, "Mends the thing"),
	       "it can be looked at");
	ks_live_update_free(u);
	gone(fake.sysfs, ID "/stage");
	die(ks_live_read(&live, ID, &u));
	tap_ok(!u->stage && ks_live_is_applied(&live, u),
	       "who may not read the stage sees that it is applied, too");
	ks_live_update_free(u);
	put(fake.sysfs, ID, "stage", "applied\n");

	tap_fine(apply(), "applied again: no error");
	tap_ok(steps_are("") && result.no_change, "and nothing is done");
	ks_strv_add(&pack.manifest.targets, "ext4");
	write_manifest();
	tap_error(apply(), KS_E_REFUSED, "another update with the id abc is applied",
		  "another update of the same id is not mistaken for it");
	tap_ok(steps_are("") && there(fake.run, "updates/" ID), "and changes nothing");

	tap_fine(undo(), "it is undone");
	tap_ok(steps_are(UNDONE) && result.tries == 1, "stage, new module, old module, record, core");
	tap_ok(as_booted(), "the kernel is as it was");
}

static void test_checks(void)
{
	struct ks_error *err;

	boot();
	live.release = "6.1.0-57-cloud-amd64";
	err = apply();
	live.release = RELEASE;
	tap_ok(has_abort(err, "no_match") && has_text(err, "6.1.0-56-cloud-amd64") &&
		       has_text(err, "6.1.0-57-cloud-amd64"),
	       "another kernel: both are named");
	ks_error_free(err);
	free(pack.manifest.arch);
	pack.manifest.arch = ks_strdup("aarch64");
	err = apply();
	tap_ok(has_abort(err, "no_match") && has_text(err, "aarch64"), "another architecture");
	ks_error_free(err);
	make_pack();
	pack.manifest.core_abi = KSPLICE_CORE_ABI + 1;
	err = apply();
	tap_ok(has_abort(err, "bad_update"), "an update for another version of the core");
	ks_error_free(err);
	make_pack();
	ks_strv_add(&pack.manifest.targets, "nf-tables");
	err = apply();
	tap_ok(has_abort(err, "target_not_loaded") && has_text(err, "nf-tables"),
	       "a target that is not loaded");
	ks_error_free(err);
	put(fake.modules, "nf_tables", "parameters", "");
	err = apply();
	tap_ok(has_abort(err, "target_not_loaded"), "a target that is built in is not loaded");
	ks_error_free(err);
	tap_ok(steps_are("") && as_booted(), "nothing was loaded for any of them");
	put(fake.modules, "nf_tables", "initstate", "live\n");
	tap_fine(apply(), "a target that is loaded");

	boot();
	set_core(OTHER_ABI);
	set_record("other", "applied\n", "ok\n", "\n");
	err = apply();
	tap_ok(has_abort(err, "bad_update") && has_text(err, "version 9"),
	       "another version of the core is loaded, and in use");
	ks_error_free(err);
	tap_ok(steps_are("") && there(fake.sysfs, "other"), "it stays");
	gone(fake.sysfs, "other");
	tap_fine(apply(), "not in use");
	tap_ok(steps_are("unload core, " APPLIED), "it is replaced");
}

static void test_partial(void)
{
	struct ks_error *err;

	boot();
	ks_strv_add(&pack.manifest.targets, "xfs");
	ks_strv_add(&pack.manifest.targets, "btrfs");
	put(fake.modules, "btrfs", "initstate", "live\n");
	err = apply();
	tap_ok(has_abort(err, "target_not_loaded") && has_text(err, "--partial"),
	       "one target of several is not loaded: --partial is offered");
	ks_error_free(err);
	how.partial = true;
	ks_strv_free(&result.left_out);
	tap_fine(apply(), "--partial");
	tap_ok(steps_are("load core, load old left_out=xfs, load new, applied"), "the core is told");
	tap_ok(result.left_out.len == 1 && !strcmp(result.left_out.v[0], "xfs"), "and it is named");
	ks_strv_free(&result.left_out);
	boot();
	tap_fine(apply(), "--partial, and all targets are there");
	tap_ok(steps_are(APPLIED) && !result.left_out.len, "is like without it");
	boot();
	ks_strv_free(&pack.manifest.targets);
	ks_strv_add(&pack.manifest.targets, "xfs");
	err = apply();
	tap_ok(has_abort(err, "target_not_loaded") && has_text(err, "none of the modules"),
	       "--partial, and none is there");
	ks_error_free(err);
	ks_strv_free(&result.left_out);
	how.partial = false;
	make_pack();
}

static const unsigned char note[] = { 4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 0xde, 0xad, 0xbe, 0xef };

static bool on_disk(const char *id, const char *name)
{
	char *path = ks_asprintf("%s/" RELEASE "/updates/ksplice/%s/%s.ko", live.lib_modules, id, name);
	bool there = ks_file_exists(path);

	free(path);
	return there;
}

static mode_t mode_on_disk(const char *id, const char *name)
{
	char *path = ks_asprintf("%s/" RELEASE "/updates/ksplice/%s/%s.ko", live.lib_modules, id, name);
	struct stat st = { 0 };

	tap_ok(!stat(path, &st), "the file on the disk");
	free(path);
	return st.st_mode & 07777;
}

static void boot_whole(void)
{
	char *dir, *path;

	boot();
	make_pack();
	ks_live_result_clear(&result);
	ks_strv_add(&pack.manifest.targets, "xfs");
	ks_manifest_add_whole(&pack.manifest, "xfs", "modules/xfs.ko", "deadbeef");
	dir = ks_path_join(pack.dir, "modules");
	die(ks_dir_make(dir));
	free(dir);
	put(pack.dir, "modules", "xfs.ko", "the fixed module");
	path = ks_path_join(pack.dir, "modules/xfs.ko");
	tap_ok(!chmod(path, 0600), "as it is unpacked");
	free(path);
	how.partial = true;
}

static void test_whole(void)
{
	struct ks_error *err;
	char *path, *notes;

	boot_whole();
	tap_fine(apply(), "a whole module for a target that is not loaded");
	tap_ok(on_disk(ID, "xfs"), "is put on the disk");
	tap_ok(mode_on_disk(ID, "xfs") == 0644, "where everybody may read it");
	tap_ok(steps_are("load core, load old left_out=xfs, load new, depmod " RELEASE ", applied"),
	       "before the change, and depmod is told");
	tap_fine(undo(), "an undo");
	tap_ok(!on_disk(ID, "xfs") && result.from_disk, "takes it away");

	boot_whole();
	ks_strv_free(&pack.manifest.targets);
	ks_strv_add(&pack.manifest.targets, "xfs");
	tap_fine(apply(), "a whole module, and nothing else");
	tap_ok(on_disk(ID, "xfs") && steps_are("depmod " RELEASE) && !result.no_change &&
		       result.on_disk.len == 1,
	       "nothing of it goes to the kernel");
	tap_fine(apply(), "again");
	tap_ok(on_disk(ID, "xfs"), "is the same");
	tap_fine(undo(), "an undo of it");
	tap_ok(!on_disk(ID, "xfs") && result.from_disk && !result.no_change, "takes it away");
	boot_whole();
	ks_strv_free(&pack.manifest.targets);
	ks_strv_add(&pack.manifest.targets, "xfs");
	how.partial = false;
	err = apply();
	tap_ok(has_abort(err, "target_not_loaded") && !on_disk(ID, "xfs"), "not without --partial");
	ks_error_free(err);

	boot_whole();
	fake.no_depmod = true;
	err = apply();
	fake.no_depmod = false;
	tap_ok(err && has_text(err, "no such program") && !on_disk(ID, "xfs"),
	       "without depmod nothing is applied, and nothing is left on the disk");
	ks_error_free(err);

	boot_whole();
	fake.fail_load = "new";
	fake.load_errno = ENOMEM;
	err = apply();
	fake.fail_load = NULL;
	tap_ok(err && !on_disk(ID, "xfs"), "nor after another failure");
	ks_error_free(err);

	boot_whole();
	put(fake.modules, "xfs", "initstate", "live\n");
	notes = ks_path_join(fake.modules, "xfs/notes");
	die(ks_dir_make(notes));
	path = ks_path_join(notes, ".note.gnu.build-id");
	die(ks_file_write(path, note, sizeof(note), 0644));
	free(path);
	free(notes);
	tap_fine(apply(), "the module that is loaded is the fixed one");
	tap_ok(steps_are("load core, load old left_out=xfs, load new, applied") && result.fixed.len == 1 &&
		       !result.left_out.len,
	       "it is not patched, and is named");

	boot_whole();
	tap_fine(apply(), "again on the disk");
	gone(fake.sysfs, "");
	gone(fake.run, "");
	die(ks_dir_make(fake.sysfs));
	tap_ok(on_disk(ID, "xfs"), "it stays there over a boot");
	tap_fine(undo(), "an undo of an update from before the boot");
	tap_ok(!on_disk(ID, "xfs"), "takes it away, too");
	ks_live_result_clear(&result);
	how.partial = false;
	make_pack();
}

/* Another update that is applied; @base: the one that it builds on, or "". */
static void set_other(const char *id, const char *base)
{
	char *old = ks_asprintf("ksplice_%s_old", id), *new = ks_asprintf("ksplice_%s_new", id);

	set_core(ABI);
	set_record(id, "applied\n", "ok\n", "\n");
	put(fake.sysfs, id, "builds_on", base);
	put(fake.modules, old, "initstate", "live\n");
	put(fake.modules, new, "initstate", "live\n");
	free(old);
	free(new);
}

static void test_order(void)
{
	struct ks_strv ids = { 0 };

	boot();
	set_other("base", "");
	set_other("other", "");
	set_other("top", "base\n");
	set_record("was", "reversed\n", "ok\n", "\n");
	tap_fine(ks_live_undo_order(&live, &ids), "the order of undoing");
	tap_ok(ids.len == 3 && !strcmp(ids.v[0], "other") && !strcmp(ids.v[1], "top") &&
		       !strcmp(ids.v[2], "base"),
	       "what builds on another comes first");
	ks_strv_free(&ids);
}

static void test_replace(void)
{
	struct ks_error *err;

	boot();
	set_other("other", "");
	how.replace = "*";
	tap_fine(apply(), "in the place of all");
	tap_ok(steps_are("load old replaces=*, load new, applied, unload new, unload old, forget") &&
		       result.replaced.len == 1 && !there(fake.sysfs, "other") && there(fake.sysfs, ID),
	       "what it replaced is gone");
	ks_live_result_clear(&result);
	boot();
	set_other("other", "");
	set_other("stays", "");
	how.replace = "other";
	tap_fine(apply(), "in the place of one");
	tap_ok(!there(fake.sysfs, "other") && there(fake.sysfs, "stays"), "only that one is gone");
	ks_live_result_clear(&result);
	boot();
	set_other("other", "");
	how.replace = "nosuch";
	err = apply();
	tap_ok(has_abort(err, "needed") && has_text(err, "cannot replace nosuch") && steps_are(""),
	       "one that is not applied");
	ks_error_free(err);
	ks_live_result_clear(&result);
	boot();
	set_other("other", "");
	fake.stage_abort = "code_busy\n";
	how.replace = "*";
	err = apply();
	tap_ok(err && there(fake.sysfs, "other") && !there(fake.sysfs, ID), "a failure leaves the other applied");
	ks_error_free(err);
	ks_live_result_clear(&result);
	boot();
	how.replace = NULL;
	pack.manifest.series = true;
	write_manifest();
	tap_fine(apply(), "a series");
	ks_live_result_clear(&result);
	how.replace = "*";
	err = apply();
	tap_ok(has_text(err, "cannot replace any"), "a series replaces nothing");
	ks_error_free(err);
	ks_live_result_clear(&result);
	how.replace = NULL;
	pack.manifest.series = false;
}

static void test_needs(void)
{
	struct ks_error *err;

	boot();
	ks_strv_add(&pack.manifest.needs, "virtio_ring");
	fake.no_probe = true;
	err = apply();
	tap_ok(has_abort(err, "missing_export") && has_text(err, "virtio_ring") &&
		       has_text(err, "not found in directory"),
	       "a module that new code needs and modprobe does not find");
	ks_error_free(err);
	fake.no_probe = false;
	boot();
	ks_strv_add(&pack.manifest.needs, "virtio_ring");
	tap_fine(apply(), "a module that new code needs");
	tap_ok(steps_are("probe virtio_ring, " APPLIED), "it is loaded first");
	boot();
	ks_strv_add(&pack.manifest.needs, "virtio_ring");
	put(fake.modules, "virtio_ring", "initstate", "live\n");
	tap_fine(apply(), "one that is there");
	tap_ok(steps_are(APPLIED), "is not loaded again");
}


static void test_load_errors(void)
{
	static const struct {
		int errnum;
		const char *code, *text;
	} errors[] = {
		{ EPERM, NULL, "load" },
		{ EKEYREJECTED, NULL, "signed" },
		{ ENOKEY, NULL, "signed" },
		{ ENOEXEC, NULL, "vermagic" },
		{ ENOENT, "missing_export", "lacks a symbol" },
		{ ENOMEM, "out_of_memory", "memory" },
		{ EEXIST, "module_busy", "rmmod" },
		{ EBUSY, "module_busy", "being loaded or unloaded" },
		{ EIO, NULL, "Input/output error" },
	};
	static const struct {
		const char *what, *steps;
	} rungs[] = {
		{ "core", "load core" },
		{ "old", "load core, load old, unload core" },
		{ "new", "load core, load old, load new, unload old, forget, unload core" },
	};

	for (size_t r = 0; r < sizeof(rungs) / sizeof(*rungs); r++) {
		for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
			struct ks_error *err;

			boot();
			fake.fail_load = rungs[r].what;
			fake.load_errno = errors[i].errnum;
			err = apply();
			tap_ok(err && has_text(err, errors[i].text) && has_text(err, ".ko") &&
				       (errors[i].code ? has_abort(err, errors[i].code) :
							 !ks_error_abort_code(err)),
			       "the %s module: %s", rungs[r].what, strerror(errors[i].errnum));
			ks_error_free(err);
			tap_ok(steps_are(rungs[r].steps) && as_booted(), "and the way back");
		}
	}
}

/* The core refuses in the old module's init, in the new one's, and at the stage. */
static void test_aborts(void)
{
	static const char *const codes[] = {
#define X(sym, name, text) name,
		KSPLICE_ABORT_CODES(X)
#undef X
	};

	for (size_t i = 1; i < sizeof(codes) / sizeof(*codes); i++) {
		bool busy = !strcmp(codes[i], "code_busy");
		char *line = ks_asprintf("%s\n", codes[i]);
		struct ks_error *err;

		boot();
		fake.fail_load = "old";
		fake.load_errno = ENOEXEC;
		fake.load_abort = line;
		err = apply();
		tap_ok(has_abort(err, codes[i]) && has_text(err, "_printk+0x5: differs"),
		       "%s from the match", codes[i]);
		ks_error_free(err);
		tap_ok(steps_are("load core, load old, forget, unload core") && as_booted() &&
			       strstr(log_text.data, codes[i]),
		       "its log is read before it is forgotten");

		boot();
		fake.fail_load = "new";
		fake.load_errno = EINVAL;
		fake.load_abort = line;
		err = apply();
		tap_ok(has_abort(err, codes[i]), "%s from the new module", codes[i]);
		ks_error_free(err);
		tap_ok(steps_are("load core, load old, load new, unload old, forget, unload core") &&
			       as_booted(),
		       "and the way back");

		boot();
		fake.stage_abort = line;
		err = apply();
		tap_ok(has_abort(err, codes[i]) && has_text(err, "it went wrong") &&
			       ks_abort_text(codes[i]),
		       "%s from the stage", codes[i]);
		ks_error_free(err);
		tap_ok(steps_are(busy ? APPLIED ", pause 1, applied, pause 2, applied, pause 3, applied, "
					"pause 4, applied, unload new, unload old, forget, unload core" :
					APPLIED ", unload new, unload old, forget, unload core") &&
			       as_booted(),
		       "and the way back");

		boot();
		die(apply());
		forget_steps();
		fake.stage_abort = line;
		err = undo();
		tap_ok(has_abort(err, codes[i]) && there(fake.modules, "ksplice_" ID "_new") &&
			       there(fake.run, "updates/" ID),
		       "%s from an undo: the update stays", codes[i]);
		ks_error_free(err);
		free(line);
	}
	tap_ok(!ks_abort_text("nonsense"), "there is no text for what is no abort code");
}

static void test_busy(void)
{
	struct ks_error *err;

	boot();
	fake.busy = 2;
	tap_fine(apply(), "busy twice, then free");
	tap_ok(steps_are(APPLIED ", pause 1, applied, pause 2, applied") && result.tries == 3,
	       "three tries with growing pauses");
	tap_ok(fake.notes.len == 2 && strstr(fake.notes.v[0], "try 1 of 5") &&
		       strstr(fake.notes.v[1], "dd (pid 7) is in _printk+0x1f"),
	       "each says who is in the way");
	fake.busy = 1;
	tap_fine(undo(), "an undo that is busy once");
	tap_ok(steps_are("reversed, pause 1, " UNDONE) && result.tries == 2 && as_booted(),
	       "is tried again, too");

	boot();
	fake.busy = 99;
	how.wait = 5;
	err = apply();
	how.wait = 0;
	tap_ok(has_abort(err, "code_busy") && result.tries == 4, "who waits 5 seconds has four tries");
	ks_error_free(err);
	tap_ok(strstr(fake.steps.data, "pause 1, applied, pause 2, applied, pause 2, applied, unload") &&
		       as_booted(),
	       "and waits no longer");
	boot();
	fake.busy = 6;
	how.wait = 60;
	tap_fine(apply(), "who waits a minute has more tries than five");
	how.wait = 0;
	how.keep_modules = true;
	forget_steps();
	tap_fine(undo(), "an undo that is to leave the modules");
	how.keep_modules = false;
	tap_ok(steps_are("reversed") && !there(fake.run, "updates/" ID) &&
		       there(fake.modules, "ksplice_" ID "_new"),
	       "leaves them");

	boot();
	fake.busy = 99;
	fake.conflicts = "dd 7 _printk+0x1f\nmy prog 8 vprintk+0x3\nkworker/0:1 9 unknown\n"
			 "evil\033[2J\xff 11 f+0x1\n";
	err = apply();
	tap_ok(has_abort(err, "code_busy") && result.tries == KS_BUSY_TRIES, "busy for ever: five tries");
	tap_ok(has_text(err, "\n  dd (pid 7) is in _printk+0x1f") &&
		       has_text(err, "\n  my prog (pid 8) is in vprintk+0x3") &&
		       has_text(err, "\n  kworker/0:1 (pid 9): its stack cannot be read reliably"),
	       "all tasks in the way are named");
	tap_ok(has_text(err, "evil?[2J? (pid 11)"), "a task cannot write to the terminal by its name");
	ks_error_free(err);
	tap_ok(as_booted(), "and the kernel is as it was");
}

static void test_rollback_fails(void)
{
	struct ks_error *err;

	boot();
	fake.stage_abort = "slot_conflict\n";
	fake.unload_busy = "new";
	fake.unload_times = 2;
	err = apply();
	tap_ok(has_abort(err, "slot_conflict"), "a module that is in use for a moment");
	ks_error_free(err);
	tap_ok(steps_are(APPLIED ", unload new, pause 1, unload new, pause 1, unload new, unload old, "
				 "forget, unload core") &&
		       as_booted(),
	       "goes at the third try");

	boot();
	fake.stage_abort = "slot_conflict\n";
	fake.unload_busy = "new";
	fake.unload_times = 99;
	err = apply();
	tap_ok(has_abort(err, "slot_conflict") && has_text(err, "it went wrong") &&
		       has_text(err, "ksplice_abc_new") && has_text(err, "ksplice-undo abc"),
	       "a module that does not go: why, what else, and what to do");
	ks_error_free(err);
	tap_ok(there(fake.modules, "ksplice_" ID "_new") && there(fake.modules, "ksplice") &&
		       there(fake.sysfs, ID) && !there(fake.run, "updates/" ID),
	       "it, its record and the core stay");
	forget_steps();
	fake.unload_busy = NULL;
	tap_fine(undo(), "ksplice-undo cleans up");
	tap_ok(steps_are("unload new, unload old, forget, unload core") && result.no_change &&
		       as_booted(),
	       "and says that it was not applied");

	boot();
	die(apply());
	fake.unload_busy = "new";
	fake.unload_times = 99;
	err = undo();
	tap_ok(has_abort(err, "module_busy") && has_text(err, "not applied any more") &&
		       has_text(err, "ksplice-undo abc again"),
	       "an undo whose module does not go");
	ks_error_free(err);
	forget_steps();
	fake.unload_busy = NULL;
	tap_fine(apply(), "can be applied again");
	tap_ok(steps_are("unload new, unload old, forget, load old, load new, applied"),
	       "after what was left of it has gone");
}

static void test_remains(void)
{
	struct ks_error *err;

	boot();
	err = undo();
	tap_ok(err && has_text(err, "no update abc") && has_text(err, "ksplice-view"),
	       "an undo of an update that is not there");
	ks_error_free(err);
	tap_error(ks_live_undo(&live, "../x", &how, &result), KS_E_USAGE, "../x",
		  "an undo of what is no id");

	/* Killed between the two modules. */
	boot();
	set_core(ABI);
	set_record(ID, "preparing\n", "ok\n", "\n");
	put(fake.modules, "ksplice_" ID "_old", "initstate", "live\n");
	put(fake.run, "updates/" ID, "patch", "half of a patch");
	tap_fine(apply(), "an apply after one that was killed");
	tap_ok(steps_are("unload old, forget, load old, load new, applied"), "starts over");
	fake.pinned = false;

	boot();
	fake.pinned = true; /* but never applied: nothing can point into it */
	set_core(ABI);
	set_record(ID, "preparing\n", "ok\n", "\n");
	put(fake.modules, "ksplice_" ID "_old", "initstate", "live\n");
	put(fake.modules, "ksplice_" ID "_new", "initstate", "live\n");
	put(fake.run, "updates/" ID, "patch", "half of a patch");
	tap_fine(undo(), "an undo of an apply that was killed");
	tap_ok(steps_are("unload new, unload old, forget, unload core") && result.no_change &&
		       !result.pinned && as_booted(),
	       "cleans up");

	/* Killed before the core knew of it. */
	put(fake.run, "updates/" ID, "patch", "half of a patch");
	err = undo();
	tap_ok(err && as_booted(), "files without an update are removed");
	ks_error_free(err);

	boot();
	set_core(ABI);
	set_record("other", "applied\n", "ok\n", "\n");
	fake.stage_abort = "slot_conflict\n";
	ks_error_free(apply());
	tap_ok(steps_are("load old, load new, applied, unload new, unload old, forget") &&
		       there(fake.sysfs, "other"),
	       "the core stays while another update is there");
}

static void test_pinned(void)
{
	struct ks_live_options no_log = { 0 };
	struct ks_error *err;

	boot();
	fake.pinned = true;
	pack.manifest.pinned = true;
	write_manifest();
	die(apply());
	forget_steps();
	tap_fine(undo(), "a pinned update is undone");
	tap_ok(steps_are("reversed") && result.pinned && there(fake.modules, "ksplice_" ID "_new") &&
		       !there(fake.run, "updates/" ID),
	       "its modules stay, its files go");
	err = undo();
	tap_ok(has_abort(err, "already_reversed"), "undone again: already_reversed");
	ks_error_free(err);
	fake.stage_abort = "slot_conflict\n";
	err = apply();
	tap_ok(has_abort(err, "slot_conflict") && steps_are("applied") &&
		       !there(fake.run, "updates/" ID),
	       "applied again, and failed: nothing is loaded or unloaded");
	ks_error_free(err);
	fake.stage_abort = NULL;
	ks_strv_add(&pack.manifest.targets, "ext4");
	write_manifest();
	tap_error(apply(), KS_E_REFUSED, "until the next boot",
		  "another update of the same id is not mistaken for it");
	make_pack();
	pack.manifest.pinned = true;
	write_manifest();
	tap_fine(ks_live_apply(&live, &pack, &no_log, &result), "applied again");
	tap_ok(steps_are("applied") && there(fake.run, "updates/" ID "/patch"),
	       "with the modules that are there");
}

static void test_run(void)
{
	struct ks_error *err;
	char *lock;
	struct stat st;

	boot();
	put(fake.run, "", "updates", "a file in the way");
	err = apply();
	tap_ok(err && has_text(err, "nothing was applied") && has_text(err, "updates"),
	       "files that cannot be kept");
	ks_error_free(err);
	tap_ok(steps_are("") && !there(fake.dir, "sys"), "nothing was loaded");
	lock = ks_path_join(fake.run, "lock");
	tap_ok(!stat(lock, &st) && (st.st_mode & 07777) == 0600, "nobody else can hold the lock");
	free(lock);

	boot();
	die(ks_dir_make(fake.dir));
	put(fake.dir, "", "run", "a file in the way");
	err = apply();
	tap_ok(err && has_text(err, "run"), "no place for the lock");
	ks_error_free(err);
	tap_ok(steps_are(""), "nothing was loaded without it");
}

/* Another process that holds the lock for a moment, or until it is killed. */
static pid_t hold_lock(unsigned int ms)
{
	int ready[2], fd;
	pid_t pid;
	char c;

	if (pipe(ready) || (pid = fork()) < 0)
		exit(1);
	if (!pid) {
		die(ks_run_lock(&live, NULL, &fd));
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		usleep(ms * 1000);
		_exit(0);
	}
	if (read(ready[0], &c, 1) != 1)
		exit(1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void test_lock(void)
{
	pid_t pid;

	boot();
	pid = hold_lock(500);
	tap_fine(apply(), "an apply waits for another command");
	tap_ok(fake.notes.len && strstr(fake.notes.v[0], "Waiting"), "and says so");
	tap_ok(waitpid(pid, NULL, WNOHANG) == pid || waitpid(pid, NULL, 0) == pid,
	       "the other one has ended");
}

/* A signal stays for the rest of the process: each of these has one of its own. */
static void in_child(bool (*check)(void), const char *name)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		/* A shell starts what it runs in the background with this one ignored. */
		signal(SIGINT, SIG_DFL);
		ks_signals_init();
		status = !check();
		fflush(stdout);
		_exit(status);
	}
	tap_ok(pid > 0 && waitpid(pid, &status, 0) == pid && !status, "%s", name);
}

static bool stopped_in_pause(void)
{
	struct ks_error *err;

	boot();
	fake.busy = 99;
	fake.stop_in_pause = true;
	err = apply();
	return err && ks_error_code(err) == KS_E_INTERRUPTED && has_text(err, "not applied") &&
	       has_text(err, "as it was") && as_booted() &&
	       steps_are(APPLIED ", pause 1, unload new, unload old, forget, unload core");
}

static bool stopped_before(void)
{
	struct ks_error *err;

	boot();
	raise(SIGINT);
	err = apply();
	return err && ks_error_code(err) == KS_E_INTERRUPTED && as_booted() && steps_are("");
}

static bool stopped_in_undo(void)
{
	struct ks_error *err;

	boot();
	die(apply());
	forget_steps();
	fake.busy = 99;
	fake.stop_in_pause = true;
	err = undo();
	return err && ks_error_code(err) == KS_E_INTERRUPTED && has_text(err, "still applied") &&
	       there(fake.run, "updates/" ID) && steps_are("reversed, pause 1");
}

static bool stopped_at_the_lock(void)
{
	struct ks_error *err;
	pid_t pid;
	bool good;

	boot();
	pid = hold_lock(60000);
	raise(SIGTERM);
	err = apply();
	good = err && ks_error_code(err) == KS_E_INTERRUPTED && has_text(err, "waiting") &&
	       steps_are("");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return good;
}

static void test_signals(void)
{
	in_child(stopped_in_pause, "a signal while tasks are in the way: rolled back, said so");
	in_child(stopped_before, "a signal before anything was loaded");
	in_child(stopped_in_undo, "a signal during an undo: still applied, said so");
	in_child(stopped_at_the_lock, "a signal while another command has the lock");
}

static void test_list(void)
{
	struct ks_strv ids = { 0 };
	struct ks_live_update *u = NULL;

	boot();
	tap_fine(ks_live_list(&live, &ids), "no core: no error");
	tap_ok(!ids.len, "and no updates");
	set_core(ABI);
	set_record("zz", "applied\n", "ok\n", "\n");
	set_record("aa", "preparing\n", "ok\n", "\n");
	put(fake.sysfs, "No-Id", "stage", "applied\n");
	die(ks_live_list(&live, &ids));
	tap_ok(ids.len == 2 && !strcmp(ids.v[0], "aa") && !strcmp(ids.v[1], "zz"),
	       "updates are listed in order, and nothing else");
	ks_strv_free(&ids);
	die(ks_live_read(&live, "aa", &u));
	tap_ok(!ks_live_is_applied(&live, u), "one that is preparing is not applied");
	ks_live_update_free(u);
	tap_ok(ks_live_core_abi(&live) == KSPLICE_CORE_ABI, "the version of the core");
}

static void test_text(void)
{
	static const char *const texts[][2] = {
		{ "plain\ttext\n", "plain\ttext\n" },
		{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7" },
		{ "\033[2J\a\r\177", "?[2J???" },
		{ "a\xff" "b", "a?b" },
		{ "cut \xe2\x82", "cut ??" },
		{ "\xc0\xaf", "??" },		/* a longer form of the slash */
		{ "\xc2\x9b" "2J", "??2J" },	/* a control character of two bytes */
		{ "\xed\xa0\x80", "???" },	/* half a surrogate pair */
		{ "\xf4\x90\x80\x80", "????" }, /* beyond Unicode */
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char *s = ks_strdup(texts[i][0]);

		ks_text_clean(s);
		tap_ok(!strcmp(s, texts[i][1]), "text %zu is made fit for a terminal", i);
		free(s);
	}
}

int main(void)
{
	char *work;

	/* Packages of one second are not the same as those of the next. */
	setenv("SOURCE_DATE_EPOCH", "1790000000", 1);
	die(ks_dir_temp("ksplice-test-live", &work));
	fake.dir = ks_path_join(work, "kernel");
	fake.sysfs = ks_path_join(fake.dir, "sys");
	fake.modules = ks_path_join(fake.dir, "module");
	fake.run = ks_path_join(fake.dir, "run");
	fake.files = ks_path_join(work, "package");
	live.sysfs = fake.sysfs;
	live.modules = fake.modules;
	live.lib_modules = ks_path_join(fake.dir, "lib");
	live.run = fake.run;
	test_apply();
	test_checks();
	test_partial();
	test_whole();
	test_order();
	test_replace();
	test_needs();
	test_load_errors();
	test_aborts();
	test_busy();
	test_rollback_fails();
	test_remains();
	test_pinned();
	test_run();
	test_lock();
	test_signals();
	test_list();
	test_text();
	boot();
	die(ks_dir_remove(work));
	ks_manifest_clear(&pack.manifest);
	free(fake.dir);
	free(fake.sysfs);
	free(fake.modules);
	free(fake.run);
	free(fake.files);
	free(work);
	return tap_done();
}
