// SPDX-License-Identifier: GPL-2.0-only
/* Growing arrays; see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
/* With the address sanitizer, what is allocated but not used yet is as good as not there. */
static void guard(void *p, size_t used, size_t size)
{
	__asan_unpoison_memory_region(p, used);
	__asan_poison_memory_region((char *)p + used, size - used);
}
#else
static void guard(void *p, size_t used, size_t size)
{
	(void)p;
	(void)used;
	(void)size;
}
#endif

static void *checked(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return p;
}

void *ks_alloc(size_t size)
{
	return checked(calloc(1, size ? size : 1));
}

void *ks_realloc(void *p, size_t size)
{
	return checked(realloc(p, size ? size : 1));
}

char *ks_strdup(const char *s)
{
	return checked(strdup(s));
}

char *ks_strndup(const char *s, size_t n)
{
	return checked(strndup(s, n));
}

static char *format(const char *fmt, va_list ap)
{
	char *s;

	return checked(vasprintf(&s, fmt, ap) < 0 ? NULL : s);
}

char *ks_asprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = format(fmt, ap);
	va_end(ap);
	return s;
}

void ks_buf_add(struct ks_buf *b, const void *data, size_t len)
{
	if (b->len + len + 1 > b->cap) {
		b->cap = (b->len + len + 1) * 2;
		b->data = ks_realloc(b->data, b->cap);
	}
	guard(b->data, b->len + len + 1, b->cap);
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = 0;
}

void ks_buf_adds(struct ks_buf *b, const char *s)
{
	ks_buf_add(b, s, strlen(s));
}

void ks_buf_addf(struct ks_buf *b, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = format(fmt, ap);
	va_end(ap);
	ks_buf_adds(b, s);
	free(s);
}

void ks_buf_add_zeros(struct ks_buf *b, size_t len)
{
	static const char zeros[256];

	for (; len > sizeof(zeros); len -= sizeof(zeros))
		ks_buf_add(b, zeros, sizeof(zeros));
	ks_buf_add(b, zeros, len);
}

void ks_buf_align(struct ks_buf *b, size_t align)
{
	while (b->len & (align - 1))
		ks_buf_add(b, "", 1);
}

char *ks_buf_steal(struct ks_buf *b)
{
	char *s;

	ks_buf_add(b, "", 0);
	s = b->data;
	*b = (struct ks_buf){ 0 };
	return s;
}

void ks_buf_free(struct ks_buf *b)
{
	free(b->data);
	*b = (struct ks_buf){ 0 };
}

void *ks_vec_grow(void *v, size_t len, size_t *cap, size_t elem)
{
	if (len >= *cap) {
		*cap = *cap ? *cap * 2 : 8;
		v = ks_realloc(v, *cap * elem);
	}
	guard(v, (len + 1) * elem, *cap * elem);
	memset((char *)v + len * elem, 0, elem);
	return v;
}

static void strv_take(struct ks_strv *s, char *str)
{
	if (s->len + 2 > s->cap) {
		s->cap = s->cap ? s->cap * 2 : 8;
		s->v = ks_realloc(s->v, s->cap * sizeof(*s->v));
	}
	guard(s->v, (s->len + 2) * sizeof(*s->v), s->cap * sizeof(*s->v));
	s->v[s->len++] = str;
	s->v[s->len] = NULL;
}

void ks_strv_add(struct ks_strv *s, const char *str)
{
	strv_take(s, ks_strdup(str));
}

void ks_strv_addf(struct ks_strv *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_take(s, format(fmt, ap));
	va_end(ap);
}

bool ks_strv_has(const struct ks_strv *s, const char *str)
{
	for (size_t i = 0; i < s->len; i++)
		if (!strcmp(s->v[i], str))
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void ks_strv_sort(struct ks_strv *s)
{
	if (s->len)
		qsort(s->v, s->len, sizeof(*s->v), compare);
}

void ks_strv_free(struct ks_strv *s)
{
	for (size_t i = 0; i < s->len; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct ks_strv){ 0 };
}

bool ks_str_starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool ks_str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}
