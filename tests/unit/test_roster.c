// SPDX-License-Identifier: GPL-2.0-only
/*
 * The roster (lib/build/roster.c): what the makefiles of a small tree build.
 * scripts/Makefile.lib is a short one that makes the lists as the kernel's does.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "build/state.h"
#include "tap.h"

static char *top;
static struct ks_build b;

static void put(const char *name, const char *text)
{
	char *path = ks_path_join(top, name), *parent = ks_strdup(path);

	*strrchr(parent, '/') = 0;
	die(ks_dir_make(parent));
	die(ks_file_write(path, text, strlen(text), 0644));
	free(parent);
	free(path);
}

static const char makefile_lib[] =
	"multi = $(strip $(foreach o,$1,$(if $($(o:.o=-y))$($(o:.o=-objs)),$($(o:.o=-y)) $($(o:.o=-objs)),$o)))\n"
	"pre := $(if $(filter-out .,$(obj)),$(obj)/)\n"
	"subdir-ym := $(patsubst %/,$(pre)%,$(filter %/,$(obj-y) $(obj-m)))\n"
	"real-obj-y := $(addprefix $(pre),$(call multi,$(filter %.o,$(obj-y))))\n"
	"real-obj-m := $(addprefix $(pre),$(call multi,$(filter %.o,$(obj-m))))\n"
	"targets := $(addprefix $(pre),$(targets))\n";

static void make_tree(void)
{
	put("farm/scripts/Kbuild.include", "");
	put("farm/scripts/Makefile.build", "");
	put("farm/scripts/Makefile.lib", makefile_lib);
	put("farm/Makefile", "$(error not to be read)\n");
	put("farm/Kbuild", "obj-y := kernel/ drivers/\n");
	put("farm/arch/x86/Makefile", "drivers-$(CONFIG_PCI) += arch/x86/pci/\ndrivers-$(CONFIG_NO) += arch/x86/no/\n");
	put("farm/arch/x86/Kbuild", "obj-y += kvm/ entry/\n");
	put("farm/arch/x86/pci/Makefile", "obj-y := common.o\n");
	put("farm/arch/x86/no/Makefile", "obj-y := no.o\n");
	put("farm/arch/x86/kvm/Makefile", "obj-m := kvm.o\nkvm-y := x86.o ../../../virt/kvm/kvm_main.o\n");
	put("farm/arch/x86/entry/Makefile", "obj-y := entry.o\ntargets := vdso/note.o entry.o\n");
	put("farm/kernel/Makefile", "obj-y := fork.o sched/\nobj-$(CONFIG_NO) += no.o\n");
	put("farm/kernel/sched/Makefile", "obj-y := core.o\n");
	put("farm/drivers/Makefile", "obj-m := gpu/amd/ foo.o\nfoo-y := sub/bar.o\nobj-y += usb/core/\n");
	/* The makefiles beside it use its variables. */
	put("farm/drivers/gpu/amd/Makefile",
	    "AMD := ../pm\ninclude $(srctree)/$(src)/../pm/Makefile\namd-y := $(PM_FILES) main.o\nobj-m := amd.o\n");
	put("farm/drivers/gpu/pm/Makefile", "$(if $(AMD),,$(error AMD is not set))\nPM_FILES := $(AMD)/power.o\n");
	put("farm/drivers/usb/core/Makefile", "obj-y := usb.o ../misc/onboard.o\n");
	put("farm/drivers/usb/misc/Makefile", "obj-m := ../../never.o\n");
	put("farm/lib/Makefile", "obj-y := lib.o\n");
	put("obj/include/config/auto.conf", "CONFIG_PCI=y\n");
	put(".config", "CONFIG_PCI=y\nCONFIG_X86_64=y\n");
}

