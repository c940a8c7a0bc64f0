// SPDX-License-Identifier: GPL-2.0-only
/*
 * The store of preprocessed texts as a file.  Its checksum, which tells every
 * accident, is made right here: whatever the file holds, it is read, looked at,
 * added to and written again.
 */
#include "fuzz.h"

#include "build/texts.c"

#include "build/screen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ks_texts *t = ks_texts_new();
	struct ks_buf file = { 0 }, source = { 0 };
	const struct ks_text *kept;
	struct ks_screening s = { 0 };
	struct ks_text text = { 0 };
	uint64_t stamp;
	uint32_t sum;

	ks_buf_adds(&file, HEAD "key\n");
	ks_buf_add(&file, data, size);
	sum = hash(file.data, file.len);
	ks_buf_add(&file, &sum, sizeof(sum));
	fuzz_check(fuzz_fine(ks_texts_read(t, fuzz_file(0, file.data, file.len), "key")));
	for (uint32_t i = 0; i < ks_texts_words(t); i++)
		fuzz_check(strlen(ks_texts_word(t, i)) < t->letters.len);
	for (uint32_t i = 0; i < ks_texts_decls(t); i++) {
		struct ks_texts_decl d = ks_texts_decl(t, i);

		for (size_t n = 0; n < d.n_references; n++)
			fuzz_check(ks_texts_word(t, d.references[n]));
	}
	ks_buf_adds(&source, "struct x { int a; }; extern int f(struct x *p);");
	ks_texts_add(t, &source, &text);
	kept = ks_texts_find(t, "fs/open.o", &stamp);
	if (kept)
		ks_screen(t, kept, &text, &s);
	ks_screening_free(&s);
	ks_text_free(&text);
	ks_texts_free(t);
	ks_buf_free(&file);
	ks_buf_free(&source);
	return 0;
}
