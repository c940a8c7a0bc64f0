/* SPDX-License-Identifier: GPL-2.0-only */
#define NAME_ONE 1
