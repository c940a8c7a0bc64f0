/* SPDX-License-Identifier: GPL-2.0-only */
/* Writing a relocatable x86-64 object, piece by piece. */
#ifndef KS_ELF_WRITER_H
#define KS_ELF_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct ks_writer;
struct ks_wsection;

/* Handle of a symbol, valid for the writer's life. */
typedef uint32_t ks_wsymbol;

struct ks_writer *ks_writer_new(void);
void ks_writer_free(struct ks_writer *w);

/* The section of that name; made with these properties if it is new. */
struct ks_wsection *ks_writer_section(struct ks_writer *w, const char *name, uint32_t type,
				      uint64_t flags, uint64_t entsize);

/*
 * Appends @len bytes at the next multiple of @align and returns where they
 * are; NULL data: zeros.  Gaps in code are filled with int3.
 */
uint64_t ks_wsection_add(struct ks_wsection *sec, const void *data, uint64_t len, uint64_t align);
uint8_t *ks_wsection_data(struct ks_wsection *sec); /* valid until the next add; NULL: NOBITS */
uint64_t ks_wsection_size(const struct ks_wsection *sec);
ks_wsymbol ks_wsection_symbol(struct ks_wsection *sec); /* its section symbol */

ks_wsymbol ks_writer_symbol(struct ks_writer *w, const char *name, unsigned char bind, unsigned char type,
			    struct ks_wsection *sec, uint64_t value, uint64_t size);
/* An undefined global symbol: one per name. */
ks_wsymbol ks_writer_undefined(struct ks_writer *w, const char *name);

void ks_wsection_reloc(struct ks_wsection *sec, uint64_t offset, uint32_t type, ks_wsymbol sym, int64_t addend);

struct ks_error *ks_writer_write(struct ks_writer *w, const char *path) KS_MUST_CHECK;

#endif
