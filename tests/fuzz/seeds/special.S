/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A seed for the fuzzers: code with an entry in every table that the kernel
 * keeps beside its code, and unwind data.  With POST defined, f is another one.
 */
	.macro orc at
	.pushsection .orc_unwind_ip, "a"
	.long \at - .
	.popsection
	.pushsection .orc_unwind, "a"
	.word 8, 0, 5
	.popsection
	.endm

	.macro begin name
	.section .text.\name, "ax"
	.globl \name
	.type \name, @function
\name:
	orc \name
	.pushsection __mcount_loc, "a"
	.quad \name
	.popsection
	call __fentry__
	.endm

	begin f
	movq $.Ltext, %rdi
	.pushsection __jump_table, "aw"
	.long 1f - ., 2f - .
	.quad key - .
	.popsection
1:	.byte 0x0f, 0x1f, 0x44, 0, 0
2:
#ifdef POST
	incl counter(%rip)
	call added
#endif
3:	call h
	nop
4:	.pushsection .altinstructions, "a"
	.long 3b - ., 5f - .
	.word 9
	.byte 4b - 3b, 6f - 5f
	.popsection
	.pushsection .altinstr_replacement, "ax"
5:	call g
6:	.popsection
7:	lock incl counter(%rip)
	.pushsection .smp_locks, "a"
	.long 7b - .
	.popsection
1:	call __SCT__call
	.pushsection .static_call_sites, "aw"
	.long 1b - ., __SCK__call - . + 2
	.popsection
1:	call *pv_ops+8
	.pushsection .parainstructions, "a"
	.quad 1b
	.byte 1, 7, 0, 0, 0, 0, 0, 0
	.popsection
1:	movl (%rax), %eax
2:	.pushsection __ex_table, "a"
	.long 1b - ., 2b - ., 3
	.popsection
1:	ud2
	.pushsection __bug_table, "aw"
	.long 1b - ., .Ltext - .
	.word 12, 1
	.popsection
1:	call __x86_indirect_thunk_rax
	.pushsection .retpoline_sites, "a"
	.long 1b - .
	.popsection
	jne 2b
1:	jmp __x86_return_thunk
	.pushsection .return_sites, "a"
	.long 1b - .
	.popsection
	.size f, . - f

	begin g
	leaq .Lconstant(%rip), %rsi
	movq $.Ltext, %rdi
	jmp f
	.size g, . - g
	.pushsection _kprobe_blacklist, "aw"
	.quad g
	.popsection

#ifdef POST
	begin added
	movl state(%rip), %eax
	ret
	.size added, . - added
	.section .data.state, "aw"
	.type state, @object
state:	.long 7
	.size state, 4
#endif

	.section .rodata.ops, "a"
	.globl ops
	.type ops, @object
	.align 8
#ifdef POST
ops:	.quad f, g
#else
ops:	.quad f, 0
#endif
	.size ops, 16
	.section .bss.counter, "aw", @nobits
	.type counter, @object
counter: .skip 4
	.size counter, 4
	.section .rodata.str1.1, "aMS", @progbits, 1
.Ltext:	.string "text"
	.section .rodata.cst16, "aM", @progbits, 16
.Lconstant: .quad 1, 2
	.section .note.GNU-stack, "", @progbits
