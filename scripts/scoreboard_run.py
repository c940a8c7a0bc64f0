# SPDX-License-Identifier: GPL-2.0-only
"""Making the update of a patch, and verifying updates in VMs."""

import glob
import hashlib
import json
import os
import re
import subprocess
import tempfile
import threading
import time

from scoreboard_headers import (MOST, Farm, Search, broken_units, defines, kept_command,
                                parse_command, trial_command, undefined_names)
from scoreboard_report import (APPLIED, BUSY, FAILED, NEEDS_HEADERS, NO_PATCH, UNFINISHED, UNLOADABLE,
                               UNSTARTED, classify_create)


class Stopped(Exception):
    """A signal came: what was going on is not recorded."""


class Trees:
    """The two sources, with what differs between them."""

    def __init__(self, source, other):
        self.source, self.other = os.path.realpath(source), os.path.realpath(other)

    def differs(self, path):
        return read(os.path.join(self.source, path)) != read(os.path.join(self.other, path))

    def changed(self, path):
        """Is it in both, and differs?"""
        return all(os.path.exists(os.path.join(tree, path)) for tree in
                   (self.source, self.other)) and self.differs(path)

    def begins_to_define(self, path, name):
        was, now = ((read(os.path.join(tree, path)) or b"").decode(errors="replace")
                    for tree in (self.source, self.other))
        return name in now and defines(now, name) and not defines(was, name)

    def diff(self, path):
        """The patch of one file; a file may be new."""
        names = []
        for letter, tree in (("a", self.source), ("b", self.other)):
            there = os.path.exists(os.path.join(tree, path))
            names.append((f"{letter}/{path}", os.path.join(tree, path)) if there
                         else ("/dev/null", "/dev/null"))
        done = subprocess.run(["diff", "-u", "--label", names[0][0], "--label", names[1][0],
                               names[0][1], names[1][1]],
                              stdout=subprocess.PIPE, check=False)
        return done.stdout

    def changed_headers(self):
        """Files that units include, not compiled themselves: .h, and .c and .S beside them."""
        found = []
        for top in sorted(os.listdir(self.other)):
            if top in ("Documentation", "tools", "samples", "scripts", "debian", "ksplice"):
                continue
            for directory, below, files in os.walk(os.path.join(self.other, top)):
                rel = os.path.relpath(directory, self.other)
                if rel == "arch":
                    below[:] = ["x86"]
                found += [os.path.join(rel, f) for f in files if f.endswith((".h", ".inc"))]
        return sorted(path for path in found if self.differs(path))


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return None


