/* SPDX-License-Identifier: GPL-2.0-only */
	.text
	.p2align 4, 0x90
	.globl f
	.type f, @function
f:
	lea (%rdi,%rdi), %rax
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
