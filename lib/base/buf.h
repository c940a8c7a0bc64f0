/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Growing arrays of bytes and of anything.
 *
 * Running out of memory in a user-space tool cannot be survived in a useful
 * way and every caller would only pass it on: the allocators here end the
 * process with a message (exit code 1) instead of returning NULL.  Sizes that
 * come from untrusted files are bounded by the caller before they get here.
 */
#ifndef KS_BASE_BUF_H
#define KS_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *ks_alloc(size_t size); /* zeroed */
void *ks_realloc(void *p, size_t size);
char *ks_strdup(const char *s);
char *ks_strndup(const char *s, size_t n);
char *ks_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Bytes, always followed by a NUL that is not counted, so that data can be
 * used as a string.  Zero-initialise; ks_buf_free() leaves it reusable.
 */
struct ks_buf {
	char *data;
	size_t len;
	size_t cap;
};

/* The content as a string, also where there is none. */
static inline const char *ks_buf_text(const struct ks_buf *b)
{
	return b->data ? b->data : "";
}

void ks_buf_add(struct ks_buf *b, const void *data, size_t len);
void ks_buf_adds(struct ks_buf *b, const char *s);
void ks_buf_addf(struct ks_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ks_buf_add_zeros(struct ks_buf *b, size_t len);
/* Zero bytes until the length is a multiple of @align (a power of two). */
void ks_buf_align(struct ks_buf *b, size_t align);
/* Hands the memory to the caller (never NULL) and empties the buffer. */
char *ks_buf_steal(struct ks_buf *b);
void ks_buf_free(struct ks_buf *b);

/*
 * KS_VEC(struct foo) is an anonymous struct {v, len, cap}; use with the
 * macros below.  ks_vec_push() returns a pointer to the new zeroed element,
 * valid until the next push.
 */
#define KS_VEC(type)                                                           \
	struct {                                                               \
		type *v;                                                       \
		size_t len, cap;                                               \
	}

void *ks_vec_grow(void *v, size_t len, size_t *cap, size_t elem);

#define ks_vec_push(vec)                                                       \
	((vec)->v = ks_vec_grow((vec)->v, (vec)->len, &(vec)->cap,             \
				sizeof(*(vec)->v)),                            \
	 &(vec)->v[(vec)->len++])
#define ks_vec_free(vec)                                                       \
	do {                                                                   \
		free((vec)->v);                                                \
		(vec)->v = NULL;                                               \
		(vec)->len = (vec)->cap = 0;                                   \
	} while (0)
#define ks_vec_for(vec, it)                                                    \
	for (__typeof__(&*(vec)->v) it = (vec)->v;                               \
	     it && it < (vec)->v + (vec)->len; it++)

/* A NULL-terminated, owned list of strings (argument vectors, file lists). */
struct ks_strv {
	char **v;
	size_t len, cap;
};

void ks_strv_add(struct ks_strv *s, const char *str);
void ks_strv_addf(struct ks_strv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool ks_strv_has(const struct ks_strv *s, const char *str);
void ks_strv_sort(struct ks_strv *s);
void ks_strv_free(struct ks_strv *s);

bool ks_str_starts(const char *s, const char *prefix);
bool ks_str_ends(const char *s, const char *suffix);

#endif
