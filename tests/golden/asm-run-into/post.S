/* SPDX-License-Identifier: GPL-2.0-only */
	.text
	.p2align 4, 0x90
	.globl f
	.type f, @function
f:
	lea 100(%rdi,%rdi), %rax
	.size f, . - f
	.p2align 4, 0x90
	.globl g
	.type g, @function
g:
	add $19, %rax
	add $18, %rax
	ret
	.size g, . - g
