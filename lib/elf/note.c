// SPDX-License-Identifier: GPL-2.0-only
/* Build ids; see note.h. */
#include "elf/note.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "elf/object.h"

char *ks_note_build_id(const void *note, size_t len)
{
	const unsigned char *bytes = note;
	struct ks_buf hex = { 0 };
	Elf64_Nhdr h;

	if (len < sizeof(h) + 4)
		return ks_strdup("");
	memcpy(&h, note, sizeof(h));
	if (h.n_type != NT_GNU_BUILD_ID || h.n_namesz != 4 || memcmp(bytes + sizeof(h), "GNU", 4) ||
	    h.n_descsz > len - sizeof(h) - 4)
		return ks_strdup("");
	for (uint32_t i = 0; i < h.n_descsz; i++)
		ks_buf_addf(&hex, "%02x", bytes[sizeof(h) + 4 + i]);
	return hex.len ? ks_buf_steal(&hex) : ks_strdup("");
}

struct ks_error *ks_file_build_id(const char *path, char **hex)
{
	struct ks_object *obj;
	struct ks_section *sec;
	struct ks_error *err = ks_object_open(path, &obj);

	if (err)
		return err;
	sec = ks_object_section(obj, ".note.gnu.build-id");
	*hex = ks_note_build_id(sec ? sec->data : NULL, sec && sec->data ? sec->size : 0);
	ks_object_close(obj);
	return NULL;
}
