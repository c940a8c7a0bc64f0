// SPDX-License-Identifier: GPL-2.0-only
/* Build dependencies; see needs.h.  ksplice-prepare names them early. */
#include "distro/needs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"

#define MAX_CONFIG (4u << 20)

static const struct {
	const char *command;
	const char *package;
	const char *option; /* only for kernels with this line in their config */
} commands[] = {
	{ "make", "make", NULL },
	{ "ld", "binutils", NULL },
	{ "patch", "patch", NULL },
	{ "flex", "flex", NULL },
	{ "bison", "bison", NULL },
	{ "bc", "bc", NULL },
	{ "perl", "perl", NULL },
	{ "cpio", "cpio", NULL },
	{ "rsync", "rsync", NULL },
	{ "xz", "xz-utils", NULL },
	/* Without it, olddefconfig turns BTF off, and the config is another. */
	{ "pahole", "dwarves", "CONFIG_DEBUG_INFO_BTF=y" },
};

static const struct {
	const char *header;
	const char *package;
} headers[] = {
	{ "gelf.h", "libelf-dev" },	   /* objtool */
	{ "openssl/evp.h", "libssl-dev" }, /* scripts/sign-file */
};

static bool have_header(const char *name)
{
	static const char *const dirs[] = { "/usr/include", "/usr/include/x86_64-linux-gnu",
					    "/usr/local/include" };
	bool found = false;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs) && !found; i++) {
		char *path = ks_path_join(dirs[i], name);

		found = ks_file_exists(path);
		free(path);
	}
	return found;
}

/*
 * The compiler's command in CONFIG_CC_VERSION_TEXT="gcc-12 (Debian ...) 12.2.0";
 * a prefix of the cross kind (x86_64-linux-gnu-gcc-12) is dropped.
 */
static char *compiler(const char *config)
{
	static const char key[] = "\nCONFIG_CC_VERSION_TEXT=\"";
	const char *p = strstr(config, key), *gcc;
	size_t n;

	if (!p)
		return NULL;
	p += strlen(key);
	n = strcspn(p, " \"\n");
	gcc = memmem(p, n, "gcc", 3);
	return gcc ? ks_strndup(gcc, n - (gcc - p)) : NULL;
}

static void need(struct ks_strv *packages, const char *name)
{
	if (!ks_strv_has(packages, name))
		ks_strv_add(packages, name);
}

struct ks_error *ks_needs_missing(const char *config, struct ks_strv *packages)
{
	struct ks_buf text = { 0 };
	struct ks_error *err;
	char *cc;

	ks_buf_adds(&text, "\n");
	err = ks_file_read(config, MAX_CONFIG, &text);
	if (err)
		goto out;
	cc = compiler(text.data);
	if (cc && !ks_proc_have(cc))
		need(packages, cc);
	free(cc);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if ((!commands[i].option || strstr(text.data, commands[i].option)) &&
		    !ks_proc_have(commands[i].command))
			need(packages, commands[i].package);
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		if (!have_header(headers[i].header))
			need(packages, headers[i].package);
out:
	ks_buf_free(&text);
	return err;
}
