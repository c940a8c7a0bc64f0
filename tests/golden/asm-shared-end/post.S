/* SPDX-License-Identifier: GPL-2.0-only */
	.text
	.p2align 4, 0x90
	.globl f
	.type f, @function
f:
	test %rdi, %rdi
	je .Ltail
	xor %eax, %eax
	ret
	.size f, . - f
	.p2align 4, 0x90
	.globl g
	.type g, @function
g:
	mov %rsi, %rdi
.Ltail:
	mov $2, %eax
	ret
	.size g, . - g
	.p2align 4, 0x90
	.globl h
	.type h, @function
h:
	jmp g
	nop
	.size h, . - h
	.p2align 4, 0x90
	.globl i
	.type i, @function
i:
	test %rdi, %rdi
	je 1f
	ret
1:	jmp .Lpiece
	.size i, . - i
	.p2align 4, 0x90
.Lpiece:
	inc %rax
	jmp .Ltail
