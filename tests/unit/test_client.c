// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client as a whole (lib/uptrack), against a repository in a directory or on
 * a server, and a kernel that is made of files: upgrades, boots, what a
 * repository, a mirror or somebody between might do, and machines that lose
 * their power at every single step.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "repository.h"
#include "server.h"
#include "uptrack/act.h"
#include "uptrack/boot.h"
#include "uptrack/source.h"
#include "uptrack/status.h"

static char *work;
static struct ks_uptrack up;
static struct ks_client_options opt = { .stall = 1, .limit = 3, .now = REPO_NOW + 100 };

static const struct repo_update three[] = {
	{ "aaa", NULL, "CVE-2026-0001", "6.1.0-55-cloud-amd64", NULL, NULL },
	{ "bbb", "aaa", "CVE-2026-0002", "6.1.0-55-cloud-amd64", NULL, NULL },
	{ "ccc", NULL, NULL, "6.1.0-56-cloud-amd64", "nf_tables", NULL },
};

static void put(const char *dir, const char *name, const char *text)
{
	char *path = ks_path_join(dir, name);

	die(ks_dir_make(dir));
	die(ks_file_write(path, text, strlen(text), 0644));
	free(path);
}

/* A machine that has never heard of updates, and a repository that has none. */
static void start(void)
{
	die(ks_dir_remove(repo.dir));
	die(ks_dir_remove(up.etc));
	die(ks_dir_remove(up.state));
	die(ks_dir_remove(up.cache));
	die(ks_dir_make(repo.dir));
	repo.serial = 0;
	repo.kernel = repo.retired = NULL;
	repo.created = 0;
	repo.next = NULL;
	fake.bad = fake.busy = NULL;
	fake.die_at = fake.changes = 0;
	ks_strv_free(&fake.probed);
	fake_boot("boot0");
	repo_trust(up.etc, &repo.key, "one.pub");
	opt.repo = repo.dir;
	opt.now = REPO_NOW + 100;
}

static struct ks_error *open_client(struct ks_client *c)
{
	return ks_client_open(&up, &opt, c);
}

/* uptrack-upgrade -y, without its words. */
static struct ks_error *upgrade(void)
{
	struct ks_outcome outcome = { 0 };
	struct ks_plan plan = { 0 };
	struct ks_client c;
	struct ks_error *err = open_client(&c);

	if (!err)
		err = ks_client_refresh(&c);
	if (!err)
		err = ks_plan_upgrade(c.index, &c.applied, NULL, &plan);
	if (!err)
		err = ks_act(&c, &plan, &outcome);
	if (!err)
		err = ks_client_prune(&c);
	ks_plan_clear(&plan);
	ks_outcome_clear(&outcome);
	ks_client_close(&c);
	return err;
}

static struct ks_error *remove_one(const char *id)
{
	struct ks_outcome outcome = { 0 };
	struct ks_plan plan = { 0 };
	struct ks_strv ids = { 0 };
	struct ks_client c;
	struct ks_error *err = open_client(&c);

	ks_strv_add(&ids, id);
	if (!err)
		err = ks_client_load(&c);
	if (!err)
		err = ks_plan_remove(c.index, &c.applied, &ids, &plan);
	if (!err)
		err = ks_act(&c, &plan, &outcome);
	ks_strv_free(&ids);
	ks_plan_clear(&plan);
	ks_outcome_clear(&outcome);
	ks_client_close(&c);
	return err;
}

/* uptrack-upgrade --boot, of a new boot */
static struct ks_error *boot_with(struct ks_outcome *outcome)
{
	struct ks_client c;
	struct ks_error *err;

	memset(outcome, 0, sizeof(*outcome));
	err = open_client(&c);
	if (!err)
		err = ks_client_load(&c);
	if (!err)
		err = ks_act_boot(&c, outcome);
	ks_client_close(&c);
	return err;
}

static struct ks_error *boot(const char *id)
{
	struct ks_outcome outcome;
	struct ks_error *err;

	fake_boot(id);
	err = boot_with(&outcome);
	ks_outcome_clear(&outcome);
	return err;
}

