# SPDX-License-Identifier: GPL-2.0-only
"""uptrack-publish deb: what is in a package for machines without a network."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from publish_kit import (RELEASE, VERSION, adds, done, ok, package, refuses, repo, run, work, works)  # noqa: E402

out = os.path.join(work, "out")
root = os.path.join(work, "root")


def dpkg(*args):
    r = subprocess.run(["dpkg-deb", *args], capture_output=True, text=True)
    ok(r.returncode == 0, "dpkg-deb " + args[0], r.stderr)
    return r.stdout


def files(top):
    return sorted(os.path.relpath(os.path.join(d, f), top) for d, _, names in os.walk(top) for f in names)


os.mkdir(out)
works("init", "init", "--no-password")
for update in ("aaa", "bbb", "ccc"):
    adds("add " + update, package(update, replaced=(update,)))
works("one is withdrawn", "withdraw", "--text=worse than the bug", "bbb")
works("a package of the kernel's updates", "deb", RELEASE, out)
debs = os.listdir(out)
name = f"ksplice-updates-{RELEASE}_{VERSION}+4_amd64.deb"
ok(debs == [name], "it is called by kernel and serial", debs)
deb = os.path.join(out, name)
control = dpkg("--field", deb)
ok(f"Package: ksplice-updates-{RELEASE}\n" in control and "Depends: ksplice-client\n" in control,
   "it depends on the client", control)
dpkg("--raw-extract", deb, root)
inside = os.path.join(root, "usr/share/uptrack", RELEASE)
have = files(inside)
ok([os.path.basename(f) for f in have if "updates" in f.split("/")] and
   sorted(os.path.basename(f) for f in have if f.endswith(".gz")) == ["ksplice-aaa.tar.gz", "ksplice-ccc.tar.gz"],
   "it has the updates but the one that was withdrawn", have)
for f in have:
    with open(os.path.join(inside, f), "rb") as a, open(os.path.join(repo, f), "rb") as b:
        ok(a.read() == b.read(), "as in the repository: " + os.path.basename(f))
keys = os.listdir(os.path.join(root, "etc/uptrack/keys"))
with open(os.path.join(root, "etc/uptrack/keys", keys[0])) as a, \
        open(os.path.join(repo, "v1/keys", keys[0][:-4], "key.pub")) as b:
    ok(len(keys) == 1 and a.read().split("\n")[1] == b.read().split("\n")[1], "and the key, to be trusted", keys)
with open(os.path.join(root, "DEBIAN/conffiles")) as f:
    ok(f.read() == f"/etc/uptrack/keys/{keys[0]}\n", "which is a conffile")
r = run("list", RELEASE, repo=inside, secret=None)
ok(r.returncode == 0 and "aaa" in r.stdout, "the part of the repository can be read by itself", r.stderr)
postinst = os.path.join(root, "DEBIAN/postinst")
ok(os.access(postinst, os.X_OK), "the script can be run")
r = subprocess.run(["sh", "-n", postinst], capture_output=True, text=True)
ok(r.returncode == 0, "by a shell", r.stderr)

# On this machine that kernel does not run, or is not to be touched: commands of ours in front.
bindir = os.path.join(work, "bin")
os.mkdir(bindir)


def command(name, text):
    path = os.path.join(bindir, name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)


def configure():
    return subprocess.run([postinst, "configure"], capture_output=True, text=True,
                          env={"PATH": bindir + ":/usr/bin:/bin"})


command("ischroot", "exit 1\n")
command("uptrack-upgrade", "echo applying $*\nexit $STATUS\n")
command("uname", "echo 6.1.0-1-other\n")
r = configure()
ok(r.returncode == 0 and "does not run here" in r.stdout and "applying" not in r.stdout,
   "another kernel: it says what to do", r.stdout)
command("uname", f"echo {RELEASE}\n")
for status, want in ((0, 0), (13, 0), (1, 1), (10, 1)):
    command("uptrack-upgrade", f"echo applying $*\nexit {status}\n")
    r = configure()
    ok((r.returncode != 0) == bool(want) and f"applying -y --repo=/usr/share/uptrack/{RELEASE}\n" in r.stdout,
       f"that kernel, and the client ends with {status}", (r.returncode, r.stdout))
command("ischroot", "exit 0\n")
r = configure()
ok(r.returncode == 0 and "applying" not in r.stdout, "in a chroot nothing is applied", r.stdout)

refuses("a kernel that is not there", "is no kernel of this repository", "deb", "6.1.0-1-amd64", out, secret=None)
refuses("a place that is not there", "nowhere", "deb", RELEASE, os.path.join(work, "nowhere"), secret=None)
ok(os.listdir(out) == [name], "no half of a package")
ok(not os.listdir(os.path.join(work, "tmp")), "nothing is left behind", os.listdir(os.path.join(work, "tmp")))
done()
