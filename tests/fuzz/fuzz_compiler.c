// SPDX-License-Identifier: GPL-2.0-only
/* The versions that compilers and binutils tell. */
#include "fuzz.h"

#include "build/compiler.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);

	fuzz_check(binutils_number(text) >= 0);
	free(number_text(text));
	fuzz_check(strlen(after_name(text)) <= strlen(text));
	free(text);
	return 0;
}
