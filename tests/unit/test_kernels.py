# SPDX-License-Identifier: GPL-2.0-only
"""The pure parts of scripts/kernels: which kernels, and the table."""

import importlib.machinery
import importlib.util
import os
import sys
import tempfile

sys.dont_write_bytecode = True
TOP = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../..")
loader = importlib.machinery.SourceFileLoader("kernels", os.path.join(TOP, "scripts/kernels"))
kernels = importlib.util.module_from_spec(importlib.util.spec_from_loader("kernels", loader))
loader.exec_module(kernels)

count = failures = 0


def is_equal(seen, wanted, name):
    global count, failures
    count += 1
    failures += seen != wanted
    print(("ok" if seen == wanted else "not ok") + f" {count} - {name}", flush=True)
    if seen != wanted:
        print(f"# {seen!r}")


RELEASES = {f"6.1.0-{n}-{flavour}": version
            for n, version in ((9, "6.1.27-1"), (54, "6.1.190-1"), (55, "6.1.192-1"), (56, "6.1.192-2"))
            for flavour in kernels.FLAVOURS}
RELEASES.update({f"6.12.{n}+deb12-{flavour}": f"6.12.{n}-1~deb12u1"
                 for n in (113, 115, 117) for flavour in kernels.FLAVOURS})


def test_choice():
    is_equal(kernels.flavour_of("6.1.0-56-rt-amd64"), "rt-amd64", "a realtime kernel is not amd64")
    is_equal(kernels.flavour_of("6.12.117+deb12-amd64"), "amd64", "nor the other way round")
    is_equal(kernels.newest(RELEASES, "6.1", "amd64")[:3],
             ["6.1.0-56-amd64", "6.1.0-55-amd64", "6.1.0-54-amd64"], "9 is older than 54")
    chosen = kernels.wanted(RELEASES)
    is_equal(len(chosen), 12, "two of each series and flavour")
    is_equal(chosen[:2], ["6.12.117+deb12-cloud-amd64", "6.12.115+deb12-cloud-amd64"],
             "the newest first")
    is_equal(kernels.compared_with(RELEASES, "6.1.0-56-rt-amd64"), "6.1.0-54-cloud-amd64",
             "patches come from the third newest source")
    is_equal(kernels.compared_with({"6.1.0-56-amd64": "6.1.192-2"}, "6.1.0-56-amd64"), None,
             "or from none")


def row(**more):
    ways = {way: {"verified": 21, "call_depth": False, "failures": []} for way in kernels.WAYS}
    return dict({"release": "6.1.0-56-amd64", "version": "6.1.192-2", "patches": 20, "functions": 45,
                 "other": "6.1.0-54-cloud-amd64", "tried": {"applied": 21, "refused": 2},
                 "failed_patches": [], "ways": ways}, **more)


def test_table():
    good = row()
    lines = kernels.table([good]).splitlines()
    is_equal(lines[2], "| 6.1.0-56-amd64 | 6.1.192-2 | 21 of 21 | 21 of 21 | 21 of 21 | "
             "21 of 21 (not in this kernel) |", "a row")
    good["ways"]["retbleed=stuff"]["call_depth"] = True
    is_equal(kernels.table([good]).splitlines()[2].endswith("| 21 of 21 | 21 of 21 |"), True,
             "a kernel that counts call depth")
    bad = row(failed_patches=["mm/x.c: no_match"])
    bad["ways"]["one CPU"] = {"verified": 20, "call_depth": False, "failures": ["s1: failed: why"]}
    said = kernels.details([bad])
    is_equal("  - failed: mm/x.c: no_match\n" in said and "  - one CPU: s1: failed: why\n" in said, True,
             "failures are named")
    is_equal("tried: 21 applied, 2 refused." in said, True, "and what was passed over")


def test_readme():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "README.md")
        with open(path, "w", encoding="utf-8") as f:
            f.write("before\n" + kernels.BEGIN + "old\n" + kernels.END + "after\n")
        kernels.put_into(path, "new\n")
        with open(path, encoding="utf-8") as f:
            is_equal(f.read(), "before\n" + kernels.BEGIN + "new\n" + kernels.END + "after\n",
                     "the table takes the place of the old one")
        with open(path, "w", encoding="utf-8") as f:
            f.write("no marks\n")
        try:
            kernels.put_into(path, "new\n")
            said = None
        except SystemExit as e:
            said = str(e)
        is_equal(said, f"kernels: {path} has no place for the table", "no marks, no table")


test_choice()
test_table()
test_readme()
print(f"1..{count}")
sys.exit(failures > 0)
