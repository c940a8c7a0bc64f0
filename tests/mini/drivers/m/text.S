/* SPDX-License-Identifier: GPL-2.0-only */
	.text
	.globl text
	.type text, @function
text:
	ret
	.size text, . - text