/* The ids of what the kernel has, "aaa bbb". */
static bool kernel_has(const char *want)
{
	struct ks_applied applied = { 0 };
	struct ks_buf got = { 0 };
	bool is;

	die(ks_applied_read(&fake_live, &applied));
	ks_vec_for(&applied, u)
		ks_buf_addf(&got, "%s%s", got.len ? " " : "", u->id);
	is = !strcmp(ks_buf_text(&got), want);
	if (!is)
		printf("# the kernel has: %s\n", ks_buf_text(&got));
	ks_buf_free(&got);
	ks_applied_clear(&applied);
	return is;
}

/* The ids of what is to be applied again at boot. */
static bool installed_is(const char *want)
{
	struct ks_state *s;
	struct ks_buf got = { 0 };
	bool is;

	die(ks_state_read(&up, &s));
	ks_vec_for(&ks_state_kernel(s, REPO_KERNEL)->installed, u)
		ks_buf_addf(&got, "%s%s", got.len ? " " : "", u->id);
	is = !strcmp(ks_buf_text(&got), want);
	if (!is)
		printf("# installed: %s\n", ks_buf_text(&got));
	ks_buf_free(&got);
	ks_state_close(s);
	return is;
}

static bool effective_is(const char *want)
{
	struct ks_client_options look = opt;
	struct ks_client c;
	bool is;

	look.look = true;
	die(ks_client_open(&up, &look, &c));
	die(ks_client_load(&c));
	is = !strcmp(ks_client_effective(&c), want);
	if (!is)
		printf("# effective: %s\n", ks_client_effective(&c));
	ks_client_close(&c);
	return is;
}

static bool is_held(void)
{
	struct ks_state *s;
	bool held;

	die(ks_state_read(&up, &s));
	held = s->held;
	ks_state_close(s);
	return held;
}

static size_t count_files(const char *dir)
{
	char *cmd = ks_asprintf("ls '%s' 2>/dev/null", dir);
	FILE *f = popen(cmd, "r");
	char line[256];
	size_t n = 0;

	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		pclose(f);
	free(cmd);
	return n;
}

static void test_life(void)
{
	struct repo_update changed[4];
	char *updates = ks_path_join(up.cache, "updates"),
	     *mark = ks_path_join(up.state, "booting");

	start();
	tap_error(upgrade(), KS_E_UNSERVED, "does not serve this kernel (" REPO_KERNEL ")",
		  "a kernel that the repository does not have");
	repo_publish(NULL, 0);
	tap_fine(upgrade(), "one that it has no updates of");
	tap_ok(kernel_has("") && effective_is(FAKE_RELEASE), "stays what it is");
	repo_publish(three, 3);
	tap_fine(upgrade(), "three updates");
	tap_ok(kernel_has("aaa bbb ccc") && installed_is("aaa bbb ccc"),
	       "are applied and remembered");
	tap_ok(effective_is("6.1.0-56-cloud-amd64"), "the effective kernel is that of the last");
	tap_ok(fake.probed.len == 1 && !strcmp(fake.probed.v[0], "nf_tables"),
	       "a module that was not loaded is loaded, to be fixed");
	tap_ok(count_files(updates) == 3, "their tarballs are kept");
	tap_fine(upgrade(), "again: nothing to do");

	tap_fine(remove_one("bbb"), "one in the middle is removed");
	tap_ok(kernel_has("aaa ccc") && installed_is("aaa ccc"), "and nothing else");
	tap_ok(effective_is("6.1.0-55-cloud-amd64"), "the effective kernel is that before it");
	tap_fine(boot("boot1"), "after a boot");
	tap_ok(kernel_has("aaa ccc"), "it is as it was");
	tap_ok(ks_file_exists(mark), "the boot is on probation");
	die(ks_boot_unmark(&up));
	tap_fine(upgrade(), "an upgrade");
	tap_ok(kernel_has("aaa bbb ccc"), "brings it back");
	tap_fine(remove_one("aaa"), "one that another depends on");
	tap_ok(kernel_has("ccc") && installed_is("ccc"), "takes that one along");
	die(upgrade());

	memcpy(changed, three, sizeof(three));
	changed[0].withdrawn = changed[1].withdrawn = "it was worse than the bug";
	changed[3] = (struct repo_update){ .id = "ddd" };
	repo_publish(changed, 4);
	tap_fine(upgrade(), "when one is withdrawn");
	tap_ok(kernel_has("ccc ddd") && installed_is("ccc ddd"),
	       "it goes, with what depends on it");
	tap_ok(count_files(updates) == 2, "and its tarball");
	repo.retired = "boot another one";
	repo_publish(changed, 4);
	tap_fine(upgrade(), "a kernel that is retired");
	tap_ok(kernel_has("ccc ddd"), "keeps what it has");
	free(updates);
	free(mark);
}

