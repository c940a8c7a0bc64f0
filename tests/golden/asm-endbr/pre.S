/* SPDX-License-Identifier: GPL-2.0-only */
	.text
	.globl f
	.type f, @function
f:
	endbr64
	mov $1, %eax
	ret
	.size f, . - f
