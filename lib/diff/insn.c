// SPDX-License-Identifier: GPL-2.0-only
/* Decoding through Zydis; see insn.h. */
#include "diff/insn.h"

#include <Zydis/Zydis.h>
#include <stdlib.h>

static void classify(const ZydisDecodedInstruction *d, const uint8_t *bytes, struct ks_insn *insn)
{
	bool relative = d->raw.imm[0].is_relative && d->raw.imm[0].size;

	insn->kind = KS_INSN_OTHER;
	insn->cond = 0xff;
	switch (d->meta.category) {
	case ZYDIS_CATEGORY_CALL:
		if (relative)
			insn->kind = KS_INSN_CALL;
		break;
	case ZYDIS_CATEGORY_UNCOND_BR:
		insn->kind = relative ? KS_INSN_JMP : KS_INSN_END;
		break;
	case ZYDIS_CATEGORY_COND_BR:
		if (!relative)
			break;
		insn->kind = KS_INSN_JCC;
		if (d->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && (d->opcode & 0xf0) == 0x70)
			insn->cond = d->opcode & 15;
		if (d->opcode_map == ZYDIS_OPCODE_MAP_0F && (d->opcode & 0xf0) == 0x80)
			insn->cond = d->opcode & 15;
		break;
	case ZYDIS_CATEGORY_RET:
		insn->kind = KS_INSN_END;
		break;
	case ZYDIS_CATEGORY_NOP:
	case ZYDIS_CATEGORY_WIDENOP:
		insn->kind = KS_INSN_NOP;
		break;
	default:
		if (d->mnemonic == ZYDIS_MNEMONIC_UD0 || d->mnemonic == ZYDIS_MNEMONIC_UD1 ||
		    d->mnemonic == ZYDIS_MNEMONIC_UD2 || d->mnemonic == ZYDIS_MNEMONIC_INT3)
			insn->kind = KS_INSN_END;
	}
	/* An immediate of 4 or 8 bytes can hold an address; so can lea's displacement. */
	insn->takes_address = d->mnemonic == ZYDIS_MNEMONIC_LEA || d->raw.imm[0].size >= 32;
	if ((d->attributes & ZYDIS_ATTRIB_HAS_MODRM) && d->raw.modrm.mod == 0 && d->raw.modrm.rm == 5 &&
	    d->raw.disp.size == 32) {
		insn->rip_offset = d->raw.disp.offset;
		insn->rip = d->raw.disp.value;
	}
	if (relative) {
		insn->rel_offset = d->raw.imm[0].offset;
		insn->rel_size = d->raw.imm[0].size / 8;
		insn->rel = insn->rel_size == 1 ? (int8_t)bytes[insn->rel_offset] :
						  (int32_t)d->raw.imm[0].value.s;
	}
}

struct ks_error *ks_insns_decode(const uint8_t *code, size_t size, struct ks_insns *insns)
{
	ZydisDecoder decoder;
	size_t offset = 0;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	while (offset < size) {
		struct ks_insn *insn = ks_vec_push(&insns->list);
		ZydisDecodedInstruction d;

		if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, code + offset,
								size - offset, &d)))
			return ks_error_new(KS_E_REFUSED,
					    "the bytes at offset 0x%zx are no instruction", offset);
		insn->offset = offset;
		insn->length = d.length;
		classify(&d, code + offset, insn);
		offset += d.length;
	}
	return NULL;
}

void ks_insns_free(struct ks_insns *insns)
{
	ks_vec_free(&insns->list);
}

const struct ks_insn *ks_insns_at(const struct ks_insns *insns, uint32_t offset)
{
	size_t lo = 0, hi = insns->list.len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct ks_insn *insn = &insns->list.v[mid];

		if (offset < insn->offset)
			hi = mid;
		else if (offset >= insn->offset + insn->length)
			lo = mid + 1;
		else
			return insn;
	}
	return NULL;
}
