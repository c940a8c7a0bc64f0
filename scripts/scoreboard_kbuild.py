# SPDX-License-Identifier: GPL-2.0-only
"""Which source files a configuration compiles, and into what.

Kbuild is asked, a directory at a time: its makefile is read the way
scripts/Makefile.build reads it, and the lists are printed instead of built
(lib/build/roster.c does the same for single directories).
"""

import concurrent.futures
import os
import re
import subprocess

MAKEFILE = """\
srctree := {source}
objtree := .
export srctree objtree
obj := {directory}
ifneq ($(findstring srcroot,$(file < $(srctree)/scripts/Makefile.build)),)
srcroot := {source}
src := $(srctree)/{directory}
else
src := {directory}
endif
include include/config/auto.conf
include $(srctree)/scripts/Kbuild.include
-include $(srctree)/scripts/Makefile.compiler
include $(firstword $(wildcard $(srctree)/{directory}/Kbuild $(srctree)/{directory}/Makefile))
include $(srctree)/scripts/Makefile.lib
$(foreach o,$(filter %.o,$(real-obj-y) $(lib-y) $(extra-y)),$(info builtin $o))
$(foreach o,$(filter-out $(multi-obj-m),$(filter %.o,$(obj-m))),$(info module $o $o))
$(foreach m,$(multi-obj-m),$(foreach p,$(call suffix-search,$(m:$(obj)/%=%),.o,-objs -y -m),\
$(info module $(obj)/$p $m)))
$(foreach d,$(subdir-ym),$(info directory $d))
.PHONY: list
list: ; @:
"""

# What the top makefile and arch/x86/Makefile descend into.
TOP = ["init", "arch/x86", "kernel", "certs", "mm", "fs", "ipc", "security", "crypto", "block",
       "io_uring", "lib", "drivers", "sound", "net", "virt"]
TOP_X86 = ["arch/x86/lib", "arch/x86/math-emu", "arch/x86/pci", "arch/x86/power", "arch/x86/video"]


class Roster:
    """sources: from a path ("fs/ext4/inode.c") to the set of targets it is compiled into."""

    def __init__(self, sources):
        self.sources = sources

    @classmethod
    def read(cls, source, headers, jobs):
        """source: the tree; headers: the directory of linux-headers, with include/config."""
        sources, seen = {}, set()
        todo = [d for d in TOP + TOP_X86 if has_makefile(source, d)]
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            while todo:
                seen.update(todo)
                below = set()
                for text in pool.map(lambda d: list_directory(source, headers, d), todo):
                    below |= parse_listing(text, sources)
                todo = sorted(d for d in below - seen if has_makefile(source, d))
        return cls({path: targets for path, targets in sources.items()
                    if os.path.exists(os.path.join(source, path))})

    def add_included(self, source):
        """A .c file that others include belongs to their targets."""
        pattern = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+\.c)"', re.M)
        todo = sorted(self.sources)
        while todo:
            found = []
            for path in todo:
                try:
                    with open(os.path.join(source, path), "rb") as f:
                        text = f.read()
                except OSError:
                    continue
                for name in pattern.findall(text):
                    for base in (os.path.dirname(path), "", "include"):
                        child = os.path.normpath(os.path.join(base, name.decode()))
                        if os.path.exists(os.path.join(source, child)):
                            known = self.sources.setdefault(child, set())
                            if not self.sources[path] <= known:
                                known |= self.sources[path]
                                found.append(child)
                            break
            todo = found


def has_makefile(source, directory):
    return any(os.path.exists(os.path.join(source, directory, name))
               for name in ("Kbuild", "Makefile"))


def list_directory(source, headers, directory):
    text = MAKEFILE.format(source=source, directory=directory)
    done = subprocess.run(["make", "-rR", "--no-print-directory", "-f", "-", "list",
                           "ARCH=x86", "SRCARCH=x86", "CC=gcc", "LD=ld", "NM=nm", "CONFIG_SHELL=sh"],
                          input=text, cwd=headers, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout


def parse_listing(text, sources):
    """Adds the objects to sources; returns the directories below."""
    below = set()
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "directory":
            below.add(os.path.normpath(rest))
        elif kind == "builtin":
            sources.setdefault(source_of(rest), set()).add("vmlinux")
        elif kind == "module":
            part, _, module = rest.partition(" ")
            name = os.path.basename(module)[:-2].replace("-", "_")
            sources.setdefault(source_of(part), set()).add(name)
    return below


def source_of(obj):
    return os.path.normpath(obj)[:-2] + ".c"
