// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signing what the kernel is to load, with a key of the user's, for machines
 * that load nothing else (module.sig_enforce=1, Secure Boot's lockdown).  The
 * kernel's own sign-file does it, which the headers bring along; it takes a
 * passphrase from KBUILD_SIGN_PIN, and keys on a token by their PKCS#11 URI.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "build/config.h"
#include "create/state.h"

/* What the kernel's builder signed with, whatever that was. */
static struct ks_error *hash_name(const struct ks_create *c, char **name)
{
	char *path = ks_path_join(c->config_dir, ".config");
	struct ks_config *config;
	struct ks_error *err = ks_config_read(path, &config);
	const char *hash;

	free(path);
	if (err)
		return err;
	hash = ks_config_get(config, "MODULE_SIG_HASH");
	if (hash)
		*name = ks_strdup(hash);
	else
		err = ks_error_new(KS_E_USAGE,
				   "--sign-key: this kernel does not know signatures (CONFIG_MODULE_SIG)");
	ks_config_free(config);
	return err;
}

static struct ks_error *check_readable(const char *option, const char *path)
{
	if (!access(path, R_OK))
		return NULL;
	return ks_error_errno(errno, "%s: cannot read %s", option, path);
}

struct ks_error *ks_create_prepare_signing(struct ks_create *c)
{
	const char *key = c->opt->sign_key;
	struct ks_error *err = NULL;

	if (!key)
		return NULL;
	c->sign_file = ks_path_join(c->config_dir, "build/scripts/sign-file");
	if (access(c->sign_file, X_OK))
		err = ks_error_errno(errno, "--sign-key: cannot run %s, which the kernel's headers should have",
				     c->sign_file);
	if (!err && !ks_str_starts(key, "pkcs11:"))
		err = check_readable("--sign-key", key);
	if (!err)
		err = check_readable("--sign-cert", c->opt->sign_cert);
	if (!err)
		err = hash_name(c, &c->sign_hash);
	return err;
}

struct ks_error *ks_create_sign(const struct ks_create *c, const char *module)
{
	const char *argv[] = {c->sign_file, c->sign_hash, c->opt->sign_key, c->opt->sign_cert, module, NULL};

	if (!c->opt->sign_key)
		return NULL;
	return ks_error_prefix(ks_proc_output(argv, NULL), "signing %s", ks_path_base(module));
}