static void test_failures(void)
{
	struct ks_outcome outcome = { 0 };
	struct ks_plan plan = { 0 };
	struct ks_client c;
	struct ks_error *err;

	start();
	repo_publish(three, 3);
	fake.bad = "bbb";
	die(open_client(&c));
	die(ks_client_refresh(&c));
	die(ks_plan_upgrade(c.index, &c.applied, NULL, &plan));
	err = ks_act(&c, &plan, &outcome);
	tap_ok(err &&
		       !strcmp(ks_error_abort_code(err) ? ks_error_abort_code(err) : "",
			       "no_match") &&
		       strstr(ks_error_message(err), "[bbb]"),
	       "an update that does not match: the abort code, and which");
	ks_error_free(err);
	tap_ok(outcome.done.len == 1 && !strcmp(outcome.failed, "bbb") && outcome.left.len == 1 &&
		       !strcmp(outcome.left.v[0], "ccc"),
	       "what is done, what failed, what is left");
	ks_outcome_clear(&outcome);
	ks_plan_clear(&plan);
	ks_client_close(&c);
	tap_ok(kernel_has("aaa") && installed_is("aaa"), "the first one stays");
	fake.bad = NULL;
	fake.busy = "bbb";
	fake.paused = 0;
	opt.wait = 30;
	err = upgrade();
	opt.wait = 0;
	tap_ok(err && !strcmp(ks_error_abort_code(err), "code_busy") && fake.paused == 30,
	       "tasks that stay in the way are waited for as long as was said");
	ks_error_free(err);
	err = remove_one("aaa");
	tap_fine(err, "what was applied can be removed");
	fake.busy = NULL;
	tap_fine(upgrade(), "and when they have left, all is applied");
	fake.busy = "bbb";
	err = remove_one("bbb");
	tap_ok(err && kernel_has("aaa bbb ccc") && installed_is("aaa ccc bbb"),
	       "one that cannot be removed is still to be applied at boot");
	ks_error_free(err);
	fake.busy = NULL;
	tap_fine(boot("boot1"), "in whatever order they were remembered");
	tap_ok(kernel_has("aaa bbb ccc"), "it is that of the index");
}

/* Attacks: each leaves kernel and memory as they were. */

static struct ks_buf old_head;

static void keep_head(void)
{
	char *path = repo_head_path();

	ks_buf_free(&old_head);
	repo_get(path, &old_head);
	free(path);
}

static void put_head(const struct ks_buf *head)
{
	char *path = repo_head_path();

	repo_put(path, head);
	free(path);
}

/* The only file below @dir that ends so, relative to the repository. */
static char *find_file(const char *dir, const char *end)
{
	char *cmd = ks_asprintf("cd '%s' && find %s -name '*%s' | head -n 1", repo.dir, dir, end), line[512] = "";
	FILE *f = popen(cmd, "r");

	if (!f || !fgets(line, sizeof(line), f))
		printf("# nothing: %s\n", cmd);
	pclose(f);
	free(cmd);
	line[strcspn(line, "\n")] = 0;
	return ks_strdup(line);
}

static void damage(const char *dir, const char *end, long cut, const char *add, int flip)
{
	char *path = find_file(dir, end);
	struct ks_buf data = { 0 };

	repo_get(path, &data);
	data.len -= cut;
	ks_buf_adds(&data, add);
	if (flip >= 0)
		data.data[flip] ^= 1;
	repo_put(path, &data);
	ks_buf_free(&data);
	free(path);
}

