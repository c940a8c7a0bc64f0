/* SPDX-License-Identifier: GPL-2.0-only */
/* The build id of a file, or of a module in the running kernel: which build is it? */
#ifndef KS_ELF_NOTE_H
#define KS_ELF_NOTE_H

#include <stddef.h>

#include "base/error.h"

/* From the content of .note.gnu.build-id: hexadecimal digits, "" where it is none.  The caller frees. */
char *ks_note_build_id(const void *note, size_t len);

/* Of an ELF file. */
struct ks_error *ks_file_build_id(const char *path, char **hex) KS_MUST_CHECK;

#endif
