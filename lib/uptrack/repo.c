// SPDX-License-Identifier: GPL-2.0-only
/* Names and paths of a repository; see repo.h.  Client and publisher share them. */
#include "uptrack/repo.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

const char *ks_repo_word_problem(const char *word, size_t max)
{
	size_t len = strlen(word);

	if (!len)
		return "empty";
	if (len > max)
		return "too long";
	if (*word == '.')
		return "a name that starts with a dot";
	if (strspn(word, KS_ALNUM "._+~:-") != len)
		return "not of letters, digits and ._+~:- only";
	return NULL;
}

struct ks_error *ks_repo_kernel_parse(const char *name, struct ks_repo_kernel *kernel)
{
	static const struct {
		const char *what;
		size_t max;
	} parts[] = {
		{ "distribution", KS_REPO_WORD_MAX }, { "architecture", KS_REPO_WORD_MAX },
		{ "release", KS_REPO_RELEASE_MAX },   { "version", KS_REPO_VERSION_MAX },
	};
	char **to[] = { &kernel->distribution, &kernel->arch, &kernel->release, &kernel->version };
	struct ks_error *err = NULL;
	const char *p = name;

	memset(kernel, 0, sizeof(*kernel));
	for (int i = 0; i < 4 && !err; i++) {
		size_t len = i < 3 ? strcspn(p, "/") : strlen(p);
		const char *problem;

		*to[i] = ks_strndup(p, len);
		problem = ks_repo_word_problem(*to[i], parts[i].max);
		if (problem)
			err = ks_error_new(KS_E_INPUT,
					   "\"%s\" is no kernel (DISTRIBUTION/ARCH/RELEASE/VERSION): its %s is %s",
					   name, parts[i].what, problem);
		p += len + (p[len] == '/');
	}
	if (err)
		ks_repo_kernel_clear(kernel);
	return err;
}

char *ks_repo_kernel_name(const struct ks_repo_kernel *k)
{
	return ks_asprintf("%s/%s/%s/%s", k->distribution, k->arch, k->release, k->version);
}

bool ks_repo_kernel_same(const struct ks_repo_kernel *a, const struct ks_repo_kernel *b)
{
	return !strcmp(a->distribution, b->distribution) && !strcmp(a->arch, b->arch) &&
	       !strcmp(a->release, b->release) && !strcmp(a->version, b->version);
}

void ks_repo_kernel_clear(struct ks_repo_kernel *k)
{
	free(k->distribution);
	free(k->arch);
	free(k->release);
	free(k->version);
	memset(k, 0, sizeof(*k));
}

const char *ks_repo_arch(const char *machine)
{
	return strcmp(machine, "x86_64") ? machine : "amd64";
}

char *ks_repo_head_path(const struct ks_repo_kernel *k)
{
	return ks_asprintf(KS_REPO_TOP "/kernels/%s/%s/%s/%s/" KS_REPO_HEAD, k->distribution, k->arch,
			   k->release, k->version);
}

char *ks_repo_index_path(const char *sha256)
{
	return ks_asprintf(KS_REPO_TOP "/indexes/%s.json", sha256);
}

char *ks_repo_update_path(const char *sha256, const char *id)
{
	return ks_asprintf(KS_REPO_TOP "/updates/%s/ksplice-%s.tar.gz", sha256, id);
}

char *ks_repo_key_path(const uint8_t id[8])
{
	char name[17];

	ks_key_name(id, name);
	return ks_asprintf(KS_REPO_TOP "/keys/%s/key.pub", name);
}

char *ks_repo_next_key_path(const uint8_t id[8])
{
	char name[17];

	ks_key_name(id, name);
	return ks_asprintf(KS_REPO_TOP "/keys/%s/next.pub", name);
}
