// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and comparing .config; see config.h.  Used before anything is
 * compiled: a configuration that comes out of olddefconfig as another one
 * would give other code than the kernel's, and the match would fail much
 * later with a message that nobody can trace back to a missing package.
 */
#include "build/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define MAX_CONFIG (16u << 20)

struct option {
	char *name;
	char *value;
};

struct ks_config {
	struct ks_buf text;
	KS_VEC(struct option) options; /* sorted by name */
};

static int compare_options(const void *a, const void *b)
{
	return strcmp(((const struct option *)a)->name, ((const struct option *)b)->name);
}

/* "NAME=value" behind CONFIG_; quotes go, escapes stay (nothing we look at has any). */
static void add_option(struct ks_config *c, const char *line, size_t len)
{
	const char *eq = memchr(line, '=', len);
	struct option *o;
	const char *value;
	size_t n;

	if (!eq)
		return;
	value = eq + 1;
	n = line + len - value;
	if (n && value[n - 1] == '\r')
		n--;
	if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
		value++;
		n -= 2;
	}
	/* "=n" is how some write what kconfig writes as a comment. */
	if (n == 1 && *value == 'n')
		return;
	o = ks_vec_push(&c->options);
	o->name = ks_strndup(line, eq - line);
	o->value = ks_strndup(value, n);
}

struct ks_error *ks_config_read(const char *path, struct ks_config **config)
{
	struct ks_config *c = ks_alloc(sizeof(*c));
	struct ks_error *err = ks_file_read(path, MAX_CONFIG, &c->text);
	const char *p, *end;

	if (err) {
		ks_config_free(c);
		return err;
	}
	p = ks_buf_text(&c->text);
	for (end = p + c->text.len; p < end;) {
		const char *nl = memchr(p, '\n', end - p);
		size_t len = (nl ? nl : end) - p;

		if (len > 7 && !strncmp(p, "CONFIG_", 7))
			add_option(c, p + 7, len - 7);
		p += len + 1;
	}
	if (!c->options.len) {
		ks_config_free(c);
		return ks_error_new(KS_E_INPUT,
				    "%s: holds no CONFIG_ option: not a kernel's .config", path);
	}
	qsort(c->options.v, c->options.len, sizeof(*c->options.v), compare_options);
	*config = c;
	return NULL;
}

void ks_config_free(struct ks_config *c)
{
	if (!c)
		return;
	ks_vec_for(&c->options, o) {
		free(o->name);
		free(o->value);
	}
	ks_vec_free(&c->options);
	ks_buf_free(&c->text);
	free(c);
}

const struct ks_buf *ks_config_text(const struct ks_config *config)
{
	return &config->text;
}

const char *ks_config_get(const struct ks_config *config, const char *name)
{
	struct option key = { .name = (char *)name };
	struct option *o = bsearch(&key, config->options.v, config->options.len,
				   sizeof(*config->options.v), compare_options);

	return o ? o->value : NULL;
}

/*
 * Options that name the builder's tools, and those that Debian strips from
 * the configs it ships because they only concern signing.  The compiler and
 * binutils have had their own check.
 */
static bool harmless(const char *name)
{
	static const char *const names[] = {
		"CC_VERSION_TEXT", "PAHOLE_VERSION", "BUILD_SALT",
		"MODULE_SIG_ALL", "MODULE_SIG_KEY", "SYSTEM_TRUSTED_KEYS",
		"SYSTEM_REVOCATION_KEYS", "RUSTC_VERSION", "RUSTC_VERSION_TEXT",
		"RUSTC_LLVM_VERSION", "RUST_IS_AVAILABLE", "BINDGEN_VERSION_TEXT",
		"CC_CAN_LINK", "CC_CAN_LINK_STATIC", "TOOLS_SUPPORT_RELR",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* "# CONFIG_NAME is not set": said to be off, as opposed to not mentioned. */
static bool is_off(const struct ks_config *c, const char *name)
{
	char *line = ks_asprintf("\n# CONFIG_%s is not set\n", name);
	bool found = strstr(c->text.data, line) != NULL;

	free(line);
	return found;
}

void ks_config_compare(const struct ks_config *given, const struct ks_config *got,
		       struct ks_config_diff *diff)
{
	ks_vec_for(&given->options, o) {
		const char *now = ks_config_get(got, o->name);

		if (!harmless(o->name) && (!now || strcmp(now, o->value)))
			ks_strv_addf(&diff->changed, "%s: %s -> %s", o->name, o->value,
				     now ? now : "n");
	}
	ks_vec_for(&got->options, o) {
		/*
		 * Empty strings and zeros are what a new option looks like
		 * that nobody has set.
		 */
		if (harmless(o->name) || ks_config_get(given, o->name))
			continue;
		if (is_off(given, o->name))
			ks_strv_addf(&diff->changed, "%s: n -> %s", o->name, o->value);
		else if (*o->value && strcmp(o->value, "0"))
			ks_strv_add(&diff->added, o->name);
	}
}

void ks_config_diff_free(struct ks_config_diff *diff)
{
	ks_strv_free(&diff->changed);
	ks_strv_free(&diff->added);
}
