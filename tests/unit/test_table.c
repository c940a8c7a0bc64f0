// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core's check of a match table: what must be refused is refused, and
 * whatever is accepted after damage can be matched without touching memory
 * that is not the table's (which the sanitizers of a SANITIZE=1 build see).
 */
#include "match_world.h"
#include "tap.h"

#define F (WORLD_TEXT + 0x1000)
#define G (WORLD_TEXT + 0x2000)

#define BYTES(...) ((const u8[]){ __VA_ARGS__ }), sizeof((const u8[]){ __VA_ARGS__ })

static struct world w;

/* A table with something in every array; its world fits it. */
static void build(void)
{
	u32 f, g, str, repl;
	s32 rel = (s32)(G + 0x100 - (F + 12));

	world_begin(&w);
	f = world_symbol_new(&w, "f", 0);
	g = world_symbol_new(&w, "g", KST_SYM_GLOBAL | KST_SYM_NEEDED);
	str = world_symbol_new(&w, "", KST_SYM_UNNAMED);
	repl = world_symbol_new(&w, "", KST_SYM_UNNAMED);
	world_kallsym(&w, "f", F);
	world_kallsym(&w, "g", G);
	world_block(&w, f, KST_TEXT, KST_BLOCK_ELASTIC,
		    BYTES(0xe8, 0, 0, 0, 0, 0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x90, 0x90, 0x90, 0xe8, 0,
			  0, 0, 0, 0x75, 0x00, 0xe9, 0, 0, 0, 0));
	world_site(&w, KST_S_FENTRY, 0, 5, 0, KST_NONE, 0, 0);
	world_site(&w, KST_S_REL, 8, 4, KST_R_PC32, str, 4, 0);
	world_site(&w, KST_S_ALT, 12, 3, 1, KST_NONE, 0, 0);
	world_site(&w, KST_S_JUMP, 15, 5, KST_J_CALL, g, 0, 0);
	world_site(&w, KST_S_BRANCH, 20, 2, KST_J_JCC, KST_NONE, 22, 0);
	world_site(&w, KST_S_RETURN, 22, 5, 0, KST_NONE, 0, 0);
	world_block(&w, repl, KST_REPL, 0, BYTES(0x0f, 0x01, 0xcb));
	world_block(&w, str, KST_STRING, 0, "text", 5);
	w.alts[w.nr_alts++] = (struct kst_alt){ .block = 1, .feature = 9 };
	w.exports[w.nr_exports++].symbol = g;
	w.patches[w.nr_patches++] = (struct kst_patch){ .block = 0, .slot = 5 };
	world_write(&w, F, w.code, 27);
	world_write(&w, F, BYTES(0x0f, 0x1f, 0x44, 0x00, 0x00));
	world_write(&w, F + 8, &rel, 4);
	world_write(&w, G + 0x100, "text", 5);
	world_branch(&w, F + 15, 0xe8, G);
	world_write(&w, F + 22, BYTES(0xc3, 0xcc, 0xcc, 0xcc, 0xcc));
}

/* The table as it was built, changed by what the test wrote into w, must be refused for this
 * reason. */
static void refused(const char *why, const char *name)
{
	int result = world_solve(&w);

	tap_ok(result < 0 && strstr(w.why, why), "%s", name);
	if (result >= 0 || !strstr(w.why, why))
		printf("# result %d: %s\n", result, w.why ? w.why : "accepted");
	world_end(&w);
}

#define REFUSED(change, why, name)     \
	do {                           \
		build();               \
		change;                \
		refused(why, name);    \
	} while (0)

