// SPDX-License-Identifier: GPL-2.0-only
#include "m.h"

int main_one(void)
{
	return M;
}
