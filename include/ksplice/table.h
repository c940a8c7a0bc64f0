/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The match table: what the kernel must find in memory before an update may
 * be applied.  Written by ksplice-create (lib/table), read by the core
 * (kernel/table.c).  docs/format.md tells the same in prose.
 *
 * A table is one blob, little-endian, at most KST_MAX_SIZE bytes, 8-byte
 * aligned.  It starts with struct kst_header, whose struct kst_array members
 * say where each array is and how many elements it has; offsets count bytes
 * from the start of the blob and are multiples of 8.  Arrays do not overlap
 * the header.  Strings are offsets into the string pool, NUL-terminated
 * there; the pool's last byte is NUL, and offset 0 is the empty string.  An
 * index of KST_NONE means "none".
 *
 * Everything here is untrusted to the core: kernel/table.c checks the whole
 * blob once, before anything else looks at it.
 */
#ifndef KSPLICE_TABLE_H
#define KSPLICE_TABLE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#ifndef KST_HAVE_KERNEL_TYPES
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
#endif
#endif

#define KST_MAGIC 0x5453534bu /* "KSST" */
#define KST_VERSION 3u
#define KST_MAX_SIZE (64u << 20)
#define KST_NONE 0xffffffffu
#define KST_MAX_FUNCTION (1u << 20) /* bytes of one block */

struct kst_array {
	u32 offset; /* bytes from the start of the blob, multiple of 8 */
	u32 count;  /* elements */
};

struct kst_header {
	u32 magic;
	u32 version;
	u32 size;        /* of the whole blob, bytes */
	u32 header_size; /* sizeof(struct kst_header) */
	struct kst_array strings; /* char */
	struct kst_array targets; /* struct kst_target */
	struct kst_array symbols; /* struct kst_symbol */
	struct kst_array blocks;  /* struct kst_block */
	struct kst_array sites;   /* struct kst_site */
	struct kst_array alts;    /* struct kst_alt */
	struct kst_array code;    /* u8: the pre bytes of all blocks */
	struct kst_array exports; /* struct kst_export */
	struct kst_array patches; /* struct kst_patch */
	struct kst_array data;    /* struct kst_data */
};

/* Where code lives: target 0 is always "vmlinux"; others are module names. */
struct kst_target {
	u32 name;
	u32 reserved; /* 0 */
};

/* Something whose run-time address the match has to find. */
struct kst_symbol {
	u32 name;   /* kallsyms name; "" for anonymous content (strings, constants) */
	u32 target; /* index of the target that defines it */
	u32 flags;  /* KST_SYM_* */
	u32 block;  /* the block whose first byte this symbol is, or KST_NONE */
	/*
	 * Offset from the kernel's _text in the System.map, for a symbol of
	 * vmlinux that is global; -1 where not known.  It only ever chooses among
	 * several candidates that kallsyms gives for the name; it never makes one.
	 */
	s64 map_offset;
};

/* A global symbol: kallsyms of vmlinux or an export of any module may give it. */
#define KST_SYM_GLOBAL (1u << 0)
/* Must have exactly one value when the match ends (the new code needs it). */
#define KST_SYM_NEEDED (1u << 1)
/*
 * The address found need not carry this name in kallsyms (absolute symbols,
 * linker script symbols, aliases).
 */
#define KST_SYM_UNNAMED (1u << 2)
/* A per-CPU offset or other absolute value: never dereferenced. */
#define KST_SYM_ABSOLUTE (1u << 3)

/* A run of pre bytes that must be found in memory: a function or data. */
struct kst_block {
	u32 symbol; /* its own symbol: never KST_NONE */
	u32 kind;   /* enum kst_block_kind */
	u32 flags;  /* KST_BLOCK_* */
	u32 code;   /* first byte, index into the code array */
	u32 size;   /* bytes; 1..KST_MAX_FUNCTION */
	u32 site;   /* first site, index into the sites array */
	u32 nr_sites;
	u32 unit;   /* string: the source file, for messages */
};