static void refused(const char *part, const char *name)
{
	struct ks_error *err = upgrade();

	tap_ok(err && strstr(ks_error_message(err), part), "%s", name);
	printf("# %s\n", err ? ks_error_message(err) : "no error");
	tap_ok(kernel_has("aaa") && installed_is("aaa"), "and nothing has changed");
	ks_error_free(err);
}

/* A machine that has the first update, and a repository with three. */
static void start_attack(void)
{
	start();
	repo_publish(three, 1);
	die(upgrade());
	keep_head();
	repo_publish(three, 3);
}

static void test_attacks(void)
{
	struct ks_secret_key mine = repo.key, other;
	struct ks_buf head = { 0 };
	char *path, *relative;

	start_attack();
	put_head(&old_head);
	/* The machine has seen no newer one yet: only when it has, it knows. */
	tap_fine(upgrade(), "the index that it knows");
	start_attack();
	die(upgrade());
	die(remove_one("bbb"));
	die(remove_one("ccc"));
	put_head(&old_head);
	refused("serial", "an index that is replayed");

	start_attack();
	opt.now = REPO_NOW + 400 * 24 * 3600ll;
	refused("expired", "an index that has expired");

	start_attack();
	damage("v1/kernels", "head.minisig", 10, "", -1);
	refused("head.minisig", "a head that is cut short");
	start_attack();
	damage("v1/kernels", "head.minisig", 0, "x", -1);
	refused("head.minisig", "a head with something behind it");

	start();
	repo_publish(three, 1);
	die(upgrade());
	path = repo_path("v1/indexes");
	die(ks_dir_remove(path));
	free(path);
	repo_publish(three, 3);
	damage("v1/indexes", ".json", 20, "", -1);
	refused("bytes", "an index that is cut short");
	damage("v1/indexes", ".json", 0, "                    ", 30);
	refused("its hash is not the one that was signed", "an index of the right size with other bytes");
	path = repo_path("v1/indexes");
	die(ks_dir_remove(path));
	free(path);
	refused("mirror may be behind", "a head without its index");

	start_attack();
	die(ks_secret_key_make(&other));
	repo.key = other;
	repo_publish(three, 3);
	repo.key = mine;
	refused("key", "an index that is signed by another key");

	start_attack();
	repo.kernel = "debian/amd64/6.1.0-56-cloud-amd64/6.1.192-2";
	repo_publish(three, 3);
	repo.kernel = NULL;
	path = find_file("v1/kernels/debian/amd64/6.1.0-56-cloud-amd64", ".minisig");
	repo_get(path, &head);
	put_head(&head);
	free(path);
	ks_buf_free(&head);
	refused("6.1.0-56-cloud-amd64", "the index of another kernel");

	start_attack();
	damage("v1/updates", "ksplice-ccc.tar.gz", 0, "", 40);
	refused("is not what was signed", "a tarball that was replaced by another of its size");
	start_attack();
	damage("v1/updates", "ksplice-ccc.tar.gz", 0, "more", -1);
	refused("bytes", "a tarball that is longer");
	start_attack();
	relative = find_file("v1/updates", "ksplice-ccc.tar.gz");
	path = repo_path(relative);
	die(ks_dir_remove(path));
	free(relative);
	free(path);
	refused("does not have it", "a tarball that is not there");

	/* The cache of a machine is no better than a server. */
	start_attack();
	die(upgrade());
	path = ks_asprintf("for f in '%s'/updates/*; do printf x | dd of=$f bs=1 seek=50 conv=notrunc status=none; done",
			   up.cache);
	tap_ok(!system(path), "tarballs of the cache are changed");
	free(path);
	tap_error(boot("boot1"), KS_E_INPUT, "is not what was signed",
		  "at boot: not what was signed");
	tap_ok(kernel_has("") && installed_is("aaa bbb ccc"), "nothing of it is applied");
	tap_fine(upgrade(), "an upgrade fetches them again");
	tap_ok(kernel_has("aaa bbb ccc"), "and applies them");
	path = ks_asprintf("for f in '%s'/kernels/" REPO_KERNEL "/*.json; do sed -i 's/Name of/Game of/' $f; done",
			   up.cache);
	tap_ok(!system(path), "the index of the cache is changed");
	free(path);
	tap_error(boot("boot2"), KS_E_INPUT, "its hash is not the one that was signed",
		  "at boot: not the index that was signed");
	tap_ok(kernel_has(""), "nothing is applied");
	tap_fine(upgrade(), "an upgrade fetches it again");
	repo.key = mine;
}

