/* SPDX-License-Identifier: GPL-2.0-only */
	.text
	.p2align 4, 0x90
	.globl f
	.type f, @function
f:
	mov .Lplace(%rip), %eax
	add $1, %eax
	ret
	.size f, . - f
	.byte 0x90, 0x90, 0x90, 0x90
.Lplace:
	.byte 0xc3, 0xc3, 0xc3, 0xc3
