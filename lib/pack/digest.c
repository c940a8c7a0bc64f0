// SPDX-License-Identifier: GPL-2.0-only
/* SHA-256 through OpenSSL, for what a package's manifest lists; see digest.h. */
#include "pack/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

struct ks_error *ks_digest(const struct ks_buf *data, char hex[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (!EVP_Digest(data->data ? data->data : "", data->len, digest, &len, EVP_sha256(), NULL) ||
	    len != 32)
		return ks_error_new(KS_E_FAILED, "OpenSSL cannot compute SHA-256 (openssl.cnf may forbid it)");
	for (unsigned int i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return NULL;
}
