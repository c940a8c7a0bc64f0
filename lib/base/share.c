// SPDX-License-Identifier: GPL-2.0-only
/* Where the sources for every kernel are; see share.h. */
#include "base/share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

struct ks_error *ks_share_find(char **share)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	static const char *const places[] = { "share", "../share/ksplice" };

	if (n < 0)
		return ks_error_errno(errno, "/proc/self/exe");
	self[n] = 0;
	*strrchr(self, '/') = 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		char *dir = ks_path_join(self, places[i]), *kbuild = ks_path_join(dir, "kernel/Kbuild");
		bool found = ks_file_exists(kbuild);

		free(kbuild);
		if (found) {
			*share = dir;
			return NULL;
		}
		free(dir);
	}
	return ks_error_new(KS_E_FAILED,
			    "the sources of ksplice.ko and the header for patches are neither in %s/share nor in %s/../share/ksplice; run make, or install ksplice again",
			    self, self);
}