static void test_arrays(void)
{
	REFUSED(w.symbols[0].name = 4096, "symbol's name", "a symbol's name outside the strings");
	REFUSED(w.strings[w.symbols[1].name] = '\n', "symbol's name",
		"a symbol's name that is not text");
	REFUSED(w.symbols[1].target = 1, "symbol's target", "a symbol's target that is not there");
	REFUSED(w.symbols[1].block = 3, "symbol's block", "a symbol's block that is not there");
	REFUSED(w.symbols[1].block = 0, "another symbol's", "a symbol's block that is another's");
	REFUSED(w.symbols[1].flags = 1u << 31, "unknown flags", "unknown flags of a symbol");
	REFUSED(w.blocks[1].symbol = 4, "block's symbol", "a block's symbol that is not there");
	REFUSED(w.blocks[0].kind = 4, "kind is unknown", "a block of unknown kind");
	REFUSED(w.blocks[0].flags = 1u << 31, "unknown flags", "unknown flags of a block");
	REFUSED(w.blocks[0].code = 1u << 31, "bytes are out of range",
		"a block's bytes outside the code");
	REFUSED(w.blocks[2].size++, "bytes are out of range", "a block that is one byte too long");
	REFUSED(w.blocks[0].size = 0, "bytes are out of range", "a block without bytes");
	REFUSED(w.blocks[0].size = KST_MAX_FUNCTION + 1, "bytes are out of range",
		"a block that is too long");
	REFUSED(w.blocks[0].site = 7, "sites are out of range",
		"a block's sites that are not there");
	REFUSED(w.blocks[0].nr_sites = KST_NONE, "sites are out of range",
		"more sites than there are");
	REFUSED(w.blocks[0].unit = 4096, "unit is out of range",
		"a block's unit outside the strings");
	REFUSED(w.code[w.nr_code - 1] = 'x', "a string is not one", "a string without an end");
	REFUSED(w.alts[0].block = 0, "alternative's block", "an alternative that is a function");
	REFUSED(w.alts[0].block = 3, "alternative's block", "an alternative that is not there");
	REFUSED(w.exports[0].symbol = 4, "export's symbol", "an export that is not there");
	REFUSED(w.patches[0].block = 3, "patch's block", "a patch of a block that is not there");
	REFUSED(w.patches[0].block = 2, "patch's block", "a patch of a string");
	REFUSED(w.patches[0].slot = 0, "not at the entry", "a slot on the function tracer's place");
	REFUSED(w.patches[0].slot = 6, "not at the entry", "a slot inside the function");
	REFUSED(w.patches[0].slot = KST_NONE, "not at the entry", "a slot outside the function");
	REFUSED(w.patches[0].kind = 2, "not at the entry", "a patch of a kind that is not known");
	REFUSED((w.patches[0].kind = KST_P_TRACED, w.blocks[0].nr_sites = 0), "not at the entry",
		"a traced patch of a function that is not traced");
	REFUSED(w.exports[0].kind = 4, "export's kind", "an export of a kind that is not known");
	REFUSED(w.exports[0].on = 1, "export's kind", "an address with the values of a branch");
	REFUSED((w.nr_data = 1, w.data[0].symbol = 1, w.data[0].block = 3), "changed data", "data that is not there");
	REFUSED((w.nr_data = 1, w.data[0].symbol = 1, w.data[0].block = 0), "changed data", "data that is a function");
	REFUSED((w.nr_data = 1, w.data[0].symbol = 1, w.data[0].block = 2), "changed data", "data that is a string");
}

static void test_sites(void)
{
	REFUSED(w.sites[1].kind = 0, "unknown", "a site of kind 0");
	REFUSED(w.sites[1].kind = 14, "unknown", "a site of unknown kind");
	REFUSED(w.sites[1].form = 9, "unknown", "a site of unknown form");
	REFUSED(w.sites[1].len = 8, "unknown", "a field of the wrong length");
	REFUSED(w.sites[1].arg = 17, "unknown", "a field that counts from too far away");
	REFUSED(w.sites[1].sym = 4, "symbol is out of range", "a site's symbol that is not there");
	REFUSED(w.sites[1].sym = KST_NONE, "symbol is out of range", "a field without a symbol");
	REFUSED(w.sites[1].offset = 4, "overlap", "sites that overlap");
	REFUSED(w.sites[1].offset = 100, "outside its block", "a site behind its block");
	REFUSED(w.sites[1].offset = KST_NONE, "outside its block", "a site far behind its block");
	REFUSED(w.sites[5].offset = 23, "outside its block",
		"a site that crosses the end of its block");
	REFUSED(w.sites[4].arg = 28, "leads out", "a branch behind the block");
	REFUSED(w.sites[2].form = 0, "unknown", "an alternative without replacements");
	REFUSED(w.sites[2].form = 2, "alternatives are out of range",
		"more replacements than there are");
	REFUSED(w.sites[2].arg = 2, "alternatives are out of range",
		"replacements that are not there");
	REFUSED(w.sites[2].len = 2, "longer than its place", "a replacement that is too long");
	REFUSED(w.sites[2].len = 4, "crosses the end",
		"a site that crosses the end of an alternative");
	REFUSED((w.sites[3] = w.sites[2], w.sites[3].offset = 14), "alternatives overlap",
		"alternatives that overlap");
	REFUSED((w.sites[1].kind = KST_S_JUMP_LABEL, w.sites[1].offset = 5, w.sites[1].len = 5,
		 w.sites[1].sym = KST_NONE, w.sites[1].arg = 28),
		"leads out", "a jump label that leads behind the block");
	REFUSED((w.sites[3].kind = KST_S_STATIC_CALL, w.sites[3].arg = 4), "trampoline",
		"a static call's trampoline that is not there");
	REFUSED((w.blocks[1].site = 2, w.blocks[1].nr_sites = 1), "outside its block",
		"a replacement with a site outside it");
	REFUSED((w.sites[6] = w.sites[2], w.sites[6].offset = 0, w.nr_sites = 7,
		 w.blocks[1].site = 6, w.blocks[1].nr_sites = 1),
		"inside a replacement", "an alternative inside a replacement");
	REFUSED((w.blocks[2].kind = KST_RODATA, w.blocks[2].site = 0, w.blocks[2].nr_sites = 1),
		"site of code", "a site of code in data");
}

static void set_u32(u32 offset, u32 value)
{
	memcpy((char *)w.blob + offset, &value, 4);
}

static void header_refused(u32 offset, u32 value, const char *name)
{
	struct kst_view v;

	build();
	world_blob(&w);
	set_u32(offset, value);
	tap_ok(kst_open(w.blob, w.blob_size, &v, &w.why) < 0, "%s", name);
	world_end(&w);
}

