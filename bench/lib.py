# SPDX-License-Identifier: GPL-2.0-only
"""What the benchmarks share: trees, updates of many functions, and guests."""

import json
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
OUT = os.path.join(TOP, "build", "bench")

# A function that begins in the first column, with its body; not the declaration of a table.
FUNCTION = re.compile(r"^(?!struct|union|enum|typedef|static const struct)[a-z][^;{}=#]*\)\n\{\n", re.M)


# Built in, and with functions enough; nothing in a VM sleeps in them.
FILES = ["fs/ext4/" + name + ".c" for name in (
    "balloc bitmap block_validity dir extents extents_status file fsmap fsync hash ialloc "
    "indirect inline inode ioctl mballoc migrate mmp move_extent namei page-io resize xattr "
    "xattr_trusted xattr_user fast_commit orphan acl readpage symlink super").split()] + [
        "fs/jbd2/" + name + ".c" for name in "checkpoint commit recovery revoke transaction".split()]


def fail(text):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {text}")


def tool(name):
    return os.path.join(TOP, "bin", name)


def run(argv, **options):
    done = subprocess.run(argv, text=True, errors="replace", check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode:
        fail(f"{argv[0]} failed with status {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def tree(path):
    """A prepared source tree, and its kernel's release."""
    if not path:
        release = run([tool("ksplice-prepare"), "--newest=6.1.*-cloud-amd64"]).strip()
        path = os.path.join(OUT, "linux-" + release)
        run([tool("ksplice-prepare"), release, path])
    with open(os.path.join(path, "ksplice", "kernel"), encoding="utf-8") as f:
        info = dict(line.rstrip("\n").split(": ", 1) for line in f if ": " in line)
    return os.path.realpath(path), info["release"]


def widened(source, path, most):
    """The file with an instruction more in up to so many functions, and how many they are."""
    with open(os.path.join(source, path), encoding="utf-8") as f:
        text = f.read()
    count = 0

    def add(match):
        nonlocal count
        head = match.group(0)
        if count >= most or re.search(r"\b(__init|__exit|noinstr|inline|__always_inline|"
                                      r"__cold|__sched)\b", head):
            return head
        count += 1
        return head + '\tasm volatile("nop");\n'
    return FUNCTION.sub(add, text), count


def many_functions(source, files, wanted, patch):
    """Writes a patch that changes about so many functions of the files."""
    have = 0
    with open(patch, "w", encoding="utf-8") as out:
        for path in files:
            if have >= wanted:
                break
            text, count = widened(source, path, wanted - have)
            have += count
            done = subprocess.run(["diff", "-u", "--label", "a/" + path, "--label", "b/" + path,
                                   os.path.join(source, path), "-"], input=text, text=True,
                                  stdout=subprocess.PIPE, check=False)
            out.write(done.stdout)


def module(source, name, directory):
    """Builds bench/guest/NAME against the tree's headers; returns where its modules are."""
    here, there = os.path.join(TOP, "bench", "guest", name), os.path.join(directory, name)
    os.makedirs(there, exist_ok=True)
    run(["cp", *(os.path.join(here, f) for f in os.listdir(here)), there])
    run(["make", "-s", "-C", os.path.join(source, "ksplice", "build"), "M=" + there,
         "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules"])
    return there


def guest(release, script, adds, *options):
    """Runs bench/guest/SCRIPT in a VM with these files; returns the lines that it prints."""
    tools = [f"{tool(t)}:/bin/{t}" for t in ("ksplice-apply", "ksplice-undo")]
    return run([tool("ksplice-verify"), f"--shell={os.path.join(TOP, 'bench', 'guest', script)}",
                f"--release={release}", "-v", *options,
                *("--add=" + f for f in adds + tools)]).splitlines()


def create(source, update, patch, directory):
    """Makes an update; returns its manifest."""
    tarball = os.path.join(directory, f"ksplice-{update}.tar.gz")
    if not os.path.exists(tarball) or os.path.getmtime(tarball) < newest_part():
        run([tool("ksplice-create"), "-q", f"--id={update}", f"--patch={patch}", source],
            cwd=directory)
    return json.loads(run([tool("ksplice-view"), "--json", f"--file={tarball}"]))


def updates(source, wanted, directory):
    """Updates of so many functions of the same files; their ids, and how many it came to."""
    made = []
    for n in wanted:
        update = f"bench{n}"
        patch = os.path.join(directory, update + ".patch")
        many_functions(source, FILES, n, patch)
        manifest = create(source, update, patch, directory)
        made.append((update, sum(len(u["replaced"]) for u in manifest["units"])))
    return made


def newest_part():
    """An update is made again after a change of what it is made with."""
    parts = [tool("ksplice-create")]
    for directory, _, files in os.walk(os.path.join(TOP, "bin", "share")):
        parts += [os.path.join(directory, f) for f in files]
    return max(os.path.getmtime(p) for p in parts)
