# SPDX-License-Identifier: GPL-2.0-only
"""A row of scripts/kernels: makes the updates for one kernel and boots it in each way.

The scoreboard's workers make and try the updates; see scoreboard_run.py.
"""

import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import time

from kernels_choice import flavour_of, series_of, shuffled
from scoreboard_report import APPLIED, BUSY, FAILED, NO_PATCH, UNLOADABLE, UNSTARTED
from scoreboard_run import Stopped, Verifier, Worker

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
# Where retbleed=stuff has an effect, the CPU has to be one that needs it.
STUFF = "retbleed=stuff"
WAYS = {
    "as it is": [],
    "mitigations=off": ["--append=mitigations=off"],
    "one CPU": ["--smp=1"],
    STUFF: ["--cpu=Skylake-Server", "--append=retbleed=stuff spectre_v2=retpoline"],
}
IN_EFFECT = "callthunks: Setting up call depth tracking"
# The name under which the scoreboard's code knows tests/patches/printk.patch.
PRINTK = "tests/patches/printk.c"
# The first update for a kernel builds what all need.
FIRST_LIMIT = 3600
# What tells nothing of Ksplice in this VM: the next patch takes its place.
APART = (UNSTARTED, UNLOADABLE, BUSY)


def scoreboard():
    """The script without .py, as a module."""
    path = os.path.join(TOP, "scripts", "scoreboard")
    loader = importlib.machinery.SourceFileLoader("scoreboard", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("scoreboard", loader))
    loader.exec_module(module)
    return module


class RowError(Exception):
    """The row cannot be made; others can."""


def tool(name):
    return os.path.join(TOP, "bin", name)


class Sources:
    """Trees of ksplice-prepare: those that were given, and those that are made here."""

    def __init__(self, given, out, keep):
        self.given, self.out, self.keep = given, out, keep
        self.used = set()

    def own(self, release):
        return os.path.join(self.out, "linux-" + release)

    def get(self, release):
        if release in self.given:
            return self.given[release]
        path = self.own(release)
        self.used.add(release)
        done = subprocess.run([tool("ksplice-prepare"), "-q", release, path], text=True,
                              stderr=subprocess.PIPE, check=False)
        if done.returncode:
            if done.returncode in (130, -2, -15):
                raise Stopped
            raise RowError(done.stderr.strip() or f"ksplice-prepare ended with {done.returncode}")
        return path

    def remove_but(self, needed):
        """A tree takes 1.6 GB; those that no row to come needs go."""
        for release in set() if self.keep else self.used - set(needed):
            shutil.rmtree(self.own(release))
            self.used.remove(release)


class Boots:
    """What the Verifier wants of a board, for one way of booting."""

    def __init__(self, board, way):
        self.board, self.verify_options = board, WAYS[way]
        self.updates = board.updates
        self.logs = os.path.join(board.out, "boots", way.replace(" ", "-"))
        self.done = {}
        os.makedirs(self.logs, exist_ok=True)

    @property
    def stopping(self):
        return self.board.stopping

    @staticmethod
    def tool(name):
        return tool(name)

    def file(self, _directory, path, ending):
        return os.path.join(self.logs, f"{ending}_{path[:-2].replace('/', '_')}.log")

    def finished(self, record):
        self.done[record["path"]] = record

    def run(self, records):
        """New records, with results, in the order of those that were made."""
        made = [{"path": r["path"], "id": r["id"], "tarball": f"ksplice-{r['id']}.tar.gz"}
                for r in records]
        Verifier(self).batch(made)
        return [self.done[r["path"]] for r in records]

    def forget_logs(self):
        """Of a boot that was interrupted, or made anew: what they say is not of this one."""
        for name in os.listdir(self.logs):
            os.unlink(os.path.join(self.logs, name))

    def said(self, text):
        for name in os.listdir(self.logs):
            with open(os.path.join(self.logs, name), encoding="utf-8", errors="replace") as f:
                if text in f.read():
                    return True
        return False