enum kst_block_kind {
	KST_TEXT = 0,   /* a function, or the .cold part of one */
	KST_RODATA = 1, /* compared by all bytes; found through references only */
	KST_STRING = 2, /* NUL-terminated, compared including the NUL */
	KST_REPL = 3,   /* an alternative's replacement: never has an address */
};

/*
 * A weak function: if no candidate matches, another object of the kernel
 * overrides it, and it is left out (unless it is patched, or needed).
 */
#define KST_BLOCK_WEAK (1u << 0)
/*
 * Jumps in it may be shorter in memory than in the pre bytes (or longer), so
 * every internal branch has a KST_S_BRANCH site.  Without this flag, run and
 * pre have equal length and all code between sites is equal byte by byte.
 */
#define KST_BLOCK_ELASTIC (1u << 1)
/* The .cold part of a patched function: old code for the stack check. */
#define KST_BLOCK_PATCHED_PART (1u << 2)

/*
 * Where run may differ from pre, or tells an address.  The sites of a block
 * are sorted by offset.  They do not overlap, with one exception: the sites
 * inside the range of a KST_S_ALT follow it and describe its original form.
 * Offsets and lengths count bytes of pre, from the start of the block;
 * offset + len <= the block's size.
 */
struct kst_site {
	u32 offset;
	u16 len;
	u8 kind;  /* enum kst_site_kind */
	u8 form;  /* see the kind */
	u32 sym;  /* symbol index or KST_NONE */
	u32 arg;  /* see the kind */
	s64 addend;
};

enum kst_site_kind {
	/*
	 * A relocated field of len bytes (4 or 8) of form enum kst_rel_form.
	 * The place it refers to is sym + addend; for the PC forms, arg is the
	 * distance from the field to where the CPU counts from (4 plus the bytes
	 * that follow the field in its instruction; 0 for data), so that
	 * place = run address of the field + arg + (signed) field.
	 */
	KST_S_REL = 1,
	/*
	 * A direct jump out of the block to sym + addend; form enum
	 * kst_jump_form.  Near or short in pre (len 5, 6 or 2); either in run.
	 * A call has form KST_J_CALL (always near, len 5).
	 */
	KST_S_JUMP = 2,
	/*
	 * The same to pre offset arg of this block.  Other than in elastic blocks
	 * only for calls, and for jumps with a relocation.
	 */
	KST_S_BRANCH = 3,
	/* call __fentry__, len 5: a 5-byte nop, or a call that ftrace owns. */
	KST_S_FENTRY = 4,
	/* jmp __x86_return_thunk, len 5: that, another return thunk, or ret. */
	KST_S_RETURN = 5,
	/*
	 * Branch to __x86_indirect_thunk_REG: form enum kst_jump_form (for
	 * KST_J_JCC the condition is in bits 8..11 of arg), register number in
	 * bits 0..3 of arg, bit 4 of arg set where pre has a CS prefix (len 6).
	 */
	KST_S_THUNK = 6,
	/*
	 * An alternative of len bytes: arg is the first of form entries of the
	 * alts array.  The original bytes are described by the sites that follow
	 * inside its range.
	 */
	KST_S_ALT = 7,
	/*
	 * A call through pv_ops + addend (sym: pv_ops), 6 or 7 bytes long in pre:
	 * that, or a direct call to the function that the slot holds, or nops
	 * where the slot holds a function that does nothing.  form: kst_jump_form.
	 * (Since 6.8 it is the original form of an alternative, of which the
	 * kernel makes the direct call.)
	 */
	KST_S_PARAVIRT = 8,
	/* len 1: a lock prefix, or the ds prefix of a single-CPU machine. */
	KST_S_LOCK = 9,
	/*
	 * len 2 or 5: a nop, or a jump to pre offset arg of this block (sym is
	 * KST_NONE), or to sym + addend.
	 */
	KST_S_JUMP_LABEL = 10,
	/*
	 * len 5 (6 for a conditional jump): a call or jump to the trampoline
	 * (symbol index arg, __SCT__), or what the static call key (sym, __SCK__)
	 * makes of it.  form: kst_jump_form.  In a module that cannot see the key,
	 * sym is the trampoline too: then the trampoline's own jump tells.
	 */
	KST_S_STATIC_CALL = 11,
	/* len 4: endbr64, or the nop that a sealed one becomes. */
	KST_S_ENDBR = 12,
	/* nops that may be encoded in any way. */
	KST_S_NOPS = 13,
	/*
	 * A runtime constant: form enum kst_const_form.  The boot has written the
	 * value of the variable sym here, which has not changed since.
	 */
	KST_S_CONST = 14,
};

