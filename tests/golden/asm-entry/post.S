/* SPDX-License-Identifier: GPL-2.0-only */
	.text
	.p2align 4, 0x90
	.globl f
	.type f, @function
f:
	mov %rsi, %rdi
	.globl inner
inner:
	mov $3, %eax
	ret
	.size f, . - f