static void test_keys(void)
{
	struct ks_secret_key first = repo.key, second, third, other;
	struct ks_public_key key;
	struct ks_buf text = { 0 }, signature = { 0 };
	char *path, *sig;

	start();
	path = ks_path_join(up.etc, "keys");
	die(ks_dir_remove(path));
	free(path);
	repo_publish(three, 1);
	tap_error(upgrade(), KS_E_USAGE, "no key of a repository is trusted",
		  "a machine without a key");
	repo_trust(up.etc, &first, "one.pub");
	die(upgrade());

	/* The index names the next one. */
	die(ks_secret_key_make(&second));
	ks_secret_key_public(&second, &key);
	repo.next = &key;
	repo_publish(three, 2);
	die(upgrade());
	repo.key = second;
	repo.next = NULL;
	repo_publish(three, 3);
	tap_fine(upgrade(), "an index that is signed by the key that the last one named");
	tap_ok(kernel_has("aaa bbb ccc"), "is believed");
	tap_fine(boot("boot1"), "also at boot, without a network");
	tap_ok(kernel_has("aaa bbb ccc"), "from the cache");
	repo.key = first;
	repo_publish(three, 3);
	tap_error(upgrade(), KS_E_INPUT, "not trusted", "the first key, once the second one has signed");

	/* Somebody who was away meanwhile follows the chain. */
	start();
	repo_publish(three, 1);
	die(upgrade());
	die(ks_secret_key_make(&third));
	die(ks_secret_key_make(&other));
	for (int i = 0; i < 2; i++) {
		struct ks_secret_key *from = i ? &second : &first, *to = i ? &third : &second;

		ks_secret_key_public(to, &key);
		text.len = signature.len = 0;
		ks_public_key_write(&key, &text);
		die(ks_key_hand_over(from, &text, &signature));
		ks_secret_key_public(from, &key);
		path = ks_repo_next_key_path(key.id);
		sig = ks_asprintf("%s.minisig", path);
		repo_put(path, &text);
		repo_put(sig, &signature);
		free(path);
		free(sig);
	}
	repo.key = third;
	repo_publish(three, 3);
	tap_fine(upgrade(), "two keys later: the chain is followed");
	tap_ok(kernel_has("aaa bbb ccc"), "to its end");
	for (int i = 0; i < 2; i++) {
		repo.key = i ? second : first;
		repo_publish(three, 3);
		tap_error(upgrade(), KS_E_INPUT, "not trusted", "the keys before it are not trusted any more");
	}
	path = ks_path_join(up.etc, "keys/one.pub");
	unlink(path);
	free(path);
	repo_trust(up.etc, &other, "other.pub");
	repo.key = third;
	repo_publish(three, 3);
	tap_error(upgrade(), KS_E_INPUT, "not trusted", "nor is any of them when the administrator takes the first one away");
	ks_buf_free(&text);
	ks_buf_free(&signature);
	repo.key = first;
}