static void finds(struct ks_roster *r, const char *source, const char *want)
{
	struct ks_roster_list list = { 0 };
	struct ks_buf got = { 0 };

	ks_roster_find(r, source, &list);
	ks_vec_for(&list.entries, e) {
		ks_buf_addf(&got, "%s%s:", e->apart ? "apart " : "", e->target);
		for (size_t i = 0; i < e->way.len; i++)
			ks_buf_addf(&got, " %s", e->way.v[i]);
	}
	ks_buf_adds(&got, "");
	if (!tap_ok(!strcmp(got.data ? got.data : "", want), "%s", source))
		printf("# %s\n", got.data ? got.data : "");
	ks_buf_free(&got);
	ks_roster_list_free(&list);
}

int main(void)
{
	struct ks_roster *r = NULL;
	struct ks_strv dirs = { 0 };
	char *config;

	die(ks_dir_temp("test-roster", &top));
	make_tree();
	config = ks_path_join(top, ".config");
	b = (struct ks_build){ .cache = top, .jobs = 2, .key = ks_strdup("one"), .cc = ks_strdup("gcc"),
			       .release = ks_strdup("6.1.2-test") };
	b.farm = ks_path_join(top, "farm");
	b.obj = ks_path_join(top, "obj");
	die(ks_config_read(config, &b.config));
	if (!tap_fine(ks_roster_open(&b, &r), "a roster"))
		return tap_done();
	finds(r, "kernel/fork.c", "kernel/fork.o: kernel");
	finds(r, "kernel/sched/core.c", "kernel/sched/core.o: kernel kernel/sched");
	finds(r, "kernel/no.c", "");
	finds(r, "lib/lib.c", "lib/lib.o: lib");
	finds(r, "arch/x86/pci/common.c", "arch/x86/pci/common.o: arch/x86/pci");
	finds(r, "arch/x86/no/no.c", "");
	finds(r, "virt/kvm/kvm_main.c", "arch/x86/kvm/../../../virt/kvm/kvm_main.o: arch/x86 arch/x86/kvm");
	finds(r, "arch/x86/entry/entry.S", "arch/x86/entry/entry.o: arch/x86 arch/x86/entry");
	finds(r, "arch/x86/entry/vdso/note.S", "apart arch/x86/entry/vdso/note.o: arch/x86 arch/x86/entry");
	finds(r, "drivers/sub/bar.c", "drivers/sub/bar.o: drivers");
	finds(r, "drivers/foo.c", "");
	finds(r, "drivers/gpu/pm/power.c", "drivers/gpu/amd/../pm/power.o: drivers drivers/gpu/amd");
	finds(r, "drivers/gpu/pm/other.c", "");
	finds(r, "drivers/usb/misc/onboard.c", "drivers/usb/core/../misc/onboard.o: drivers drivers/usb/core");
	finds(r, "drivers/never.c", "");
	ks_roster_directories(r, &dirs);
	tap_ok(ks_strv_has(&dirs, "kernel/sched") && !ks_strv_has(&dirs, "drivers/usb/misc"),
	       "only directories that are entered");
	ks_roster_free(r);

	put("farm/kernel/sched/Makefile", "obj-y := new.o\n");
	die(ks_roster_open(&b, &r));
	finds(r, "kernel/sched/core.c", "kernel/sched/core.o: kernel kernel/sched");
	ks_roster_free(r);
	free(b.key);
	b.key = ks_strdup("two");
	die(ks_roster_open(&b, &r));
	finds(r, "kernel/sched/core.c", "");
	finds(r, "kernel/sched/new.c", "kernel/sched/new.o: kernel kernel/sched");
	ks_roster_free(r);
	put("farm/kernel/sched/Makefile", "$(error broken)\n");
	free(b.key);
	b.key = ks_strdup("three");
	tap_error(ks_roster_open(&b, &r), KS_E_FAILED, "broken", "a makefile that fails");

	die(ks_dir_remove(top));
	ks_strv_free(&dirs);
	ks_config_free(b.config);
	free(b.key);
	free(b.cc);
	free(b.release);
	free(b.farm);
	free(b.obj);
	free(config);
	free(top);
	return tap_done();
}
