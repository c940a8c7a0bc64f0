// SPDX-License-Identifier: GPL-2.0-only
/* SHA-256 through OpenSSL, for what a package's manifest lists; see digest.h. */
#include "pack/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK (64u << 10)

static struct ks_error *no_digest(void)
{
	return ks_error_new(KS_E_FAILED, "OpenSSL cannot compute SHA-256 (openssl.cnf may forbid it)");
}

static void write_hex(const unsigned char digest[32], char hex[65])
{
	for (unsigned int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

struct ks_error *ks_digest(const struct ks_buf *data, char hex[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (!EVP_Digest(data->data ? data->data : "", data->len, digest, &len, EVP_sha256(), NULL) ||
	    len != 32)
		return no_digest();
	write_hex(digest, hex);
	return NULL;
}

static struct ks_error *digest_fd(int fd, const char *path, EVP_MD_CTX *md, uint64_t *size)
{
	struct ks_error *err = NULL;
	char *chunk = ks_alloc(CHUNK);
	ssize_t n;

	*size = 0;
	while (!err && (n = read(fd, chunk, CHUNK))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = ks_error_errno(errno, "cannot read %s", path);
		else if (!EVP_DigestUpdate(md, chunk, n))
			err = no_digest();
		else
			*size += n;
	}
	free(chunk);
	return err;
}

struct ks_error *ks_digest_file(const char *path, char hex[65], uint64_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct ks_error *err = NULL;
	unsigned int len = 0;

	if (fd < 0)
		err = ks_error_errno(errno, "cannot open %s", path);
	else if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL))
		err = no_digest();
	else
		err = digest_fd(fd, path, md, size);
	if (!err && (!EVP_DigestFinal_ex(md, digest, &len) || len != 32))
		err = no_digest();
	if (!err)
		write_hex(digest, hex);
	EVP_MD_CTX_free(md);
	if (fd >= 0)
		close(fd);
	return err;
}