static void test_header(void)
{
	static const char *const arrays[] = { "strings", "targets", "symbols", "blocks", "sites",
					      "alts", "code", "exports", "patches",
					      "data" };
	static const u32 sizes[] = {1,
				    sizeof(struct kst_target),
				    sizeof(struct kst_symbol),
				    sizeof(struct kst_block),
				    sizeof(struct kst_site),
				    sizeof(struct kst_alt),
				    1,
				    sizeof(struct kst_export),
				    sizeof(struct kst_patch),
				    sizeof(struct kst_data)};
	struct kst_view v;
	bool refused_all = true;
	char name[100];

	header_refused(0, 0, "a wrong magic number");
	header_refused(4, KST_VERSION + 1, "another version");
	header_refused(8, 0, "a size of 0");
	header_refused(8, KST_NONE, "a size beyond the table");
	header_refused(12, sizeof(struct kst_header) + 8, "another header's size");
	for (u32 i = 0; i < 10; i++) {
		u32 at = 16 + 8 * i;

		snprintf(name, sizeof(name), "%s that start in the header", arrays[i]);
		header_refused(at, 8, name);
		snprintf(name, sizeof(name), "%s that start behind the table", arrays[i]);
		header_refused(at, 1u << 30, name);
		snprintf(name, sizeof(name), "%s that are not aligned", arrays[i]);
		header_refused(at, sizeof(struct kst_header) + 4, name);
		snprintf(name, sizeof(name), "%s that end behind the table", arrays[i]);
		header_refused(at + 4, KST_NONE, name);
		if (sizes[i] == 1)
			continue;
		snprintf(name, sizeof(name), "so many %s that their size overflows", arrays[i]);
		header_refused(at + 4, (1ull << 32) / sizes[i] + 1, name);
	}
	header_refused(16 + 4, 0, "no strings");
	header_refused(24 + 4, 0, "no target");

	build();
	world_blob(&w);
	for (u32 size = 0; size < w.blob_size; size++) {
		void *cut = malloc(size);

		memcpy(cut, w.blob, size);
		refused_all &= kst_open(cut, size, &v, &w.why) < 0;
		free(cut);
	}
	tap_ok(refused_all, "a table that is cut short anywhere");
	world_end(&w);

	build();
	world_blob(&w);
	{
		char *moved = malloc(w.blob_size + 8);

		memcpy(moved + 4, w.blob, w.blob_size);
		tap_ok(kst_open(moved + 4, w.blob_size, &v, &w.why) < 0,
		       "a table that is not aligned");
		free(moved);
	}
	world_end(&w);
}

/* Every 32-bit word of the table, one after the other, is replaced by every one of these values. */
static void test_damage(void)
{
	static const u32 values[] = {0,	   1,	       2,	   5,	       8,	0x7f,
				     0xff, 0x7fffffff, 0x80000000, 0xfffffffe, KST_NONE};
	u32 opened = 0, rejected = 0;

	build();
	world_blob(&w);
	for (u32 at = 0; at + 4 <= w.blob_size; at += 4) {
		u32 original;

		memcpy(&original, (char *)w.blob + at, 4);
		for (u32 i = 0; i < sizeof(values) / sizeof(*values) + 34; i++) {
			u32 n = i - sizeof(values) / sizeof(*values);
			struct kst_view v;

			/* Then the original, one more, one less, and with each of its bits changed.
			 */
			if (i < sizeof(values) / sizeof(*values))
				set_u32(at, values[i]);
			else
				set_u32(at, n == 32   ? original + 1
					    : n == 33 ? original - 1
						      : original ^ (1u << n));
			if (kst_open(w.blob, w.blob_size, &v, &w.why)) {
				rejected++;
			} else {
				world_solve_view(&w, &v);
				opened++;
			}
		}
		set_u32(at, original);
	}
	tap_ok(true, "every word of a table damaged in 45 ways");
	printf("# %u tables were refused, %u were accepted and matched or not\n", rejected, opened);
	world_end(&w);
}

/* Several words at once, at random but always the same. */
static void test_random_damage(void)
{
	u64 seed = 88172645463325252ull;
	u32 opened = 0;

	build();
	world_blob(&w);
	for (u32 round = 0; round < 20000; round++) {
		void *copy = malloc(w.blob_size), *blob = w.blob;
		struct kst_view v;

		memcpy(copy, blob, w.blob_size);
		for (u32 i = 0; i < 1 + round % 4; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			((u8 *)copy)[(u32)seed % w.blob_size] = seed >> 32;
		}
		w.blob = copy;
		if (!kst_open(copy, w.blob_size, &v, &w.why)) {
			world_solve_view(&w, &v);
			opened++;
		}
		w.blob = blob;
		free(copy);
	}
	tap_ok(true, "20000 tables with random damage");
	printf("# %u of them were accepted\n", opened);
	world_end(&w);
}

int main(void)
{
	build();
	tap_ok(world_solve(&w) == KS_SOLVED, "the table as it should be");
	world_end(&w);
	test_arrays();
	test_sites();
	test_header();
	test_damage();
	test_random_damage();
	return tap_done();
}
