// SPDX-License-Identifier: GPL-2.0-only
/* What comes back from a guest: the protocol, the console, and what they say of an update. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "vm/vm.c"

#include "vm/modules.h"
#include "vm/proof.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_pair in = fuzz_texts(data, size);
	char *protocol = fuzz_string(in.a, in.a_len), *console = fuzz_string(in.b, in.b_len), *why;
	struct ks_vm_result r = { 0 };
	struct ks_verdict v;

	parse_protocol(&r, protocol, TOKEN);
	take_log(&r);
	find_trouble(&r, console, TOKEN);
	if (r.log.data)
		find_trouble(&r, r.log.data, TOKEN);
	for (int update = 0; update < 3; update++) {
		ks_proof_judge(&r, 60, update, &v);
		fuzz_check(v.kind != KS_V_VERIFIED || (!v.why && !r.boot_trouble && r.steps.len));
		ks_verdict_name(v.kind);
		ks_verdict_clear(&v);
	}
	ks_vm_module_lacks_hardware(console, &why);
	free(why);
	ks_vm_result_clear(&r);
	free(protocol);
	free(console);
	return 0;
}
