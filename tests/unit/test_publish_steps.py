# SPDX-License-Identifier: GPL-2.0-only
"""uptrack-publish is killed, and finds the disk full, at each step of what it does to a
repository.  Whatever the step, the repository is good, and it is the old one or the new one;
and the next command works."""

import os
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from publish_kit import KERNEL, NOW, adds, done, key, listed, ok, package, repo, run, stepped, work, works  # noqa: E402

kept = os.path.join(work, "kept")


def restore():
    shutil.rmtree(repo)
    shutil.copytree(kept, repo)


def state():
    """What clients are told, but for times."""
    return [(i["serial"], i["signed_by"], i.get("next_key"), [u["id"] for u in i["updates"]]) for i in listed()]


def each_step(name, *args, finish=None, mixed=False, **how):
    """Does it at each step: counts, then breaks off before each.  mixed: several kernels are
    changed, each in one step."""
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(repo, kept)
    old = state()
    r, steps = stepped(*args)
    new = state()
    ok(r.returncode == 0 and steps > 3 and new != old, f"{name}: {steps} steps", (r.stderr, steps))
    wrong = []
    for way in ("kill", "full"):
        ended = seen_old = seen_new = 0
        for n in range(1, steps + 1):
            restore()
            r, _ = stepped(*args, **{way: n})
            ended += r.returncode != 0
            if way == "full" and r.returncode not in (0, 1):
                wrong.append((way, n, "status", r.returncode))
            checked = run("check")
            now = state()
            is_old, is_new = now == old, now == new
            if mixed:
                is_old = is_new = all(k in (a, b) for k, a, b in zip(now, old, new))
            if checked.returncode or not (is_old or is_new) or len(now) not in (len(old), len(new)):
                wrong.append((way, n, checked.stderr, now))
            seen_old += is_old
            seen_new += is_new
            # The next one sweeps up and goes on.
            again = run(*(finish or args))
            if again.returncode and not (is_new and not mixed):
                wrong.append((way, n, "next", again.stderr))
            left = [f for _, _, names in os.walk(repo) for f in names if len(f.split(".")[-1]) == 6 and
                    f.split(".")[-1] != "json" and not f.endswith(".tar.gz")]
            if left:
                wrong.append((way, n, "left", left))
            if run("check").returncode:
                wrong.append((way, n, "check after the next"))
        ok(ended and seen_old, f"{name}, {way}: {ended} of {steps} ended early, {seen_old} old, {seen_new} new",
           (ended, seen_old))
    ok(not wrong, f"{name}: good after each, and the next command works", wrong[:5])
    restore()
    run(*args)


works("init", "init", "--no-password")
each_step("the first kernel", "kernel", KERNEL)
each_step("an update", "add", "--no-verify", package("aaa"), finish=("resign",))
adds("one of another kernel", package("bbb", release="6.1.0-55-amd64", version="6.1.190-1"))
each_step("an update on top", "add", "--no-verify", package("ccc", series=True), finish=("resign",))
each_step("two kernels", "resign", mixed=True)
each_step("withdraw", "withdraw", "ccc", "--text=Bad", finish=("resign",))
# Its key is there before: to make one is a step of its own.
run("init", "--no-password", secret=key + "2", repo=os.path.join(work, "elsewhere"))
each_step("rotate", "rotate", f"--new-key={key}2", mixed=True)
done()
