/* SPDX-License-Identifier: GPL-2.0-only */
/* What ksplice-patch.h needs of the kernel's headers, for tests/golden. */
#define NULL ((void *)0)
#define ENOMEM 12
void *klp_shadow_get(void *object, unsigned long id);
void *klp_shadow_get_or_alloc(void *object, unsigned long id, unsigned long size, unsigned int gfp,
			      int (*start)(void *, void *, void *), void *data);
void klp_shadow_free(void *object, unsigned long id, void (*end)(void *, void *));
