/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers share.  A harness gives one parser one input; anything that
 * the sanitizers see, a failed fuzz_check(), a leak, or an input that takes too
 * long or too much memory is a finding.
 *
 * A harness includes the parser's .c file where the part that reads is static
 * there.  Its object then has all that the library's would, so the latter stays
 * out of the program.
 */
#ifndef KS_FUZZ_FUZZ_H
#define KS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* What must hold of the results: with an input that breaks it, the fuzzer stops. */
#define fuzz_check(good) ((good) ? (void)0 : fuzz_fail(#good, __FILE__, __LINE__))
void fuzz_fail(const char *what, const char *file, int line) __attribute__((noreturn));

/* The error's text is whole; frees it.  True: there was none. */
bool fuzz_fine(struct ks_error *err);

/* A path that these bytes are read from, until the next call for that slot (0 to 3). */
const char *fuzz_file(int slot, const void *data, size_t size);

/* An empty directory, the same for every call; it is TMPDIR from the first call on. */
const char *fuzz_dir(void);
/* Everything in it, sorted. */
void fuzz_dir_list(struct ks_strv *names);

/* An input of two texts, divided by a byte 0x1e. */
struct fuzz_pair {
	const uint8_t *a, *b;
	size_t a_len, b_len;
};
struct fuzz_pair fuzz_texts(const uint8_t *data, size_t size);

/* A copy of exactly that size, on the heap, with a NUL behind it; and as a buffer. */
char *fuzz_string(const uint8_t *data, size_t size);
struct ks_buf fuzz_buf(const uint8_t *data, size_t size);

/* Mutators that know the format (mutate.c): @data and @size as libFuzzer's. */
void fuzz_mutate_object(uint8_t *data, size_t size, unsigned int *seed);
void fuzz_mutate_table(uint8_t *data, size_t size, unsigned int *seed);
/* Below @n. */
uint32_t fuzz_random(unsigned int *seed, uint32_t n);

#endif
