# SPDX-License-Identifier: GPL-2.0-only
"""The few changed files that a changed .c file needs in order to compile.

Changed headers first.  A header may in turn break other .c files, which the
same change mended: these become part of the patch, with the headers that they
need.

A trial is the kernel's own compiler command with -fsyntax-only, in a farm of
symbolic links to the first source in which single files are those of the
second.  Headers are added one at a time: the one whose added lines have most
of the names that the compiler misses.  In the end each is left out once more,
to see whether it is needed.
"""

import os
import re
import shlex
import subprocess

MOST = 5  # more headers than that, or .c files beside the first, make no per-file patch

QUOTED = re.compile(r"['\u2018]([^'\u2019]+)['\u2019]")
WORD = re.compile(r"[A-Za-z_]\w*")
C_WORDS = {"struct", "union", "enum", "const", "void", "int", "unsigned", "long", "char", "short",
           "static", "inline", "volatile", "_Bool", "bool"}
MISSING_FILE = re.compile(r"fatal error: (\S+): No such file")
BROKEN = re.compile(r"^make\[\d+\]: \*\*\* \[[^]]*?([\w./-]+)\.o\] Error", re.M)


class Farm:
    """A copy of a source tree in links, with some files of another tree in it."""

    def __init__(self, directory, source, other):
        self.directory, self.source, self.other = directory, source, other
        self.taken = []

    def make(self):
        done = os.path.join(self.directory, ".complete")
        if os.path.exists(done):
            return
        subprocess.run(["rm", "-rf", self.directory], check=True)
        os.makedirs(self.directory)
        for entry in sorted(os.listdir(self.source)):
            if entry not in ("ksplice", "Documentation", ".git"):
                subprocess.run(["cp", "-rs", os.path.join(self.source, entry), self.directory],
                               check=True)
        with open(done, "w", encoding="ascii"):
            pass

    def take(self, path):
        """The file of the other tree takes its place."""
        place = os.path.join(self.directory, path)
        self.taken.append(path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if os.path.lexists(place):
            os.unlink(place)
        os.symlink(os.path.join(self.other, path), place)

    def put_back(self, path):
        place = os.path.join(self.directory, path)
        self.taken.remove(path)
        if os.path.lexists(place):
            os.unlink(place)
        if os.path.exists(os.path.join(self.source, path)):
            os.symlink(os.path.join(self.source, path), place)

    def restore(self):
        for path in list(self.taken):
            self.put_back(path)


def kept_command(commands, compiler, farm, path):
    """The command of a unit from the cache of ksplice-create, which keeps what it has asked kbuild:
    (words, farm), or None.  commands: the file's text."""
    target = path[:-2] + ".o\t"
    for line in commands.splitlines():
        if line.startswith(target):
            words = shlex.split(line[len(target):])
            return [compiler] + words + [os.path.join(farm, path)], farm
    return None


def broken_units(log):
    """Whose objects make could not build, by what it printed."""
    return sorted({os.path.normpath(name) + ".c" for name in BROKEN.findall(log)})


def undefined_names(said):
    """What the new code refers to and nobody has, by what ksplice-create said."""
    return sorted(set(re.findall(r"undefined reference to '(\w+)'", said)))


def defines(text, name):
    """Does a line that begins in the first column, and is no prototype, name it?"""
    return re.search(rf"^(?:[A-Za-z_][^;\n]*)?\b{name}\b(?![^;{{]*;)", text, re.M) is not None


def parse_command(log, path):
    """The compiler command of the unit path in what ksplice-create -vv said: (words, farm)."""
    fallback = None
    for line in log.splitlines():
        if " -c -o " not in line or "-D__KERNEL__" not in line:
            continue
        words = shlex.split(line.split(" ; ")[0])
        source = words[-1]
        match = re.match(r"(.*/farm)/(.+)$", source)
        if match and match.group(2) == path:
            return words, match.group(1)
        if match and fallback is None:
            fallback = (words, match.group(1))
    return fallback


def trial_command(words, old_farm, farm):
    """The same without output, in another farm."""
    result, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word == "-o":
            skip = True
        elif word != "-c" and not word.startswith("-Wp,-M"):
            result.append(word.replace(old_farm, farm))
    return result


def missing_names(errors):
    """What the compiler lacks, from its error messages."""
    names = set()
    for line in errors.splitlines():
        if "error:" in line or "declared inside parameter list" in line:
            for quoted in QUOTED.findall(line.split("; did you mean")[0]):
                names.update(w for w in WORD.findall(quoted) if w not in C_WORDS)
    return names


def added_words(diff):
    words = set()
    for line in diff.splitlines():
        if line[:1] in "+-" and line[:3] not in ("+++", "---"):
            words.update(WORD.findall(line))
    return words


class Search:
    """changed: the headers that differ; diff_of(path): the text of a difference."""

    def __init__(self, farm, command, cwd, changed, diff_of):
        self.farm, self.command, self.cwd = farm, command, cwd
        self.changed, self.diff_of = set(changed), diff_of
        self.errors, self.given = "", set()

    def compile(self):
        done = subprocess.run(self.command + ["-fsyntax-only"], cwd=self.cwd, text=True,
                              errors="replace", check=False, env=dict(os.environ, LC_ALL="C"),
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.errors = done.stderr
        return done.returncode == 0

    def reachable(self):
        """Changed headers that the unit includes now, and files that it lacks altogether."""
        done = subprocess.run(self.command + ["-M", "-MG"], cwd=self.cwd, text=True,
                              errors="replace", check=False, env=dict(os.environ, LC_ALL="C"),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        prefix, found = self.farm.directory + "/", set()
        for word in done.stdout.split():
            if word.startswith(prefix):
                found.add(os.path.normpath(word[len(prefix):]))
            elif not word.startswith("/"):
                found |= self.named(word)
        for word in MISSING_FILE.findall(done.stderr + self.errors):
            found |= self.named(word)
        return (found & self.changed) - self.given

    def named(self, word):
        return {path for path in self.changed if path == word or path.endswith("/" + word)}

    def find(self, path, others=()):
        """The headers for the unit path, sorted; None where none of the sets tried will do.
        others: files that are part of the patch anyway."""
        self.given = {path, *others}
        for taken in self.given:
            self.farm.take(taken)
        try:
            return self.search()
        finally:
            self.farm.restore()

    def search(self):
        chosen = []
        while not self.compile():
            best = self.best(chosen)
            if best is None or len(chosen) > MOST + 2:
                return self.all_at_once(chosen)
            chosen.append(best)
            self.farm.take(best)
        return self.minimise(chosen)

    def best(self, chosen):
        missing, best = missing_names(self.errors), None
        files = set(MISSING_FILE.findall(self.errors))
        for path in sorted(self.reachable() - set(chosen)):
            diff = self.diff_of(path)
            score = len(missing & added_words(diff))
            score += 100 * any(path.endswith("/" + name) for name in files)
            if score and (best is None or (score, -len(diff)) > best[0]):
                best = ((score, -len(diff)), path)
        return best[1] if best else None

    def all_at_once(self, chosen):
        """Every changed header within reach, then fewer and fewer."""
        taken = set(chosen)
        for _ in range(4):
            more = self.reachable() - taken
            if not more:
                break
            for path in sorted(more):
                self.farm.take(path)
            taken |= more
        if not self.compile():
            return None
        return self.minimise(self.halve(sorted(taken)))

    def halve(self, chosen):
        """Leaves out large parts first, so that few trials are needed."""
        size = len(chosen) // 2
        while size >= 1 and len(chosen) > 1:
            at = 0
            while at < len(chosen):
                part = chosen[at:at + size]
                if self.works_without(part):
                    chosen = chosen[:at] + chosen[at + size:]
                else:
                    at += size
            size //= 2
        return chosen

    def minimise(self, chosen):
        for path in list(chosen):
            if len(chosen) > 1 and self.works_without([path]):
                chosen.remove(path)
        return sorted(chosen) if len(chosen) <= MOST else None

    def works_without(self, paths):
        for path in paths:
            self.farm.put_back(path)
        if self.compile():
            return True
        for path in paths:
            self.farm.take(path)
        return False
