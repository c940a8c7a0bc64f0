// SPDX-License-Identifier: GPL-2.0-only
/* What counts as trouble in a kernel log; see log.h. */
#include "vm/log.h"

#include <string.h>

#define TAINT_OOT_MODULE (1ul << 12)
#define TAINT_UNSIGNED_MODULE (1ul << 13)
#define TAINT_LIVEPATCH (1ul << 15)

/* As printed by Linux 6.1; "WARNING:" alone would also catch the notes on CPU mitigations. */
static const char *const troubles[] = {
	"BUG: ",
	"kernel BUG at",
	"WARNING: CPU:",
	"WARNING: possible",
	"WARNING: suspicious",
	"Oops:",
	"general protection fault",
	"unable to handle",
	"invalid opcode",
	"Kernel panic",
	"soft lockup",
	"hard LOCKUP",
	"detected stall",
	"self-detected stall",
	"blocked for more than",
	"Bad page",
	"bad page",
	"list_add corruption",
	"list_del corruption",
	"refcount_t: ",
	"stack-protector:",
	"double fault",
	"UBSAN:",
	"KASAN:",
	"scheduling while atomic",
	"sleeping function called from invalid context",
	"Unpatched return thunk",
};

bool ks_vmlog_is_trouble(const char *line)
{
	for (size_t i = 0; i < sizeof(troubles) / sizeof(*troubles); i++)
		if (strstr(line, troubles[i]))
			return true;
	return false;
}

unsigned long ks_vmlog_taint(unsigned long tainted)
{
	return tainted & ~(TAINT_OOT_MODULE | TAINT_UNSIGNED_MODULE | TAINT_LIVEPATCH);
}