/* A repository on a server that does what it should not. */
static void test_bad_servers(const char *url)
{
	static const struct {
		const char *path, *part;
		enum ks_error_code code;
	} cases[] = {
		{ "endless", "larger than", KS_E_INPUT },
		{ "silent", "too slow", KS_E_NETWORK },
		{ "drip", "too slow", KS_E_NETWORK },
		{ "cut", "remaining", KS_E_NETWORK },
		{ "loop", "redirects", KS_E_NETWORK },
		{ "500", "500", KS_E_NETWORK },
		{ "401", "access key", KS_E_DENIED },
		{ "404", "does not serve", KS_E_UNSERVED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *name = ks_asprintf("a server: %s", cases[i].path),
		     *bad = ks_asprintf("%s/bad/%s", url, cases[i].path);
		time_t before = time(NULL);

		opt.repo = bad;
		tap_error(upgrade(), cases[i].code, cases[i].part, name);
		tap_ok(kernel_has("aaa bbb ccc") && installed_is("aaa bbb ccc") &&
			       time(NULL) - before < 10,
		       "changes nothing, and soon");
		free(name);
		free(bad);
	}
}

static void test_server(void)
{
	struct server server;
	char *requests = ks_path_join(repo.dir, "requests"), *url;
	struct ks_buf text = { 0 };

	start();
	repo_publish(three, 3);
	server = server_start(repo.dir, NULL, NULL);
	url = ks_strdup(server.url);
	opt.repo = url;
	tap_fine(upgrade(), "from a server");
	tap_ok(kernel_has("aaa bbb ccc"), "three updates");
	unlink(requests);
	opt.now += 7200;
	tap_fine(upgrade(), "nothing new");
	die(ks_file_read(requests, 10000, &text));
	tap_ok(!strncmp(text.data, "GET /v1/kernels/", 16) &&
		       strstr(text.data, " 304 If-None-Match=") &&
		       strchr(text.data, '\n') == text.data + text.len - 1,
	       "costs one conditional request");
	ks_buf_free(&text);
	opt.now = REPO_NOW + 15 * 24 * 3600ll;
	tap_error(upgrade(), KS_E_INPUT, "expired", "one that stays the same for too long is not believed");
	opt.now = REPO_NOW + 100;
	test_bad_servers(server.url);
	opt.repo = url;
	server_stop(&server);
	tap_error(upgrade(), KS_E_NETWORK, "onnect", "a server that is gone");
	tap_ok(kernel_has("aaa bbb ccc"), "changes nothing");
	opt.repo = repo.dir;
	free(url);
	free(requests);
}

/* Power. */

/* In a process of its own, which ends at the change with that number; false: it came to its end. */
static bool loses_power(int at, struct ks_error *(*what)(void))
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct ks_error *err;

		fake.changes = 0;
		fake.die_at = at;
		err = what();
		_exit(err ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		tap_ok(false, "the run that was to lose its power at %d failed by itself", at);
	return WIFEXITED(status) && WEXITSTATUS(status) == 99;
}

static struct ks_error *remove_aaa(void)
{
	return remove_one("aaa");
}

static void test_power(void)
{
	int n;

	for (n = 1; n < 100; n++) {
		start();
		repo_publish(three, 3);
		if (!loses_power(n, upgrade))
			break;
		/* The machine comes back, and applies what it had. */
		if (!tap_ok(true, "the power fails at change %d of an upgrade", n))
			break;
		ks_error_free(boot("boot1"));
		tap_ok(is_held(), "the next boot knows that something was under way");
		tap_fine(upgrade(), "an upgrade");
		tap_ok(kernel_has("aaa bbb ccc") && installed_is("aaa bbb ccc") && !is_held(),
		       "completes it");
		tap_fine(boot("boot2"), "and from then on");
		tap_ok(kernel_has("aaa bbb ccc"), "all is as ever");
	}
	tap_ok(n > 8 && n < 100, "an upgrade has %d changes", n - 1);

	for (n = 1; n < 100; n++) {
		start();
		repo_publish(three, 3);
		if (!loses_power(n, upgrade))
			break;
		tap_fine(upgrade(), "an upgrade that was killed: the next one");
		tap_ok(kernel_has("aaa bbb ccc") && installed_is("aaa bbb ccc") && !is_held(),
		       "completes it, and forgets none");
	}

	for (n = 1; n < 100; n++) {
		start();
		repo_publish(three, 3);
		die(upgrade());
		if (!loses_power(n, remove_aaa))
			break;
		/* Only the command dies, not the machine. */
		tap_fine(remove_one(kernel_has("aaa ccc") ? "aaa" : "ccc"), "a removal that was killed: the next command works");
		tap_ok(!is_held(), "and nothing is held");
	}
	tap_ok(n > 4 && n < 100, "a removal has %d changes", n - 1);
}

/* A machine that does not survive what it applies at boot. */
static void test_crash(void)
{
	struct ks_error *err;

	start();
	repo_publish(three, 3);
	die(upgrade());
	die(boot("boot1"));
	tap_ok(kernel_has("aaa bbb ccc"), "applied at boot; then the machine goes down");
	err = boot("boot2");
	tap_error(err, KS_E_REFUSED, "within minutes", "the next boot says why it applies nothing");
	tap_ok(kernel_has("") && installed_is("aaa bbb ccc") && is_held(), "and does not");
	tap_error(boot("boot3"), KS_E_REFUSED, "within minutes", "nor does the one after it");
	tap_fine(upgrade(), "somebody upgrades");
	tap_ok(kernel_has("aaa bbb ccc") && !is_held(), "and it is as before");
	die(boot("boot4"));
	die(ks_boot_unmark(&up));
	tap_fine(boot("boot5"), "a boot after one that was well");
	tap_ok(kernel_has("aaa bbb ccc"), "applies them");
	fake.bad = "bbb";
	err = boot("boot6");
	tap_ok(err && kernel_has(""), "the one before it was not well: nothing");
	ks_error_free(err);
	fake.bad = NULL;
	die(upgrade());
	fake_boot("boot7");
	fake.bad = "aaa";
	{
		struct ks_outcome outcome;
		char *mark = ks_path_join(up.state, "booting");

		err = boot_with(&outcome);
		tap_ok(err && outcome.failed && !strcmp(outcome.failed, "aaa") &&
			       outcome.left.len == 2,
		       "one that does not apply at boot is named, and those behind it");
		tap_ok(!ks_file_exists(mark), "where nothing was applied, there is nothing to survive");
		ks_error_free(err);
		ks_outcome_clear(&outcome);
		free(mark);
	}
}

/* Every write fails from so many bytes on: a disk that is full. */
static struct ks_error *upgrade_without_room(void)
{
	struct rlimit none = { .rlim_cur = 64, .rlim_max = 64 };

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &none);
	return upgrade();
}

