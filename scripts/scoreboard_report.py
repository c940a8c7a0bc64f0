# SPDX-License-Identifier: GPL-2.0-only
"""Records of single patches, and the report on all of them.

A record is a dictionary, one JSON line of results.json:
  path, class ("alone" or "headers"), headers, companions (other .c files), targets, units, replaced, added, removed,
  layouts (types that it lays out differently, with what changes: refused, had they not been accepted),
  extended (types that only get more where nothing was: a warning),
  result, reasons, cause, only_init, create_seconds, verify_seconds, match_ns, pause_ns,
  id, revision, steps (seconds of ksplice-create by its own steps)
result is one of RESULTS.
"""

import collections
import json
import os
import re
import statistics

APPLIED = "applied"
UNCHANGED = "nothing to change"
REFUSED = "refused"
UNLOADABLE = "unloadable"
UNSTARTED = "unstarted"
BUSY = "busy"
FAILED = "failed"
UNFINISHED = "unfinished"        # it took longer than --limit: nothing is known about it
NEEDS_HEADERS = "needs headers"  # and was not asked to be tried with them
NO_PATCH = "no patch"            # it does not compile with up to five headers
RESULTS = [APPLIED, UNCHANGED, REFUSED, BUSY, UNSTARTED, UNLOADABLE, FAILED, UNFINISHED,
           NEEDS_HEADERS, NO_PATCH]
COUNTED = [APPLIED, REFUSED, BUSY, FAILED]

# ksplice-create's note on a change that is in code or data of the boot.
BOOT_ONLY = re.compile(r": not in the update: ")


