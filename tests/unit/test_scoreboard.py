# SPDX-License-Identifier: GPL-2.0-only
"""The pure parts of scripts/scoreboard: outcomes, reasons, totals, headers."""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../scripts"))

import scoreboard_headers as headers  # noqa: E402
import scoreboard_kbuild as kbuild  # noqa: E402
import scoreboard_report as report  # noqa: E402
import scoreboard_run as run  # noqa: E402

count = failures = 0


def ok(good, name, seen=None):
    global count, failures
    count += 1
    failures += not good
    print(("ok" if good else "not ok") + f" {count} - {name}", flush=True)
    if not good:
        print(f"# {seen!r}")


def is_equal(seen, wanted, name):
    ok(seen == wanted, name, seen)


def test_classify():
    classify = report.classify_create
    is_equal(classify(66, "No changes detected\n", "Comparing objects...\n"),
             {"result": report.UNCHANGED, "only_init": False}, "nothing to change")
    is_equal(classify(66, "No changes detected\n", "Comparing objects...\n"
                      "a.c: not in the update: f: in .init.text: it has run already\n"),
             {"result": report.UNCHANGED, "only_init": True}, "only init code")
    is_equal(classify(66, "No changes detected\n", "mm/x.c: not built in this configuration: "
                      "nothing to do for it\n")["result"], report.NO_PATCH, "not compiled")
    said = ("Applying...\nksplice-create: the update cannot be made safely (2 reasons):\n"
            "  a.c: f (section .text.f): too short; really\n  a.c: v (section .data.v): changed\n")
    is_equal(classify(65, "", said),
             {"result": report.REFUSED,
              "reasons": ["a.c: f (section .text.f): too short; really",
                          "a.c: v (section .data.v): changed"]}, "refused, with the reasons")
    is_equal(classify(65, "", "ksplice-create: fs/x.c: it is part of the module x; this\n"),
             {"result": report.REFUSED,
              "reasons": ["fs/x.c: it is part of the module x; this"]}, "refused in a line")
    is_equal(classify(1, "", "ksplice-create: the patched source does not compile:\n"
                      "a.c:1:2: error: 'x' undeclared\n"),
             {"result": report.NO_PATCH, "cause": "a.c:1:2: error: 'x' undeclared"}, "no patch")
    is_equal(classify(1, "", "ksplice-create: the patched source does not link: neither\n"
                      "a.c: undefined reference to 'f'\n"),
             {"result": report.NO_PATCH, "cause": "a.c: undefined reference to 'f'"}, "nor a link")
    is_equal(classify(1, "", "ksplice-create: out of memory\n")["result"], report.FAILED, "failed")


def test_groups():
    is_equal(report.group_of("fs/a.c: f (section .text.f): too short for 5 bytes; do that"),
             report.group_of("mm/b.c: g.isra.0 (section .text.g): too short for 7 bytes"),
             "equal reasons fall together")
    is_equal(report.quantile(list(range(1, 11)), 90), 9, "90th percentile")
    is_equal(report.percent(0, 0), "-", "percentage of none")


def record(path, result, **more):
    return dict({"path": path, "class": "alone", "headers": [], "targets": ["vmlinux"],
                 "result": result, "create_seconds": 1.0}, **more)


def test_markdown():
    text = report.markdown([record("a.c", report.APPLIED, replaced=2, added=0, removed=0),
                            record("b.c", report.REFUSED, reasons=["b.c: x: no | way"]),
                            record("c.c", report.UNCHANGED, only_init=True),
                            record("d.c", report.NO_PATCH, cause="d.c: error: x"),
                            record("e.c", report.UNFINISHED, cause="took long"),
                            record("f.c", report.UNSTARTED, layouts=["struct s", "struct t"]),
                            record("g.c", report.APPLIED, layouts=["struct u: 4 -> 8 bytes"]),
                            record("h.c", report.APPLIED, extended=["struct v: x is new at 4"])],
                           "title", "command")
    ok("3 of 4 (75.0%)" in text, "percentage of what changes running code", text)
    ok("| e.c | built-in | took long |" in text, "what was not finished is told apart", text)
    ok("| f.c | built-in | struct s<br>struct t |" in text, "layouts that change", text)
    ok("- 1 of those that are applied change the layout" in text and "2 of 4 (50.0%) are applied." in text
       and " 1 more only add" in text, "what is refused by default is counted", text)
    ok("where nothing was\n" in text and "| h.c | built-in | struct v: x is new at 4 |" in text,
       "what is only a warning is apart", text)
    ok("no \\| way" in text, "cells are escaped", text)
    ok("1 change only init code" in text, "init code is counted", text)


def test_records():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "results.json")
        records = report.Records(path)
        records.add(record("a.c", report.FAILED))
        records.add(record("b.c", report.APPLIED))
        records.add(record("a.c", report.APPLIED))
        with open(path, "a", encoding="utf-8") as f:
            f.write('{"path": "c.c", "resu')
        again = report.Records(path)
        is_equal(sorted(again.all), ["a.c", "b.c"], "a torn last line is dropped")
        is_equal(again.all["a.c"]["result"], report.APPLIED, "the last record of a path counts")