static void test_full_disk(void)
{
	int status;
	pid_t pid;

	start();
	repo_publish(three, 1);
	die(upgrade());
	repo_publish(three, 3);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct ks_error *err = upgrade_without_room();

		_exit(err && ks_error_code(err) == KS_E_SYSTEM ? 7 : 8);
	}
	waitpid(pid, &status, 0);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "a full disk is an error");
	tap_ok(kernel_has("aaa") && installed_is("aaa") && !is_held(), "and nothing has changed");
	tap_fine(upgrade(), "with room");
	tap_ok(kernel_has("aaa bbb ccc"), "all is well");
}

/* A machine that boots another kernel, and then loses the first one. */
static void test_prune(void)
{
	char *updates = ks_path_join(up.cache, "updates"), *lib = ks_path_join(fake_live.lib_modules, FAKE_RELEASE);
	char *index = ks_path_join(up.cache, "kernels/" REPO_KERNEL);
	static const struct repo_update none[] = { { "zzz", NULL, NULL, NULL, NULL, NULL } };

	start();
	die(ks_dir_make(lib));
	repo_publish(three, 3);
	die(upgrade());
	/* Only its version is another: that of /proc/version. */
	fake_put("proc", "version", "Linux version " FAKE_RELEASE " (gcc) #1 SMP Debian 6.1.199-1 (2026-11-01)\n");
	fake_remove("sys");
	fake_remove("module");
	fake_put("module/ext4", "initstate", "live\n");
	repo.kernel = "debian/amd64/" FAKE_RELEASE "/6.1.199-1";
	repo.serial = 0;
	repo_publish(none, 0);
	tap_fine(upgrade(), "another kernel of the machine");
	tap_ok(count_files(updates) == 3 && ks_file_is_dir(index), "what the first one has installed is kept");
	die(ks_dir_remove(lib));
	tap_fine(upgrade(), "when the first one is gone");
	tap_ok(!count_files(updates) && !ks_file_is_dir(index), "so is what it had");
	free(updates);
	free(lib);
	free(index);
}

