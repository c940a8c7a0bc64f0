/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions of one function, decoded through Zydis at build time, so that
 * the kernel never has to.
 */
#ifndef KS_DIFF_INSN_H
#define KS_DIFF_INSN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum ks_insn_kind {
	KS_INSN_OTHER,
	KS_INSN_CALL, /* direct, relative */
	KS_INSN_JMP,  /* direct, relative */
	KS_INSN_JCC,  /* direct, relative, including jrcxz and loop */
	KS_INSN_NOP,
	KS_INSN_END,  /* control does not go on behind it: ret, indirect jmp, int3, ud1, ud2 */
};

struct ks_insn {
	uint32_t offset; /* from the start of the function */
	uint8_t length;
	uint8_t kind;
	uint8_t cond;       /* KS_INSN_JCC of the forms 7x and 0f 8x: x; else 0xff */
	bool takes_address; /* lea, or an address as an immediate: not a plain load or store */
	uint8_t rel_offset; /* of the relative field within a direct branch */
	uint8_t rel_size;   /* 1 or 4 bytes */
	int32_t rel;        /* its value */
	uint8_t rip_offset; /* of the displacement of an operand at RIP; 0: it has none */
	int32_t rip;        /* its value */
};

struct ks_insns {
	KS_VEC(struct ks_insn) list;
};

/* Decodes all of @code; an error says at which offset it makes no sense. */
struct ks_error *ks_insns_decode(const uint8_t *code, size_t size, struct ks_insns *insns) KS_MUST_CHECK;
void ks_insns_free(struct ks_insns *insns);

/* The instruction that holds byte @offset, or NULL. */
const struct ks_insn *ks_insns_at(const struct ks_insns *insns, uint32_t offset);

#endif
