# SPDX-License-Identifier: GPL-2.0-only
"""A mirror that is made by rsync while updates are published, as docs/uptrack-format.md has
it, is good after each step; the commands are taken from there."""

import os
import re
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from publish_kit import KERNEL, TOP, add, adds, done, ok, package, repo, run, work, works  # noqa: E402

ROUNDS = 12
OTHERS = [f"debian/amd64/6.1.0-{n}-amd64/6.1.{n}-1" for n in range(10, 40)]


def commands():
    """The rsync commands of the section "Mirrors"."""
    with open(os.path.join(TOP, "docs/uptrack-format.md")) as f:
        text = f.read().split("## Mirrors")[1].split("## Publishing")[0]
    found = re.findall(r"^    (rsync .*(?:\\\n.*)*)$", text.replace("\\\n", ""), re.M)
    return [c.replace("SOURCE/", repo + "/").replace("NEW/", work + "/new/").replace("MIRROR/", work + "/mirror/")
            for c in found]


def publish(stop, failed):
    n = 0
    while not stop.is_set():
        n += 1
        if n % 3:
            r = add(package(f"x{n}", replaced=(f"f{n}",)))
        else:
            r = run("resign")
        if r.returncode:
            failed.append(r.stderr)
            return
    print(f"# {n} commands published meanwhile")


works("init", "init", "--no-password")
works("kernels", "kernel", KERNEL, *OTHERS)
adds("an update", package("first"))
steps = commands()
ok(len(steps) == 3, "three commands make a mirror", steps)
for d in ("new/v1", "mirror/v1"):
    os.makedirs(os.path.join(work, d))
stop, failed = threading.Event(), []
publisher = threading.Thread(target=publish, args=(stop, failed))
publisher.start()
wrong = []
for n in range(ROUNDS):
    for i, command in enumerate(steps):
        r = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        if r.returncode:
            wrong.append((n, i, r.stdout))
        # Before the first round is done, there is nothing to be served.
        if n or i == 2:
            checked = run("check", repo=os.path.join(work, "mirror"), secret=None)
            if checked.returncode:
                wrong.append((n, i, checked.stderr))
stop.set()
publisher.join()
ok(not failed, "updates were published meanwhile", failed)
ok(not wrong, f"the mirror was good after each step of {ROUNDS} rounds", wrong[:3])
for command in steps:
    subprocess.run(command, shell=True, check=True)
r = subprocess.run(["diff", "-r", repo, work + "/mirror"], stdout=subprocess.PIPE, text=True)
ok(r.returncode == 0, "and in the end it is the same", r.stdout)
done()
