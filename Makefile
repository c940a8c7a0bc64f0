# SPDX-License-Identifier: GPL-2.0-only
# User space is built here; ksplice.ko is built per kernel by ksplice-create,
# from the sources that `make install` puts into $(PREFIX)/share/ksplice.

PREFIX = /usr/local
SYSCONFDIR = /etc
UNITDIR = $(PREFIX)/lib/systemd/system
DESTDIR =
VERSION := $(shell cat VERSION)

CC = gcc
CFLAGS = -O2 -g
WARNINGS = -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wwrite-strings
KS_CFLAGS = -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(WARNINGS) -Ilib -Iinclude \
	-Ibuild/include -DKS_VERSION='"$(VERSION)"' -DKS_PREFIX='"$(PREFIX)"'
LDFLAGS = -Wl,--as-needed
LIBS = -ldw -lelf -lZydis -larchive -ljansson -lcrypto -lcurl -lsodium -llzma -llz4 -lzstd

# SANITIZE=1: everything with the address and undefined behaviour sanitizers.
ifdef SANITIZE
KS_CFLAGS += -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
endif

LIB_SRC := $(wildcard lib/*/*.c)
# With the core's check of match tables, for who writes them.
LIB_OBJ := $(LIB_SRC:%.c=build/%.o) build/kernel/table.o
TOOLS := $(patsubst tools/%.c,%,$(wildcard tools/ksplice-*.c tools/uptrack-*.c))
MANUALS := $(wildcard tools/*.8)
CONF_MANUALS := $(wildcard tools/*.5)
TOOL_COMMON := build/tools/common.o
# What the client's commands have in common, besides.
CLIENT_TOOLS := $(filter-out uptrack-publish,$(filter uptrack-%,$(TOOLS)))
UNITS := $(wildcard systemd/*.service systemd/*.timer)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
# The core's pure files (kernel/pure.h) as user space runs them.
CORE_OBJ := $(patsubst %,build/kernel/%.o,table match sites solve)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=build/tests/%)
KERNEL_FILES := kernel/Kbuild $(wildcard kernel/*.c kernel/*.h)
SHARED_HEADERS := $(wildcard include/ksplice/*.h)
PATCH_HEADER := include/ksplice-patch.h

# V=1 shows the commands.
Q := $(if $(V),,@)

all: $(TOOLS:%=bin/%) bin/share

# In place, the tools find what `make install` would put below share/ksplice.
bin/share: $(KERNEL_FILES) $(SHARED_HEADERS) $(PATCH_HEADER)
	rm -rf $@
	mkdir -p $@/kernel $@/include/ksplice
	cp $(KERNEL_FILES) $@/kernel/
	cp $(SHARED_HEADERS) $@/include/ksplice/
	cp $(PATCH_HEADER) $@/include/

build/libksplice.a: $(LIB_OBJ)
	rm -f $@
	ar rcs $@ $^

build/%.o: %.c | build/include/guest.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(KS_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The guest's init script as a C string for lib/vm.
build/include/guest.h: $(wildcard lib/vm/guest.sh)
	@mkdir -p $(@D)
	{ echo 'static const unsigned char guest_script[] = {'; \
	  od -An -v -tu1 lib/vm/guest.sh | sed 's/\([0-9][0-9]*\)/\1,/g'; echo '0 };'; } > $@.tmp
	mv $@.tmp $@

bin/%: build/tools/%.o $(TOOL_COMMON) build/libksplice.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(KS_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

$(CLIENT_TOOLS:%=bin/%): build/tools/uptrack.o

build/tests/%: build/tests/unit/%.o $(CORE_OBJ) build/libksplice.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(KS_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Unit tests only: no privileges, no kernel, no VM.  scripts/check runs all.
unit-programs: $(UNIT_BIN)

unit: unit-programs
	tests/run unit

# The fuzzers (tests/fuzz): all of user space and the core's pure files once
# more, with clang, libFuzzer and the sanitizers.
FUZZ_CC = clang-14
FUZZ_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_OBJ := $(LIB_OBJ:build/%=build/fuzz/obj/%)
FUZZ_COMMON := $(patsubst %,build/fuzz/obj/tests/fuzz/%.o,fuzz mutate) \
	$(CORE_OBJ:build/%=build/fuzz/obj/%)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=build/fuzz/bin/%)

build/fuzz/obj/%.o: %.c | build/include/guest.h
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(KS_CFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

build/fuzz/libksplice.a: $(FUZZ_OBJ)
	rm -f $@
	ar rcs $@ $^

build/fuzz/bin/%: build/fuzz/obj/tests/fuzz/fuzz_%.o $(FUZZ_COMMON) build/fuzz/libksplice.a
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)

# Makes the corpus (tests/fuzz/corpus).
build/fuzz/seeds: build/tests/fuzz/seeds.o build/libksplice.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(KS_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

fuzz-programs: $(FUZZ_BIN) build/fuzz/seeds

fuzz: fuzz-programs
	tests/fuzz/run --seconds 60

check: all
	scripts/check --no-setup

COMPLETIONS := $(DESTDIR)$(PREFIX)/share/bash-completion/completions

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man8 $(COMPLETIONS) \
		$(DESTDIR)$(PREFIX)/share/ksplice/kernel $(DESTDIR)$(PREFIX)/share/ksplice/include/ksplice
	install -m 755 $(TOOLS:%=bin/%) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(MANUALS) $(DESTDIR)$(PREFIX)/share/man/man8/
	install -d $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSCONFDIR)/uptrack
	install -m 644 $(CONF_MANUALS) $(DESTDIR)$(PREFIX)/share/man/man5/
	for u in $(UNITS); do sed 's,@BINDIR@,$(PREFIX)/bin,' $$u >$(DESTDIR)$(UNITDIR)/$${u##*/} || exit 1; done
	test -e $(DESTDIR)$(SYSCONFDIR)/uptrack/uptrack.conf || \
		install -m 644 systemd/uptrack.conf $(DESTDIR)$(SYSCONFDIR)/uptrack/
	for t in $(TOOLS); do install -m 644 completions/ksplice $(COMPLETIONS)/$$t || exit 1; done
	install -m 644 $(KERNEL_FILES) $(DESTDIR)$(PREFIX)/share/ksplice/kernel/
	install -m 644 $(SHARED_HEADERS) $(DESTDIR)$(PREFIX)/share/ksplice/include/ksplice/
	install -m 644 $(PATCH_HEADER) $(DESTDIR)$(PREFIX)/share/ksplice/include/

clean:
	rm -rf build bin

.PHONY: all unit unit-programs fuzz fuzz-programs check install clean
.SECONDARY:

-include $(LIB_OBJ:.o=.d) $(CORE_OBJ:.o=.d) $(TOOLS:%=build/tools/%.d) $(TOOL_COMMON:.o=.d) build/tools/uptrack.d \
	$(UNIT_SRC:%.c=build/%.d) $(FUZZ_OBJ:.o=.d) $(FUZZ_COMMON:.o=.d) \
	$(FUZZ_SRC:%.c=build/fuzz/obj/%.d) build/tests/fuzz/seeds.d
