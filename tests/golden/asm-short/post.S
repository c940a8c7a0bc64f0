/* SPDX-License-Identifier: GPL-2.0-only */
	.text
	.p2align 4, 0x90
	.globl f
	.type f, @function
f:
	mov $2, %al
	ret
	.size f, . - f
