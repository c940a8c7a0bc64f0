// SPDX-License-Identifier: GPL-2.0-only
/* Object files: sections, symbols, relocations; a unit's atoms and special sections; build ids. */
#include "fuzz.h"

#include <stdlib.h>

#include "base/file.h"
#include "diff/unit.h"
#include "elf/note.h"
#include "vm/still.h"

static void look_at(struct ks_unit *u)
{
	ks_vec_for(&u->atoms, it) {
		struct ks_atom *a = *it;

		fuzz_check((uint64_t)a->start + a->size <= a->section->size);
		ks_vec_for(&a->refs, ref) {
			char *text = ks_ref_describe(ref);

			fuzz_check((uint64_t)ref->offset + ref->size <= a->size);
			free(text);
		}
		ks_vec_for(&a->insns.list, insn)
			fuzz_check(insn->offset + insn->length <= a->size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(0, data, size), *dir = fuzz_dir();
	char *hex = NULL, *out = ks_path_join(dir, "still.ko");
	struct ks_object *obj;
	struct ks_unit *unit;

	if (fuzz_fine(ks_object_open(path, &obj)) && fuzz_fine(ks_unit_build("u", obj, &unit))) {
		look_at(unit);
		ks_unit_free(unit);
	}
	fuzz_fine(ks_file_build_id(path, &hex));
	fuzz_fine(ks_vm_still_module(path, out));
	free(hex);
	free(out);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	if (!fuzz_random(&seed, 24))
		return LLVMFuzzerMutate(data, size, max);
	for (uint32_t n = 1 + fuzz_random(&seed, 3); n; n--)
		fuzz_mutate_object(data, size, &seed);
	return size;
}
