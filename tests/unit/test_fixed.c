// SPDX-License-Identifier: GPL-2.0-only
/*
 * Branches on keys that are read-only since boot: whatever the import's value,
 * the bytes must be the jump that is wanted, and nothing else may change.
 */
#include <string.h>

#include "table/fixed.h"
#include "tap.h"

#define SIZE 16u
/* An import is an address to the loader, within 2 GB of the modules: -1 GB and above. */
#define LOWEST (-(3ll << 30))
#define HIGHEST (1ll << 30)

/* What the loader does for R_X86_64_32S: false where it would refuse. */
static bool relocate(uint8_t *field, int64_t value)
{
	int32_t stored = value;
	uint8_t zero[4] = { 0 };

	if (memcmp(field, zero, 4) || stored != value)
		return false;
	memcpy(field, &stored, 4);
	return true;
}

/* The instruction at @p: is it the jump over @distance bytes? */
static bool is_jump(const uint8_t *p, uint32_t len, int64_t distance)
{
	int32_t near;

	if (len == 2)
		return p[0] == 0xeb && (int8_t)p[1] == distance;
	memcpy(&near, p + 1, 4);
	return p[0] == 0xe9 && near == distance;
}

static bool works(uint32_t offset, uint32_t len, int64_t distance, const bool *free_bytes)
{
	uint8_t original[SIZE], data[SIZE];
	struct ks_fixed_branch b;

	for (uint32_t i = 0; i < SIZE; i++)
		original[i] = 0x81 + 7 * i;
	for (int on = 0; on < 2; on++) {
		int64_t import;

		memcpy(data, original, SIZE);
		if (!ks_fixed_branch_make(data, SIZE, offset, len, distance, free_bytes, &b))
			return false;
		import = on ? b.on : b.off;
		if (import < LOWEST || import >= HIGHEST ||
		    !relocate(data + b.field, import + b.addend) ||
		    !is_jump(data + offset, len, on ? distance : 0))
			return false;
		for (uint32_t i = 0; i < SIZE; i++)
			if ((i < offset || i >= offset + len) && data[i] != original[i])
				return false;
	}
	return true;
}

int main(void)
{
	bool all[SIZE], none[SIZE] = { false }, before[SIZE], after[SIZE];
	uint8_t data[SIZE] = { 0 }, copy[SIZE];
	struct ks_fixed_branch b;
	bool ok;

	for (uint32_t i = 0; i < SIZE; i++) {
		all[i] = true;
		before[i] = i < 8;
		after[i] = i >= 8;
	}
	ok = true;
	for (int d = -128; d < 128; d++)
		ok &= works(6, 2, d, all);
	tap_ok(ok, "short, all distances, with the bytes behind it");
	ok = true;
	for (int d = -128; d < 128; d++)
		ok &= works(14, 2, d, all) && works(8, 2, d, before);
	tap_ok(ok, "short, all distances, with the bytes in front of it");
	tap_ok(works(0, 2, 100, all), "short, at the start");
	tap_ok(works(8, 2, 100, after) && works(12, 2, -100, all), "short, near the end");
	tap_ok(!works(6, 2, 10, none), "short, without room");
	tap_ok(!works(6, 2, 128, all) && !works(6, 2, -129, all), "short, too far");
	tap_ok(works(5, 5, 0, none) && works(5, 5, 127, none) && works(5, 5, -5000000, none) &&
		       works(0, 5, 5000000, none) && works(11, 5, -1, none),
	       "near");
	tap_ok(!works(5, 5, 1ll << 31, none), "near, too far");
	tap_ok(!works(5, 3, 1, all), "of another length");
	memcpy(copy, data, SIZE);
	tap_ok(!ks_fixed_branch_make(data, SIZE, 6, 2, 10, none, &b) && !memcmp(data, copy, SIZE),
	       "a refusal changes nothing");
	return tap_done();
}
