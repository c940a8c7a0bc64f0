# SPDX-License-Identifier: GPL-2.0-only
"""The pure parts of scripts/kernels: which kernels, what came of a boot, and the table."""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../scripts"))

import kernels_choice as choice  # noqa: E402
import kernels_report as report  # noqa: E402
import kernels_run as run  # noqa: E402

count = failures = 0


def is_equal(seen, wanted, name):
    global count, failures
    count += 1
    failures += seen != wanted
    print(("ok" if seen == wanted else "not ok") + f" {count} - {name}", flush=True)
    if seen != wanted:
        print(f"# {seen!r}")


RELEASES = {f"6.1.0-{n}-{flavour}": version
            for n, version in ((9, "6.1.27-1"), (54, "6.1.190-1"), (55, "6.1.192-1"),
                               (56, "6.1.192-2"))
            for flavour in choice.FLAVOURS}
RELEASES.update({f"6.12.{n}+deb12-{flavour}": f"6.12.{n}-1~deb12u1"
                 for n in (99, 113, 115, 117) for flavour in choice.FLAVOURS})


def test_choice():
    is_equal(choice.parse_list("6.1.0-9-amd64 6.1.27-1\n6.1.0-9-arm64 6.1.27-1\n\nmore text\n"),
             {"6.1.0-9-amd64": "6.1.27-1"}, "the list of ksplice-prepare")
    is_equal(choice.flavour_of("6.1.0-56-rt-amd64"), "rt-amd64", "a realtime kernel is not amd64")
    is_equal(choice.flavour_of("6.12.117+deb12-amd64"), "amd64", "nor the other way round")
    is_equal(choice.newest(RELEASES, "6.1", "amd64")[:3],
             ["6.1.0-56-amd64", "6.1.0-55-amd64", "6.1.0-54-amd64"], "9 is older than 54")
    chosen = choice.wanted(RELEASES)
    is_equal(len(chosen), 12, "two of each series and flavour")
    is_equal(chosen[:3], ["6.12.117+deb12-cloud-amd64", "6.12.115+deb12-cloud-amd64",
                          "6.12.117+deb12-amd64"], "the newest first, 117 before 99")
    other = choice.compared_with
    is_equal(other(RELEASES, "6.1.0-56-amd64"), "6.1.0-54-cloud-amd64",
             "patches come from the third newest source")
    is_equal(other(RELEASES, "6.1.0-54-amd64"), "6.1.0-56-cloud-amd64", "for that, from the newest")
    is_equal(other(RELEASES, "6.1.0-56-rt-amd64"), "6.1.0-54-rt-amd64",
             "the source for real time is compared with its own kind")
    is_equal(other({"6.1.0-56-amd64": "6.1.192-2"}, "6.1.0-56-amd64"), None, "or from none")
    twice = dict(RELEASES, **{"6.1.0-57-cloud-amd64": "6.1.192-2"})
    is_equal(other(twice, "6.1.0-56-amd64"), "6.1.0-54-cloud-amd64", "versions count, not releases")
    paths = ["c", "a", "b", "d", "e"]
    is_equal(choice.shuffled(paths, 7), choice.shuffled(sorted(paths), 7), "one seed, one order")
    is_equal(sorted(choice.shuffled(paths, 7)), sorted(paths), "of all patches")


def boot(*records):
    return [dict({"path": path, "result": result}, **more) for path, result, more in records]


def test_outcome():
    found = run.outcome(boot((run.PRINTK, "applied", {}), ("a.c", "applied", {}),
                             ("b.c", "applied", {"in_batch": "an oops"}),
                             ("c.c", "unloadable", {"cause": "no VMX"}),
                             ("d.c", "failed", {"cause": "no_match"})))
    is_equal(found["printk"], True, "the printk update is told apart")
    is_equal(found["applied"], 2, "and not one of the patches")
    is_equal(found["apart"], {"unloadable": 1}, "absent hardware is no failure")
    is_equal(found["failures"], ["d.c: no_match"], "a failure is")
    is_equal(found["only_in_batch"], ["b.c: an oops"], "what was good only alone is told")
    found = run.outcome(boot((run.PRINTK, "unloadable", {}), ("a.c", "applied", {})))
    is_equal(found["printk"], False, "printk is in every kernel")
    said = run.summary(boot(("a.c", "refused", {}), ("b.c", "failed", {"cause": "crashed"}),
                            ("c.c", "failed", {"cause": "no_match", "replaced": 1}),
                            ("d.c", "refused", {})))
    is_equal(said["tried"], {"refused": 2, "failed": 2}, "all that was looked at")
    is_equal(said["not_made"], ["b.c: crashed"], "failures of ksplice-create, and only these")