enum kst_const_form {
	KST_C_PTR = 0,	 /* len 8: the whole value */
	KST_C_SHIFT = 1, /* len 1: its lowest byte */
};

enum kst_rel_form {
	KST_R_ABS64 = 0,
	KST_R_ABS32 = 1,  /* zero-extended */
	KST_R_ABS32S = 2, /* sign-extended */
	KST_R_PC32 = 3,
	KST_R_PC64 = 4,
};

enum kst_jump_form {
	KST_J_JMP = 0,  /* e9 / eb */
	KST_J_CALL = 1, /* e8 */
	KST_J_JCC = 2,  /* 0f 8x / 7x; the condition x is in arg (JUMP: KST_S_JUMP
			 * uses arg for it; KST_S_BRANCH takes it from the pre bytes) */
};

struct kst_alt {
	u32 block;   /* a KST_REPL block, or KST_NONE: replacement of length 0 */
	u32 feature; /* cpuid bit as in struct alt_instr, with its flag bits; for messages */
};

/*
 * A value that the new code is linked with, in the order of the old module's
 * export table.
 */
struct kst_export {
	u32 kind;   /* enum kst_export_kind */
	u32 symbol; /* index */
	s32 on, off; /* KST_E_BRANCH: the values; else 0 */
};

enum kst_export_kind {
	/* The symbol's address. */
	KST_E_ADDRESS = 0,
	/*
	 * What a branch in new code has to be where it depends on the static key
	 * at symbol, which lies in memory that is read-only since boot: on if the
	 * key is enabled, off if not.  The key cannot change any more, so the
	 * branch needs no entry among the jump labels (and on 6.1 must not have
	 * one: jump_label_add_module() would write to the key).
	 */
	KST_E_BRANCH = 1,
	/*
	 * The lowest byte of the variable at symbol, which is a runtime constant
	 * and less than 64, shifted left by 24: a shift count in new code, in the
	 * highest byte of the field that the loader fills in.
	 */
	KST_E_SHIFT = 2,
	/*
	 * The symbol's address, which the new code does more with than call or
	 * jump to it.  If it is a function, calls through pointers may follow: it
	 * must not be sealed against them (CONFIG_X86_KERNEL_IBT).
	 */
	KST_E_POINTER = 3,
};

/* A function to be replaced. */
struct kst_patch {
	u32 block; /* a KST_TEXT block */
	u32 slot;  /* where the jump goes: bytes from the start of the function */
	u32 kind;  /* enum kst_patch_kind */
};

enum kst_patch_kind {
	/* A jump at the slot, right behind what the function has to start with. */
	KST_P_JUMP = 0,
	/*
	 * No room for one: the function tracer's site in front of the slot leads
	 * to the new code.  The block has such a site; what is at the slot is left
	 * alone, and the slot may be the end of the function.
	 */
	KST_P_TRACED = 1,
};

/*
 * A piece of an object whose content is replaced in place: a changed pointer
 * in a table of operations, say.  The rest of the object may have changed
 * since boot.
 */
struct kst_data {
	u32 symbol; /* the object */
	u32 offset; /* bytes from its start */
	u32 block;  /* a KST_RODATA block: the content that the piece must have until then */
	u32 flags;  /* KST_DATA_* */
};

/* Not constant: a value that differs when the update is reversed is left as it is. */
#define KST_DATA_WRITABLE (1u << 0)

#endif
