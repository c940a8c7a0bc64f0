/* SPDX-License-Identifier: GPL-2.0-only */
#define M 5
#define UNUSED 6