def good_row(**more):
    ways = {way: {"printk": True, "applied": 2, "apart": {}, "failures": [], "only_in_batch": []}
            for way in run.WAYS}
    ways[run.STUFF]["call_depth"] = None
    return dict({"release": "6.1.0-56-amd64", "version": "6.1.192-2", "flavour": "amd64",
                 "patches": ["a.c", "b.c"], "functions": 45, "layouts": 0, "seconds": 300,
                 "other": "6.1.0-54-cloud-amd64", "tried": {"applied": 2, "refused": 3},
                 "not_made": [], "revision": "abc", "ways": ways}, **more)


def test_table():
    row = good_row()
    is_equal(report.short_table([row]).splitlines()[2],
             "| `6.1.0-56-amd64` | 6.1.192-2 | yes | 2/2 | 2/2 | 2/2 |"
             " 2/2 (unknown to this kernel) |",
             "a row")
    row["ways"][run.STUFF]["call_depth"] = True
    is_equal(report.cell(row, run.STUFF), "2/2", "a kernel that counts call depth")
    row["ways"][run.STUFF]["call_depth"] = False
    is_equal(report.cell(row, run.STUFF), "2/2 (not in effect)", "one that should, and does not")
    is_equal(report.failures(row), [], "nothing failed")
    is_equal("| 2 | 3 | 45 | 0 |\n" in report.tried_table([row]), True, "what was passed over")
    row["ways"]["one CPU"].update(applied=1, apart={"busy": 1}, printk=False)
    is_equal(report.cell(row, "one CPU"), "1/2, 1 busy", "what tells nothing is counted apart")
    is_equal(report.printk(row), "no: one CPU", "the printk update failed in one way")
    is_equal(report.failures(row), ["one CPU: the printk update was not verified"],
             "and that is said")
    row["ways"]["one CPU"]["failures"] = [run.PRINTK + ": no_match"]
    row["not_made"] = ["x.c: crashed"]
    row["ways"]["as it is"]["only_in_batch"] = ["b.c: an oops"]
    is_equal(report.failures(row), ["ksplice-create: x.c: crashed",
                                    f"one CPU: {run.PRINTK}: no_match"], "with the reason, once")
    said = report.markdown([row], "scripts/kernels")
    is_equal("- `6.1.0-56-amd64`: ksplice-create: x.c: crashed\n" in said, True,
             "failures are named")
    is_equal("good alone, but in one boot with others: b.c: an oops" in said, True, "these, too")
    row = {"release": "r", "error": "no source\nat all"}
    is_equal("- `r`: no row: no source at all\n" in report.markdown([row, good_row()], "x"), True,
             "a kernel without a row")
    partial = good_row()
    del partial["ways"]["one CPU"]
    is_equal(len(report.short_table([partial]).splitlines()), 2, "half a row is not for the README")
    is_equal("| - |" in report.long_table([partial]), True, "and has a gap in the long table")


def test_readme():
    old = "before\n" + report.BEGIN + "old\n" + report.END + "after\n"
    is_equal(report.with_table(old, "new\n"),
             "before\n" + report.BEGIN + "new\n" + report.END + "after\n",
             "the table takes the place of the old one")
    is_equal(report.with_table("no marks\n", "new\n"), None, "no marks, no table")
    is_equal(report.with_table(report.END + report.BEGIN, "new\n"), None, "nor in the wrong order")
    is_equal(report.with_table(old + report.BEGIN, "new\n"), None, "nor in two places")


def test_trees():
    with tempfile.TemporaryDirectory() as out:
        for name in ("linux-a", "linux-b", "linux-mine"):
            os.mkdir(os.path.join(out, name))
        sources = run.Sources({"c": "/given"}, out, True)
        is_equal(sources.get("c"), "/given", "a tree that is there is used")
        sources.used = {"a", "b"}
        sources.remove_but({"b"})
        is_equal(sorted(os.listdir(out)), ["linux-a", "linux-b", "linux-mine"], "--keep keeps all")
        sources.keep = False
        sources.remove_but({"b"})
        is_equal(sorted(os.listdir(out)), ["linux-b", "linux-mine"],
                 "else of what was made here only what is needed stays")


test_choice()
test_outcome()
test_table()
test_readme()
test_trees()
print(f"1..{count}")
sys.exit(failures > 0)