class Worker:
    """One ksplice-create at a time, with a build cache and a farm of its own."""

    def __init__(self, board, number):
        self.board = board
        os.makedirs(os.path.join(board.out, f"cache-{number}"), exist_ok=True)
        self.cache = os.path.realpath(os.path.join(board.out, f"cache-{number}"))
        self.farm = Farm(os.path.join(board.out, f"farm-{number}"), board.trees.source,
                         board.trees.other)

    def create_command(self, path, options):
        board = self.board
        # What the layout of a type makes of it is told apart in the report.
        return [board.tool("ksplice-create"), *options, "--accept-layout=all",
                f"--jobs={board.compilers}",
                f"--id={update_id(path)}", f"--patch={board.file('patches', path, 'patch')}",
                f"--description={path}", board.trees.source]

    def prepare(self):
        """What does not depend on a patch, so that no patch is charged with it."""
        subprocess.run([self.board.tool("ksplice-create"), "--prebuild", "-q",
                        self.board.trees.source], env=self.environment(),
                       stdout=subprocess.DEVNULL, check=False)

    def environment(self):
        return dict(os.environ, KSPLICE_CACHE=self.cache, LC_ALL="C")

    def run_create(self, path, options):
        """A part of a record; "said" is what ksplice-create printed."""
        board, limit = self.board, self.board.limit
        with tempfile.TemporaryFile("w+", errors="replace") as out:
            start = time.monotonic()
            with subprocess.Popen(self.create_command(path, options), cwd=board.updates,
                                  env=self.environment(), stdout=out, stderr=subprocess.PIPE,
                                  text=True, errors="replace") as child:
                timer = threading.Timer(limit, child.terminate)
                timer.start()
                said, steps = follow(child.stderr, start)
                child.wait()
                late = not timer.is_alive()
                timer.cancel()
            seconds = round(time.monotonic() - start, 2)
            out.seek(0)
            printed = out.read()
        record = {"create_seconds": seconds, "steps": steps, "said": said}
        if late:
            record.update(result=UNFINISHED, cause=f"ksplice-create took more than {limit} seconds")
            return record
        # What a ^C did to compilers is no result of the patch.
        if child.returncode in (130, -2, -15) or (board.stopping and child.returncode not in (0, 66)):
            raise Stopped
        with open(board.file("logs", path, "create"), "w", encoding="utf-8") as f:
            f.write(said + printed)
        if child.returncode:
            record.update(classify_create(child.returncode, printed, said))
        elif "--json" in options:
            record.update(of_manifest(json.loads(printed)))
        return record

    def forget_objects(self, path):
        """Those that are compiled from the file: ksplice-create shows the command of what it
        compiles, not of what is in its cache."""
        for stamp in glob.glob(os.path.join(self.cache, "*", "pre", "**", "*.o.stamp"),
                               recursive=True):
            if (read(stamp) or b"").find(f" {path}\n".encode()) >= 0:
                os.unlink(stamp)

    def write_patch(self, path, files):
        with open(self.board.file("patches", path, "patch"), "wb") as f:
            for name in files:
                f.write(self.board.trees.diff(name))

    def alone(self, path, made):
        """The record of a patch of one file, with what became of it."""
        record = {"path": path, "class": "alone", "headers": [], "id": update_id(path),
                  "targets": sorted(self.board.targets(path)), "revision": self.board.revision}
        record.update(made)
        record.pop("said", None)
        return record

    def one_file(self, path):
        """The record of a patch without other files, without a result where an update was made."""
        self.write_patch(path, [path])
        return self.alone(path, self.run_create(path, ["--json"]))

    def create(self, path):
        """The same, with others where it does not compile without."""
        known = self.board.known_files.get(path)
        record = None if known else self.one_file(path)
        if known or (record.get("result") == NO_PATCH and "not compiled" not in record["cause"]):
            record = self.alone(path, {})
            record.update(self.with_others(path, record, known))
            record.pop("said", None)
        return record

    def with_others(self, path, record, known):
        """It does not compile alone: which headers does it take, and which .c files with these?"""
        board = self.board
        record["class"] = "headers"
        files = known or self.add_headers(path, [path])
        made = {"result": NO_PATCH if files is None else NEEDS_HEADERS}
        while files and board.with_headers:
            self.write_patch(path, files)
            made = self.run_create(path, ["--json"])
            if made.get("result") != NO_PATCH:
                break
            more = self.add_missing(files, made["said"])
            if more is None:
                break
            files = more
        if files:
            board.known_files[path] = files
            record["headers"] = [name for name in files if not name.endswith(".c")]
            record["companions"] = [name for name in files[1:] if name.endswith(".c")]
        return made

    def add_missing(self, files, said):
        """The files with those whose units did not compile, or that define what is missing."""
        names = undefined_names(said)
        if names:
            units = [path for path in self.board.changed
                     if any(self.board.trees.begins_to_define(path, name) for name in names)]
        else:
            log = max(glob.glob(os.path.join(self.cache, "*", "make.log")), key=os.path.getmtime)
            units = [unit for unit in broken_units((read(log) or b"").decode(errors="replace"))
                     if self.board.trees.changed(unit)]
        broken = [unit for unit in units if unit not in files]
        for unit in broken:
            files = self.add_headers(unit, files + [unit])
            if files is None:
                return None
        few = all(sum(name.endswith(".c") == c for name in files[1:]) <= MOST for c in (True, False))
        return files if broken and few else None

    def add_headers(self, path, files):
        """The files with the headers that one of them takes; None where no set will do."""
        words, old_farm = self.compiler_command(path)
        if not words:
            return None
        self.farm.make()
        search = Search(self.farm, trial_command(words, old_farm, self.farm.directory),
                        os.path.join(os.path.dirname(old_farm), "obj"), self.board.headers,
                        lambda p: self.board.trees.diff(p).decode(errors="replace"))
        found = search.find(path, files)
        return None if found is None else files + [name for name in found if name not in files]

    def compiler_command(self, path):
        """How the unit is compiled, and in which farm: from the cache, or by letting it happen."""
        for kept in glob.glob(os.path.join(self.cache, "*", "commands")):
            found = kept_command((read(kept) or b"").decode(), self.board.compiler,
                                 os.path.join(os.path.dirname(kept), "farm"), path)
            if found:
                return found
        self.write_patch(path, [path])
        self.forget_objects(path)
        return parse_command(self.run_create(path, ["-vv"])["said"], path) or (None, None)