class Row:
    """One kernel."""

    def __init__(self, a, board):
        self.a, self.board = a, board
        self.paths = shuffled(board.read_roster(), a.seed)
        self.worker = Worker(board, 0)
        self.worker.prepare()

    def stop_if_asked(self):
        if self.board.stopping:
            raise Stopped

    def made(self, path, make):
        """The record of a patch, from an earlier run or now; no result where there is an update."""
        board = self.board
        self.stop_if_asked()
        if path in board.records.all:
            return board.records.all[path]
        known = board.created.all.get(path)
        if known and os.path.exists(os.path.join(board.updates, known["tarball"])):
            return known
        record = make(path)
        if "result" in record:
            board.records.add(record)
        else:
            board.created.add(record)
        print(f"  {path}: {record.get('result', 'made')}, {record['create_seconds']} s", flush=True)
        return record

    def printk(self, path):
        shutil.copy(os.path.join(TOP, "tests", "patches", "printk.patch"),
                    self.board.file("patches", path, "patch"))
        record = self.worker.alone(path, self.worker.run_create(path, ["--json"]))
        if "result" in record:
            raise RowError(f"the printk update: {record['result']}: {record.get('cause', '')}" +
                           "; ".join(record.get("reasons", [])))
        return record

    def good(self):
        """The patches that count: tried in a VM, and it told something."""
        records = [self.board.records.all.get(p, {}) for p in self.paths]
        return [r for r in records if r.get("result") == APPLIED or
                (r.get("result") == FAILED and "replaced" in r)]

    def next_batch(self):
        """As many updates as are still wanted."""
        batch, count = [], self.a.patches - len(self.good())
        for path in self.paths:
            if len(batch) == count:
                break
            record = self.made(path, self.worker.one_file)
            if "result" not in record:
                batch.append(record)
        return batch

    def fill(self):
        """The printk update and patches, as the kernel is; until there are enough."""
        self.board.limit = FIRST_LIMIT
        first = [self.made(PRINTK, self.printk)]
        self.board.limit = self.a.limit
        if "result" in first[0]:
            first = []
        while True:
            batch = first + self.next_batch()
            if not batch:
                return
            self.stop_if_asked()
            made = {r["path"]: r for r in batch}
            for result in Boots(self.board, "as it is").run(batch):
                self.board.records.add(dict(made[result["path"]], **result))
            first = []

    def records(self):
        """Of what is booted in each way."""
        return [self.board.records.all[PRINTK]] + self.good()

    def boot(self, way):
        self.stop_if_asked()
        boots = Boots(self.board, way)
        boots.forget_logs()
        found = outcome(boots.run(self.records()))
        if way == STUFF:
            found["call_depth"] = call_depth(self.board.trees.source, boots)
            if found["call_depth"] is False:
                found["failures"].append(f"the kernel did not say \"{IN_EFFECT}\"")
        return found


def call_depth(tree, boots):
    """Was it in effect?  None where the kernel has no such thing."""
    with open(os.path.join(tree, "ksplice", ".config"), encoding="utf-8") as f:
        if "CALL_DEPTH_TRACKING=y\n" not in f.read():
            return None
    return boots.said(IN_EFFECT)


def outcome(records):
    """Of one way of booting, from the records of the printk update and the patches."""
    patches = [r for r in records if r["path"] != PRINTK]
    apart = {result: sum(r["result"] == result for r in patches) for result in APART}
    return {"printk": all(r["result"] == APPLIED for r in records if r["path"] == PRINTK),
            "applied": sum(r["result"] == APPLIED for r in patches),
            "apart": {result: n for result, n in apart.items() if n},
            "failures": [f"{r['path']}: {r.get('cause', '')}" for r in records
                         if r["result"] == FAILED],
            "only_in_batch": [f"{r['path']}: {r['in_batch']}" for r in records
                              if "in_batch" in r and r["result"] == APPLIED]}


def summary(records):
    """Of the making, and of the first boot: all patches that were looked at, by result."""
    kinds = {}
    for r in records:
        kinds[r["result"]] = kinds.get(r["result"], 0) + 1
    return {"tried": kinds,
            "not_made": [f"{r['path']}: {r.get('cause', '')}" for r in records
                         if r["result"] == FAILED and "replaced" not in r]}


def make_row(a, sources, release, version, other, row, save):
    """Fills @row, and has it saved after each way of booting."""
    start = time.monotonic()
    out = os.path.join(a.out, release)
    module = scoreboard()
    board = module.Board(module.arguments(
        ["--from-tree", sources.get(release), "--to-tree", sources.get(other), "--out", out]))
    a.board, board.stopping = board, a.stopping
    work = Row(a, board)
    work.fill()
    good = work.good()
    looked_at = [r for p, r in board.records.all.items() if p != PRINTK]
    row.update(summary(looked_at), release=release, version=version, series=series_of(release),
               flavour=flavour_of(release), other=other, patches=[r["path"] for r in good],
               layouts=sum(bool(r.get("layouts")) for r in good), revision=board.revision,
               functions=sum(r["replaced"] for r in good))
    row.pop("error", None)
    row.setdefault("ways", {})["as it is"] = outcome(work.records())
    for way in WAYS:
        if way not in row["ways"]:
            row["ways"][way] = work.boot(way)
        row["seconds"] = row.get("seconds", 0) + round(time.monotonic() - start)
        start = time.monotonic()
        save()
    if not a.keep:
        for name in ("cache-0", "farm-0"):
            shutil.rmtree(os.path.join(out, name), ignore_errors=True)


def complete(row):
    return len(row.get("ways", {})) == len(WAYS)
