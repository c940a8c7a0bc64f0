/* SPDX-License-Identifier: GPL-2.0-only */
	.text
	.p2align 4, 0x90
	.globl f
	.type f, @function
f:
	lea 0x1234(%rdi,%rdi), %rax
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	ret
	.size f, . - f
	.p2align 4, 0x90
	.globl g
	.type g, @function
g:
	call f
	lea h(%rip), %rax
	jmp h
	.size g, . - g
	.p2align 4, 0x90
	.local h
	.type h, @function
h:
	mov $1, %eax
	ret
	.size h, . - h