static void test_status(void)
{
	struct ks_run_result result = { .command = "uptrack-upgrade",
					.code = 0,
					.message = "done" };
	char *prom = ks_path_join(work, "uptrack.prom"), *conf, *path = ks_path_join(up.state, "status.json");
	struct ks_buf text = { 0 };
	struct ks_client c;
	json_t *root, *updates;

	start();
	repo_publish(three, 3);
	conf = ks_asprintf("[Status]\nmetrics_file = %s\n", prom);
	put(up.etc, "uptrack.conf", conf);
	fake_put("sys", "version", FAKE_TEXT(KSPLICE_CORE_ABI) "\n");
	fake_put("module/ksplice", "initstate", "live\n");
	fake_record("byhand", "applied\n", "ok\n");
	fake.bad = "ccc";
	ks_error_free(upgrade());
	die(open_client(&c));
	die(ks_client_refresh(&c));
	tap_fine(ks_status_tell(&c, &result), "the status is told");
	ks_client_close(&c);
	die(ks_file_read(path, 100000, &text));
	root = json_loadb(text.data, text.len, 0, NULL);
	updates = json_object_get(root, "updates");
	tap_ok(json_array_size(updates) == 4 &&
		       !strcmp(json_string_value(
				       json_object_get(json_array_get(updates, 1), "state")),
			       "installed") &&
		       !strcmp(json_string_value(
				       json_object_get(json_array_get(updates, 2), "state")),
			       "available") &&
		       !strcmp(json_string_value(json_object_get(json_array_get(updates, 3), "id")),
			       "byhand"),
	       "it has what is installed, what is available, and what was applied by hand");
	tap_ok(!strcmp(json_string_value(json_object_get(root, "effective")),
		       "6.1.0-55-cloud-amd64"),
	       "the effective kernel");
	json_decref(root);
	ks_buf_free(&text);
	die(ks_file_read(prom, 100000, &text));
	tap_ok(strstr(text.data, "\nuptrack_updates_installed 3\n") &&
		       strstr(text.data, "\nuptrack_updates_available 1\n") &&
		       strstr(text.data, "\nuptrack_last_run_code 0\n") &&
		       strstr(text.data, "effective=\"6.1.0-55-cloud-amd64\"} 1\n") &&
		       strstr(text.data, "\nuptrack_index_age_seconds 100\n"),
	       "so have the metrics");
	ks_buf_free(&text);
	free(prom);
	free(conf);
	free(path);
}

static void test_poll(void)
{
	struct ks_client c;

	start();
	repo_publish(three, 1);
	die(open_client(&c));
	tap_ok(ks_source_due(&c), "a repository that was never asked is due");
	die(ks_client_refresh(&c));
	ks_client_close(&c);
	die(open_client(&c));
	die(ks_client_load(&c));
	tap_ok(!ks_source_due(&c), "one that was just asked is not");
	c.opt.now += 3600;
	tap_ok(ks_source_due(&c), "until the time that it wants has passed");
	c.opt.now -= 100000;
	tap_ok(ks_source_due(&c), "a clock that went back does not stop it");
	ks_client_close(&c);
}

int main(void)
{
	char *kernel;

	die(ks_dir_temp("ksplice-test-client", &work));
	setenv("no_proxy", "127.0.0.1,localhost", 1);
	kernel = ks_path_join(work, "kernel");
	fake_init(kernel);
	repo.dir = ks_path_join(work, "repo");
	repo.work = ks_path_join(work, "repo-work");
	die(ks_secret_key_make(&repo.key));
	put(work, "os-release", "NAME=x\nID=debian\n");
	up = (struct ks_uptrack){
		.live = &fake_live,
		.etc = ks_path_join(work, "etc"),
		.state = ks_path_join(work, "state"),
		.cache = ks_path_join(work, "cache"),
		.log = ks_path_join(work, "log"),
		.proc = ks_path_join(kernel, "proc"),
		.os_release = ks_path_join(work, "os-release"),
	};
	test_life();
	test_failures();
	test_attacks();
	test_keys();
	test_server();
	test_power();
	test_crash();
	test_full_disk();
	test_prune();
	test_status();
	test_poll();
	die(ks_dir_remove(work));
	free(kernel);
	return tap_done();
}
