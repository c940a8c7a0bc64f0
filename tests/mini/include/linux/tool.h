/* SPDX-License-Identifier: GPL-2.0-only */
#define TOOL 1
