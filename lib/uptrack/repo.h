/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the files of a repository are, relative to its top, and what a kernel
 * is called in it.  docs/uptrack-format.md has the whole of it.
 *
 *	v1/kernels/DISTRIBUTION/ARCH/RELEASE/VERSION/head.minisig
 *	v1/indexes/SHA256.json
 *	v1/updates/SHA256/ksplice-ID.tar.gz
 *	v1/keys/KEYID/key.pub, next.pub, next.pub.minisig
 *
 * Only a head.minisig is ever written again; it is the signature of the index
 * that it names.  All else is named by what is in it.
 */
#ifndef KS_UPTRACK_REPO_H
#define KS_UPTRACK_REPO_H

#include "base/buf.h"
#include "base/error.h"
#include "uptrack/sign.h"

#define KS_REPO_TOP "v1"
#define KS_REPO_HEAD "head.minisig"

/*
 * A kernel that a distribution made: "debian", "amd64", what uname -r says, and
 * the version of its package.  Each is owned, and safe as a part of a path.
 */
struct ks_repo_kernel {
	char *distribution, *arch, *release, *version;
};

/* "debian/amd64/6.1.0-56-cloud-amd64/6.1.192-2"; *kernel is empty after an error. */
struct ks_error *ks_repo_kernel_parse(const char *name, struct ks_repo_kernel *kernel) KS_MUST_CHECK;
char *ks_repo_kernel_name(const struct ks_repo_kernel *kernel); /* the caller frees */
bool ks_repo_kernel_same(const struct ks_repo_kernel *a, const struct ks_repo_kernel *b);
void ks_repo_kernel_clear(struct ks_repo_kernel *kernel);

/* What a part of the name may be; the number of characters is its most. */
const char *ks_repo_word_problem(const char *word, size_t max);
#define KS_REPO_WORD_MAX 32 /* distribution, architecture */
#define KS_REPO_RELEASE_MAX 64
#define KS_REPO_VERSION_MAX 128

/* What Debian calls a machine that uname -m calls "x86_64"; else the same. */
const char *ks_repo_arch(const char *machine);

/* Paths; the caller frees. */
char *ks_repo_head_path(const struct ks_repo_kernel *kernel);
char *ks_repo_index_path(const char *sha256);
char *ks_repo_update_path(const char *sha256, const char *id);
char *ks_repo_key_path(const uint8_t id[8]);
char *ks_repo_next_key_path(const uint8_t id[8]); /* and that with ".minisig" */

#endif