class Records:
    """results.json: appended while running, so that a run can be stopped and resumed."""

    def __init__(self, path):
        self.path, self.all = path, {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                for line in f:
                    if line.endswith("\n"):  # the last line of a run that was killed may not
                        record = json.loads(line)
                        self.all[record["path"]] = record
            self.rewrite()

    def rewrite(self):
        with open(self.path + ".new", "w", encoding="utf-8") as f:
            for record in self.all.values():
                f.write(json.dumps(record, sort_keys=True) + "\n")
        os.replace(self.path + ".new", self.path)

    def add(self, record):
        self.all[record["path"]] = record
        with open(self.path, "a", encoding="utf-8") as f:
            f.write(json.dumps(record, sort_keys=True) + "\n")


def classify_create(status, out, said):
    """The outcome of a ksplice-create that wrote no update: a part of a record."""
    text = said.strip()
    if status == 66:
        if re.search(r"not built in this configuration|nothing to do for it", text + out) and \
           "Comparing objects" not in text:
            return {"result": NO_PATCH, "cause": "not compiled in this configuration"}
        return {"result": UNCHANGED, "only_init": bool(BOOT_ONLY.search(text))}
    message = text.split("ksplice-create: ", 1)[-1]
    first = message.split("\n", 1)[0]
    if re.search("the patched source does not (compile|link)", first):
        return {"result": NO_PATCH, "cause": first_error(message)}
    if status == 65:
        reasons = [line.strip() for line in message.splitlines()[1:] if line.startswith("  ")]
        return {"result": REFUSED, "reasons": reasons or [first]}
    return {"result": FAILED, "cause": "ksplice-create: " + (first or f"status {status}")}


def first_error(message):
    for line in message.splitlines():
        if "error:" in line or "undefined reference to" in line:
            return line.strip()
    return message.split("\n", 1)[0]


def group_of(reason):
    """A reason without the names and numbers in it, so that equal ones fall together."""
    text = re.sub(r"^(the update cannot be made safely: )", "", reason)
    text = re.sub(r"^[\w./-]+\.[cSh]: (?:[^:]*?\(section [^)]*\): |section [^:]*: )?", "", text)
    text = text.split(";")[0]
    text = re.sub(r"\bthe static key \S+,", "a static key,", text)
    text = re.sub(r"the module \w+", "a module", text)
    text = re.sub(r"0x[0-9a-f]+|\b\d+\b", "N", text)
    return text


def totals(records):
    count = collections.Counter(r["result"] for r in records)
    counted = sum(count[r] for r in COUNTED)
    return count, counted


def percent(part, whole):
    return f"{100 * part / whole:.1f}%" if whole else "-"


def quantile(values, q):
    """The value that q of all are not above."""
    values = sorted(values)
    return values[min(len(values) - 1, max(0, -(-len(values) * q // 100) - 1))] if values else 0


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def describe(r):
    """The result of a patch in words."""
    if r["result"] == UNCHANGED:
        return UNCHANGED + (" (only init code)" if r.get("only_init") else "")
    if r["result"] == REFUSED:
        more = len(r["reasons"]) - 2
        return "refused: " + "; ".join(r["reasons"][:2]) + (f"; and {more} more" if more > 0 else "")
    if r["result"] in (FAILED, BUSY, UNLOADABLE, UNSTARTED, UNFINISHED, NO_PATCH):
        return f"{r['result']}: {r.get('cause', '')}"
    return r["result"]


def kind_of(r):
    """built-in, modules, or both."""
    targets = r.get("targets", [])
    modules = [t for t in targets if t != "vmlinux"]
    return ", ".join((["built-in"] if "vmlinux" in targets else []) + modules[:4] +
                     ([f"and {len(modules) - 4} more"] if len(modules) > 4 else []))


def table(rows, header):
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(cell(c) for c in row) + " |" for row in rows]
    return lines + [""]


def accepted(records):
    """Those that are applied because a changed layout was accepted, and refused by default."""
    return [r for r in records if r["result"] == APPLIED and r.get("layouts")]


def default_lines(records):
    """What becomes of them without --accept-layout=all."""
    count, counted = totals(records)
    by_default = count[APPLIED] - len(accepted(records))
    extended = [r for r in records if r["result"] == APPLIED and r.get("extended") and
                not r.get("layouts")]
    return [f"- {len(accepted(records))} of those that are applied change the layout of a type, which was"
            " accepted for all (`--accept-layout=all`): by default they are refused, and"
            f" {by_default} of {counted} ({percent(by_default, counted)}) are applied."
            f" {len(extended)} more only add to a type where nothing was, which is a warning."]


def totals_section(records):
    header = ["", "patches"] + RESULTS[:8] + ["applied of those that change running code",
                                              "of these, with an accepted layout"]
    rows = []
    for name, chosen in [
            ("all", records),
            ("one .c file alone", [r for r in records if r["class"] == "alone"]),
            ("with changed headers", [r for r in records if r["class"] == "headers"]),
            ("built-in", [r for r in records if r.get("targets") == ["vmlinux"]]),
            ("modules", [r for r in records if r.get("targets") != ["vmlinux"]])]:
        measured = [r for r in chosen if r["result"] not in (NEEDS_HEADERS, NO_PATCH)]
        count, counted = totals(measured)
        if measured:
            rows.append([name, len(measured)] + [count[r] for r in RESULTS[:8]] +
                        [f"{count[APPLIED]} of {counted} ({percent(count[APPLIED], counted)})",
                         len(accepted(measured))])
    lines = ["## Totals", ""] + table(rows, header)
    count, _ = totals(records)
    unchanged = [r for r in records if r["result"] == UNCHANGED]
    init = sum(bool(r.get("only_init")) for r in unchanged)
    lines += [f"- Of the {len(unchanged)} with nothing to change, {init} change only init code.",
              *default_lines(records),
              f"- Passed over: {count[NEEDS_HEADERS]} need changed headers (`--headers` tries them),"
              f" {count[NO_PATCH]} are no patch on their own (more headers than five, or not"
              " compiled here).", ""]
    return lines


def times_section(records):
    records = [r for r in records if r["result"] not in (NEEDS_HEADERS, NO_PATCH)]
    rows = []
    made = [r for r in records if "replaced" in r]
    for name, key, scale, form, chosen in [
            ("ksplice-create that made an update, s", "create_seconds", 1, "{:.1f}", made),
            ("ksplice-create, all, s", "create_seconds", 1, "{:.1f}", records),
            ("turn in the VM, s", "verify_seconds", 1, "{:.1f}", made),
            ("match, ms", "match_ns", 1e6, "{:.1f}", made),
            ("machine stopped, ms", "pause_ns", 1e6, "{:.2f}", made)]:
        values = [r[key] / scale for r in chosen if r.get(key)]
        if values:
            rows.append([name, len(values), form.format(statistics.median(values)),
                         form.format(quantile(values, 90)), form.format(max(values))])
    steps = collections.defaultdict(list)
    for r in made:
        for name, seconds in r.get("steps", {}).items():
            steps[name or "(start)"].append(seconds)
    for name, values in steps.items():
        if statistics.median(values) >= 0.05:
            rows.append([f"of these: {name}, s", len(values), f"{statistics.median(values):.1f}",
                         f"{quantile(values, 90):.1f}", f"{max(values):.1f}"])
    return ["## Times", ""] + table(rows, ["", "patches", "median", "90th percentile", "most"])


def groups_section(records):
    groups = collections.defaultdict(set)
    for r in records:
        for reason in r.get("reasons", []) if r["result"] == REFUSED else []:
            groups[group_of(reason)].add(r["path"])
    rows = [[len(paths), reason, ", ".join(sorted(paths)[:3]) + (", ..." if len(paths) > 3 else "")]
            for reason, paths in sorted(groups.items(), key=lambda g: (-len(g[1]), g[0]))]
    if not rows:
        return []
    return ["## Reasons of refusals", "", "A patch may have several.", ""] + \
        table(rows, ["patches", "reason", "where"])


def layouts_section(records):
    """An idle VM tells nothing about objects of the old layout: these are said apart."""
    lines = []
    for key, title, text in [
            ("layouts", "Applied with an accepted layout: refused by default",
             "The update is right for objects that are made after it; whether older ones are in use,"
             " only its author can know."),
            ("extended", "Applied with a warning: more in a type, where nothing was",
             "In older objects, what is new holds what the padding held: usually 0.")]:
        chosen = [r for r in records if r["result"] in (APPLIED, UNSTARTED) and r.get(key)]
        if chosen:
            lines += [f"## {title}", "", text, ""] + \
                table([[r["path"], kind_of(r), "<br>".join(r[key])] for r in chosen],
                      ["patch", "target", "types"])
    return lines


def list_section(title, records, result):
    chosen = [r for r in records if r["result"] == result]
    if not chosen:
        return []
    return [f"## {title}", ""] + \
        table([[r["path"], kind_of(r), r.get("cause", "")] for r in chosen],
              ["patch", "target", "cause"])


def markdown(records, title, command):
    records = sorted(records, key=lambda r: r["path"])
    lines = [f"# {title}", ""]
    revisions = sorted({r.get("revision", "?") for r in records})
    lines += [f"Made by `{command}`, revision {', '.join(revisions)}.", ""]
    lines += totals_section(records) + times_section(records) + groups_section(records)
    lines += list_section("Failures", records, FAILED)
    lines += layouts_section(records)
    lines += list_section("Not finished in the time that was given", records, UNFINISHED)
    lines += list_section("Refused when applied: a task never leaves the code that is replaced",
                          records, BUSY)
    lines += list_section("Applied to a module that was not started, for want of its hardware",
                          records, UNSTARTED)
    lines += list_section("Modules that do not load in the VM", records, UNLOADABLE)
    rows = [[" + ".join([r["path"], ", ".join(r.get("headers", []) + r.get("companions", []))]
                        [:1 + bool(r.get("headers"))]),
             kind_of(r), r.get("replaced", "-"), r.get("added", "-"), r.get("removed", "-"),
             describe(r), f"{r['create_seconds']:.1f}"]
            for r in records if r["result"] not in (NEEDS_HEADERS, NO_PATCH)]
    lines += ["## Patches", ""]
    lines += table(rows, ["patch", "target", "replaced", "added", "removed", "result", "s"])
    rows = [[r["path"], kind_of(r), r["result"], r.get("cause", "")]
            for r in records if r["result"] in (NEEDS_HEADERS, NO_PATCH)]
    if rows:
        lines += ["## Passed over", ""] + table(rows, ["file", "target", "why", "first error"])
    return "\n".join(lines).rstrip() + "\n"
