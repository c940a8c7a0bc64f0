/* SPDX-License-Identifier: GPL-2.0-only */
	.text
	.p2align 4, 0x90
	.globl f
	.type f, @function
f:
	mov table(,%rdi,8), %rax
	jmp *%rax
.Lone:
	mov $3, %eax
	ret
.Ltwo:
	mov $2, %eax
	ret
	.size f, . - f
	.section .rodata, "a"
	.align 8
	.type table, @object
table:
	.quad .Lone
	.quad .Ltwo
	.size table, . - table
