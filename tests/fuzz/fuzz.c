// SPDX-License-Identifier: GPL-2.0-only
/* What the fuzzers share; see fuzz.h. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

#define SLOTS 4

void fuzz_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	_exit(2);
}

bool fuzz_fine(struct ks_error *err)
{
	if (!err)
		return true;
	fuzz_check(*ks_error_message(err) && strlen(ks_error_message(err)) < 1u << 24);
	if (getenv("FUZZ_SHOW"))
		fprintf(stderr, "%s\n", ks_error_message(err));
	ks_error_free(err);
	return false;
}

const char *fuzz_file(int slot, const void *data, size_t size)
{
	static int fds[SLOTS];
	static char paths[SLOTS][32];

	if (!fds[slot]) {
		fds[slot] = memfd_create("fuzz", MFD_CLOEXEC);
		must(fds[slot] >= 0, "memfd_create");
		snprintf(paths[slot], sizeof(paths[slot]), "/proc/self/fd/%d", fds[slot]);
	}
	must(!ftruncate(fds[slot], 0) && pwrite(fds[slot], data, size, 0) == (ssize_t)size, "memfd");
	return paths[slot];
}

static char *dir;

static void remove_dir(void)
{
	ks_error_free(ks_dir_remove(dir));
	free(dir);
}

const char *fuzz_dir(void)
{
	if (!dir) {
		must(!ks_dir_temp("fuzz", &dir), "a directory");
		setenv("TMPDIR", dir, 1);
		atexit(remove_dir);
	}
	must(!ks_dir_remove(dir) && !ks_dir_make(dir), dir);
	return dir;
}

void fuzz_dir_list(struct ks_strv *names)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			ks_strv_add(names, e->d_name);
	if (d)
		closedir(d);
	ks_strv_sort(names);
}

struct fuzz_pair fuzz_texts(const uint8_t *data, size_t size)
{
	const uint8_t *at = size ? memchr(data, 0x1e, size) : NULL;

	if (!at)
		return (struct fuzz_pair){ data, data + size, size, 0 };
	return (struct fuzz_pair){ data, at + 1, at - data, size - (at + 1 - data) };
}

char *fuzz_string(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	must(s, "malloc");
	if (size)
		memcpy(s, data, size);
	s[size] = 0;
	return s;
}

struct ks_buf fuzz_buf(const uint8_t *data, size_t size)
{
	struct ks_buf b = { 0 };

	ks_buf_add(&b, data, size);
	return b;
}

uint32_t fuzz_random(unsigned int *seed, uint32_t n)
{
	uint32_t r = (uint32_t)rand_r(seed) << 16 ^ (uint32_t)rand_r(seed);

	return n ? r % n : 0;
}
