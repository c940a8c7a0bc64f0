// SPDX-License-Identifier: GPL-2.0-only
/*
 * Comparing two texts line by line, for the line directives (lines.c).
 *
 * The algorithm is the greedy one of E. Myers, "An O(ND) Difference Algorithm
 * and Its Variations" (1986): for d = 0, 1, 2... edits, how far down each
 * diagonal of the edit graph one gets; the furthest points of each round are
 * kept to walk back from the end.
 */
#include "build/hunks.h"

#include <stdlib.h>
#include <string.h>

/* Edits; 1000 rounds keep 4 MB and take some ms.  A patch to one file has seldom 100. */
#define MAX_EDITS 1000

void ks_lines_split(const struct ks_buf *text, struct ks_lines *lines)
{
	const char *p = ks_buf_text(text), *end = p + text->len;

	while (p < end) {
		const char *nl = memchr(p, '\n', end - p);
		struct ks_line *l = ks_vec_push(&lines->list);

		l->text = p;
		l->len = nl ? (size_t)(nl + 1 - p) : (size_t)(end - p);
		p += l->len;
	}
}

void ks_lines_free(struct ks_lines *lines)
{
	ks_vec_free(&lines->list);
}

struct problem {
	const struct ks_line *a, *b;
	long n, m;
	int **rounds; /* rounds[d][d + k]: the furthest x on diagonal k after d edits, k = -d..d */
	long edits;   /* of the solution, -1: none found */
};

static bool same(const struct problem *p, long x, long y)
{
	return p->a[x].len == p->b[y].len && !memcmp(p->a[x].text, p->b[y].text, p->a[x].len);
}

/* From the round before: whether diagonal @k is entered from the one above it (a line of b added).
 */
static bool goes_down(const int *before, long d, long k)
{
	return k == -d || (k != d && before[d - 1 + k - 1] < before[d - 1 + k + 1]);
}

static long start_x(const int *before, long d, long k)
{
	if (!d)
		return 0;
	return goes_down(before, d, k) ? before[d - 1 + k + 1] : before[d - 1 + k - 1] + 1;
}

static void search(struct problem *p)
{
	p->edits = -1;
	for (long d = 0; d <= MAX_EDITS && p->edits < 0; d++) {
		int *now = ks_alloc((2 * d + 1) * sizeof(*now));

		p->rounds[d] = now;
		for (long k = -d; k <= d; k += 2) {
			long x = start_x(d ? p->rounds[d - 1] : NULL, d, k), y = x - k;

			while (x < p->n && y < p->m && same(p, x, y)) {
				x++;
				y++;
			}
			now[d + k] = x;
			if (x >= p->n && y >= p->m) {
				p->edits = d;
				break;
			}
		}
	}
}

/* Walks back from the end; @map is that of the problem's part of b. */
static void trace(const struct problem *p, size_t *map, size_t first)
{
	long x = p->n, y = p->m;

	for (long d = p->edits; d >= 0; d--) {
		const int *before = d ? p->rounds[d - 1] : NULL;
		long k = x - y, begin = start_x(before, d, k);

		while (x > begin) {
			x--;
			y--;
			map[y] = first + x;
		}
		if (!d)
			break;
		if (goes_down(before, d, k))
			y--;
		else
			x--;
	}
}

size_t *ks_hunks_align(const struct ks_lines *old, const struct ks_lines *new)
{
	size_t n = old->list.len, m = new->list.len, head = 0, tail = 0;
	struct problem p = { .a = old->list.v, .b = new->list.v };
	size_t *map = ks_alloc((m + 1) * sizeof(*map));

	while (head < n && head < m && same(&p, head, head))
		head++;
	while (tail < n - head && tail < m - head && same(&p, n - 1 - tail, m - 1 - tail))
		tail++;
	for (size_t i = 0; i < m; i++)
		map[i] = i < head ? i : i >= m - tail ? n - (m - i) : KS_NO_LINE;
	p.n = n - head - tail;
	p.m = m - head - tail;
	if (p.n && p.m) {
		p.a += head;
		p.b += head;
		p.rounds = ks_alloc((MAX_EDITS + 1) * sizeof(*p.rounds));
		search(&p);
		if (p.edits >= 0)
			trace(&p, map + head, head);
		for (size_t i = 0; i <= MAX_EDITS; i++)
			free(p.rounds[i]);
		free(p.rounds);
	}
	return map;
}