STEP = re.compile(r"([A-Z][^\n]*)\.\.\.$")


def follow(stream, start):
    """All that is printed, and the seconds that each step took."""
    lines, steps, name, since = [], {}, "", start
    for line in stream:
        lines.append(line)
        match = STEP.match(line)
        if match:
            now = time.monotonic()
            steps[name] = round(steps.get(name, 0) + now - since, 2)
            name, since = step_name(match.group(1)), now
    steps[name] = round(steps.get(name, 0) + time.monotonic() - since, 2)
    return "".join(lines), steps


def step_name(text):
    """Without numbers: "Compiling 2 original objects" and "Compiling 1 original object" are one."""
    text = re.sub(r" \([^)]*\)|:.*", "", text)
    return re.sub(r"\bobjects\b", "object", re.sub(r"\b\d+ ", "", text))


def update_id(path):
    return "s" + hashlib.sha256(path.encode()).hexdigest()[:9]


def of_manifest(manifest):
    units = manifest["units"]
    return {"targets": sorted({u["target"] for u in units}),
            "units": [u["path"] for u in units],
            "replaced": sum(len(u["replaced"]) for u in units),
            "added": sum(len(u["added"]) for u in units),
            "removed": sum(len(u["removed"]) for u in units),
            "layouts": manifest.get("layouts", []),
            "extended": manifest.get("extended", []),
            "tarball": f"ksplice-{manifest['id']}.tar.gz"}


class Verifier:
    """Batches of updates in one boot; what fails there is tried again alone."""

    def __init__(self, board):
        self.board = board

    def run(self, records):
        """ksplice-verify's verdict on each, by id; a string where it has none at all."""
        board = self.board
        log = board.file("logs", records[0]["path"], "vm" if len(records) == 1 else "batch")
        command = [board.tool("ksplice-verify"), "--json", f"--log={log}", *board.verify_options,
                   *[os.path.join(board.updates, r["tarball"]) for r in records]]
        with tempfile.TemporaryFile("w+") as errors:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, text=True,
                                  errors="replace", check=False)
            errors.seek(0)
            said = errors.read()
        if done.returncode in (130, -2, -15) or (board.stopping and done.returncode):
            raise Stopped
        try:
            report = json.loads(done.stdout)
        except ValueError:
            return "ksplice-verify: " + (said.strip().split("\n")[-1] or str(done.returncode))
        updates = report.get("updates", [report])
        return {u["id"]: u for u in updates}

    def batch(self, records):
        """Finishes every record."""
        while records:
            verdicts = self.run(records)
            if isinstance(verdicts, str):
                for record in records:
                    self.alone(record)
                return
            rest = []
            for record in records:
                verdict = verdicts[record["id"]]
                if verdict["result"] in ("verified", "unstarted"):
                    self.finish(record, verdict)
                elif verdict["result"] == "not_tried" and len(verdicts) > 1:
                    rest.append(record)
                elif len(records) == 1:
                    self.finish(record, verdict)
                else:
                    record["in_batch"] = verdict["reason"]
                    self.alone(record)
            records = [] if len(rest) == len(records) else rest
            for record in rest if not records else []:
                self.alone(record)

    def alone(self, record):
        verdicts = self.run([record])
        if isinstance(verdicts, str):
            verdicts = {record["id"]: {"result": "failed", "reason": verdicts}}
        self.finish(record, verdicts[record["id"]])

    def finish(self, record, verdict):
        result = {"verified": APPLIED, "unloadable": UNLOADABLE,
                  "unstarted": UNSTARTED}.get(verdict["result"], FAILED)
        record.update(result=result, verify_seconds=round(verdict.get("seconds", 0), 2))
        for key in ("match_ns", "pause_ns", "stop_ns"):
            record[key] = verdict.get(key, 0)
        if result != APPLIED:
            record["cause"] = verdict["reason"]
            steps = [s for s in verdict.get("steps", []) if s["status"] > 0 and s.get("output")]
            if result == FAILED and steps:
                record["output"] = steps[-1]["output"][:2000]
                record["cause"] += ": " + record["output"].strip().split("\n", 1)[0][:200]
                # Five tries were not enough: init in do_wait(), a kernel thread in its loop.
                if "ksplice-apply: code_busy" in record["output"]:
                    record["result"] = BUSY
        self.board.finished(record)
