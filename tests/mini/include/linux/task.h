/* SPDX-License-Identifier: GPL-2.0-only */
struct task {
	int a, b;
};
