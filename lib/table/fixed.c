// SPDX-License-Identifier: GPL-2.0-only
/*
 * Branches on static keys that are read-only since boot; see fixed.h.
 *
 * A near jump has a field of its own: its distance is the import, and a
 * distance of 0 is "not taken".  A short jump has only one byte, and modules
 * know no relocation of one byte: the field then covers two neighbouring
 * bytes, which the addend keeps as they are.  An import is an address of the
 * kernel to the loader and must lie within 2 GB of the modules, that is
 * between -3 GB and +1 GB; so where the distance is in the field's top byte,
 * the value that would be large is put into the addend, and the other one
 * counts from there.
 */
#include "table/fixed.h"

#include <string.h>

#define NEAR_JUMP 0xe9
#define SHORT_JUMP 0xeb

static bool all_free(const bool *free, uint32_t from, uint32_t to)
{
	for (; from < to; from++)
		if (!free[from])
			return false;
	return true;
}

static int32_t pattern(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (int32_t)((uint32_t)a | (uint32_t)b << 8 | (uint32_t)c << 16 | (uint32_t)d << 24);
}

static bool plan_short(const uint8_t *data, uint32_t size, uint32_t offset, int8_t step,
		       const bool *free, struct ks_fixed_branch *branch)
{
	const uint8_t *p = data + offset;

	if (offset + 4 <= size && all_free(free, offset + 2, offset + 4)) {
		branch->field = offset;
		branch->addend = pattern(SHORT_JUMP, 0, p[2], p[3]);
		branch->on = pattern(0, step, 0, 0);
		return true;
	}
	if (offset < 2 || !all_free(free, offset - 2, offset))
		return false;
	branch->field = offset - 2;
	branch->addend = pattern(p[-2], p[-1], SHORT_JUMP, step < 0 ? 0 : step);
	if (step < 0)
		branch->on = pattern(0, 0, 0, step);
	else
		branch->off = -pattern(0, 0, 0, step);
	return true;
}

bool ks_fixed_branch_make(uint8_t *data, uint32_t size, uint32_t offset, uint32_t len,
			  int64_t distance, const bool *free, struct ks_fixed_branch *branch)
{
	memset(branch, 0, sizeof(*branch));
	if (len == 5 && distance == (int32_t)distance) {
		data[offset] = NEAR_JUMP;
		branch->field = offset + 1;
		branch->on = distance;
	} else if (len != 2 || distance != (int8_t)distance ||
		   !plan_short(data, size, offset, distance, free, branch)) {
		return false;
	}
	memset(data + branch->field, 0, 4);
	return true;
}
