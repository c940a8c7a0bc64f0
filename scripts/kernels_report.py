# SPDX-License-Identifier: GPL-2.0-only
"""The table of scripts/kernels: short for README.md, long for docs/kernels.md.

A row is a dictionary, one JSON line of kernels.json:
  release, version, flavour, series, other (whose source the patches come from),
  patches (the files), functions (replaced by these), layouts (of how many patches a changed
  layout was accepted), tried (all patches that were looked at, by result), not_made (failures
  of ksplice-create), seconds, revision,
  ways (of booting): printk, applied, apart (by result), failures, only_in_batch, call_depth
  or error, where there is no row.
"""

import os

from kernels_run import PRINTK, STUFF, WAYS, complete

BEGIN, END = "<!-- kernels: begin -->\n", "<!-- kernels: end -->\n"


def cell(row, way):
    """"20/20", and what it means where that is not plain."""
    found = row.get("ways", {}).get(way)
    if not found:
        return "-"
    text = f"{found['applied']}/{len(row['patches'])}"
    text += "".join(f", {n} {result}" for result, n in sorted(found["apart"].items()))
    if way == STUFF and found["call_depth"] is None:
        text += " (unknown to this kernel)"
    if way == STUFF and found["call_depth"] is False:
        text += " (not in effect)"
    return text


def printk(row):
    bad = [way for way in WAYS if not row.get("ways", {}).get(way, {}).get("printk")]
    return "no: " + ", ".join(bad) if bad else "yes"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def short_table(rows):
    """Rows that are complete: a kernel of which not all is known is not in README.md."""
    return table(["kernel", "source", "printk"] + list(WAYS),
                 [[f"`{r['release']}`", r["version"], printk(r)] + [cell(r, way) for way in WAYS]
                  for r in rows if complete(r)])


def readme(rows, command):
    return short_table(rows) + f"\nMade by `{command} --readme`.\n"


def long_table(rows):
    return table(["release", "version", "flavour", "printk"] + list(WAYS) + ["seconds"],
                 [[f"`{r['release']}`", r["version"], r["flavour"], printk(r)] +
                  [cell(r, way) for way in WAYS] + [r["seconds"]]
                  for r in rows if "patches" in r])


def tried_table(rows):
    """What was looked at until there were enough patches."""
    rows = [r for r in rows if "patches" in r]
    results = sorted({result for r in rows for result in r["tried"]})
    return table(["release", "patches from"] + results + ["functions replaced", "accepted layouts"],
                 [[f"`{r['release']}`", f"`{r['other']}`"] +
                  [r["tried"].get(x, 0) for x in results] + [r["functions"], r["layouts"]]
                  for r in rows])


def failures(row):
    """Lines for all that is no good in a row."""
    found = [f"no row: {row['error']}"] if "error" in row else []
    found += [f"ksplice-create: {f}" for f in row.get("not_made", [])]
    for way, said in row.get("ways", {}).items():
        found += [f"{way}: {f}" for f in said["failures"]]
        found += [] if said["printk"] or any(f.startswith(PRINTK) for f in said["failures"]) \
            else [f"{way}: the printk update was not verified"]
    return found


def notes(row):
    """What failed among others and was good alone."""
    return [f"{way}: good alone, but in one boot with others: {f}"
            for way, said in row.get("ways", {}).items() for f in said["only_in_batch"]]


def listed(rows, what):
    lines = []
    for r in rows:
        lines += [f"- `{r['release']}`: " + " ".join(line.split()) for line in what(r)]
    return "\n".join(lines) + "\n" if lines else "None.\n"


def markdown(rows, command):
    revisions = sorted({r["revision"] for r in rows if "revision" in r})
    return ("<!-- SPDX-License-Identifier: GPL-2.0-only -->\n# Kernels\n\n"
            f"Made by `{command}`, revision {', '.join(revisions) or 'unknown'}. Each kernel had"
            " the update of\n`tests/patches/printk.patch`, and updates of real patches, applied,"
            " undone, applied and undone, in one VM\nfor each way of booting; a number is that of"
            " the patches that were verified. `retbleed=stuff` is booted\non a CPU that needs it,"
            " and the kernel's log must say that it is in effect; Linux 6.1 has no such thing.\n\n"
            + long_table(rows) +
            "\n## The patches\n\nEach is what changed in one file between the kernel's source and"
            " another one of its series, in an order\nthat is random, but always the same. One that"
            " is refused, changes no code that runs, does not compile\nwithout others, or tells"
            " nothing in a VM (a task never leaves its code, its hardware is not there), gives\nits"
            " place to the next. Changed layouts of types are accepted; the last column is the"
            " number of the patches\nthat are refused without that.\n\n"
            + tried_table(rows) + "\n## Failures\n\n" + listed(rows, failures) +
            "\n## Only among others\n\n" + listed(rows, notes))


def write(path, text):
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(path + ".new", path)


def with_table(old, text):
    """@old with @text between its two marks; None where it has no such place."""
    if old.count(BEGIN) != 1 or END not in old.split(BEGIN, 1)[1]:
        return None
    before, rest = old.split(BEGIN, 1)
    return before + BEGIN + text + END + rest.split(END, 1)[1]