def test_kbuild():
    sources = {}
    below = kbuild.parse_listing("builtin fs/a.o\nmodule drivers/x/b-c.o drivers/x/m-n.o\n"
                                 "module arch/x86/kvm/../../../virt/k.o arch/x86/kvm/kvm.o\n"
                                 "directory fs/ext4\n", sources)
    is_equal(below, {"fs/ext4"}, "directories below")
    is_equal(sources, {"fs/a.c": {"vmlinux"}, "drivers/x/b-c.c": {"m_n"}, "virt/k.c": {"kvm"}},
             "objects and their modules")


def test_headers():
    is_equal(headers.missing_names("a.c:1:2: error: 'struct s' has no member named 'm'; did you "
                                   "mean 'n'?\na.c:2: note: 'other'\n"), {"s", "m"},
             "what the compiler misses")
    words, farm = headers.parse_command(
        "Compiling...\ngcc-12 -Wp,-MMD,x.d -I/c/farm/include -D__KERNEL__ -c -o fs/x.o "
        "/c/farm/fs/x.c ; ./tools/objtool/objtool fs/x.o\n", "fs/x.c")
    is_equal(farm, "/c/farm", "the farm in a command")
    is_equal(headers.kept_command("ksplice commands 1 abc\nfs/x.o\t-I/c/farm/include -DX='a b'\n",
                                  "gcc-12", "/c/farm", "fs/x.c"),
             (["gcc-12", "-I/c/farm/include", "-DX=a b", "/c/farm/fs/x.c"], "/c/farm"),
             "a command that the cache has")
    is_equal(headers.kept_command("fs/xy.o\t-DX\n", "gcc-12", "/c/farm", "fs/x.c"), None,
             "a command that it does not have")
    is_equal(headers.broken_units(
        "make[2]: *** [/c/farm/scripts/Makefile.build:255: arch/x86/kvm/x86.o] Error 1\n"
        "make[1]: *** [/c/farm/scripts/Makefile.build:510: arch/x86/kvm] Error 2\n"
        "make[3]: *** [/c/farm/scripts/Makefile.build:255: arch/x86/kvm/../../../virt/k.o] Error 1\n"),
             ["arch/x86/kvm/x86.c", "virt/k.c"], "whose object was not made")
    is_equal(headers.undefined_names("x does not link: ...\nfs/a.c: undefined reference to 'f'\n"
                                     "fs/b.c: undefined reference to 'f'\n"), ["f"],
             "what is missing at the link")
    is_equal([headers.defines(text, "f") for text in (
        "int f(int i)\n{\n", "static int\nf(int i,\n  int j)\n{\n", "int f(int i);\n",
        "\treturn f(1);\n", "int f(int i,\n      int j);\n", "int ff(void)\n{\n")],
             [True, True, False, False, False, False], "what defines a function")
    is_equal(headers.trial_command(words, farm, "/f"),
             ["gcc-12", "-I/f/include", "-D__KERNEL__", "/f/fs/x.c"], "the command of a trial")


def write(directory, path, text):
    path = os.path.join(directory, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def test_search():
    """Three changed headers: one needed, one needed by that one, one not."""
    with tempfile.TemporaryDirectory() as d:
        old, new = os.path.join(d, "old"), os.path.join(d, "new")
        write(old, "a/x.c", '#include "x.h"\n#include <y.h>\nint f(void) { return 0; }\n')
        write(new, "a/x.c", '#include "x.h"\n#include <y.h>\nint f(void) { return g(); }\n')
        write(old, "a/x.h", "\n")
        write(new, "a/x.h", "#include <z.h>\nstatic inline int g(void) { return Z; }\n")
        write(old, "include/y.h", "#define Y 1\n")
        write(new, "include/y.h", "#define Y 2\n")
        write(new, "include/z.h", "#define Z 1\n")
        trees = run.Trees(old, new)
        changed = trees.changed_headers()
        is_equal(changed, ["a/x.h", "include/y.h", "include/z.h"], "changed headers")
        farm = headers.Farm(os.path.join(d, "farm"), old, new)
        farm.make()
        command = ["gcc", "-Werror=implicit-function-declaration", f"-I{farm.directory}/include",
                   f"{farm.directory}/a/x.c"]
        search = headers.Search(farm, command, d, changed, lambda p: trees.diff(p).decode())
        is_equal(search.find("a/x.c"), ["a/x.h", "include/z.h"], "the headers that are needed")
        is_equal(search.find("a/x.c", ["a/x.h"]), ["include/z.h"],
                 "the headers that are needed beside those that are there")
        same = subprocess.run(["diff", "-r", "-x", ".complete", old, farm.directory], check=False,
                              stdout=subprocess.DEVNULL).returncode
        is_equal(same, 0, "the farm is as before")


for test in (test_classify, test_groups, test_markdown, test_records, test_kbuild, test_headers,
             test_search):
    test()
print(f"1..{count}")
sys.exit(failures != 0)
