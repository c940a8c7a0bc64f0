# SPDX-License-Identifier: GPL-2.0-only
"""For the tests of uptrack-publish: packages, repositories, and a TAP of its own."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
PUBLISH = os.path.join(TOP, "bin/uptrack-publish")
RELEASE, VERSION = "6.1.0-56-cloud-amd64", "6.1.192-2"
KERNEL = f"debian/amd64/{RELEASE}/{VERSION}"
NOW = 1764115200
DAY = 86400

count = failures = 0
work = tempfile.mkdtemp(prefix="ksplice-test-publish.")
repo = os.path.join(work, "repo")
key = os.path.join(work, "key")
# A file that is unpacked must not be found by another test.
os.makedirs(os.path.join(work, "tmp"))


def ok(good, name, seen=None):
    global count, failures
    count += 1
    failures += not good
    print(("ok" if good else "not ok") + f" {count} - {name}", flush=True)
    if not good:
        print("# " + str(seen).replace("\n", "\n# "), flush=True)
    return good


def done():
    shutil.rmtree(work)
    print(f"1..{count}")
    sys.exit(failures != 0)


def defines(name):
    """A number of include/ksplice/version.h."""
    with open(os.path.join(TOP, "include/ksplice/version.h")) as f:
        for line in f:
            if line.startswith(f"#define {name} "):
                return int(line.split()[2])
    raise KeyError(name)


def package(update, release=RELEASE, version=VERSION, replaced=("f",), damage=None, **members):
    """Makes ksplice-UPDATE.tar.gz, whose modules are none, and returns its path."""
    files = {"core/ksplice.ko": b"the core", f"ksplice_{update}_old.ko": b"old of " + update.encode(),
             f"ksplice_{update}_new.ko": b"new code", "patch": b"--- a/x\n+++ b/x\n"}
    manifest = {
        "format": defines("KSPLICE_PACKAGE_FORMAT"), "id": update,
        "description": f"Mends {update}",
        "kernel": {"release": release, "version": version, "arch": "x86_64"},
        "core_abi": defines("KSPLICE_CORE_ABI"), "created": "2026-11-23T15:52:46Z", "compiler": "",
        "pinned": False, "series": False, "replace": False,
        "modules": {"core": "core/ksplice.ko", "old": f"ksplice_{update}_old.ko",
                    "new": f"ksplice_{update}_new.ko"},
        "targets": ["vmlinux"], "needs": [], "layouts": [], "extended": [], "whole": [],
        "units": [{"path": "kernel/a.c", "target": "vmlinux", "replaced": list(replaced),
                   "added": [], "removed": [], "changed": [], "skipped": []}],
        "files": [{"name": n, "size": len(d), "sha256": hashlib.sha256(d).hexdigest()}
                  for n, d in files.items()],
    }
    manifest.update(members)
    files["manifest.json"] = json.dumps(manifest).encode()
    path = os.path.join(work, f"ksplice-{update}.tar.gz")
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as t:
        for name, content in files.items():
            info = tarfile.TarInfo(f"ksplice-{update}/{name}")
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
    packed = gzip.compress(data.getvalue(), mtime=0)
    if damage:
        packed = damage(packed)
    with open(path, "wb") as f:
        f.write(packed)
    return path


def run(*args, program=PUBLISH, now=NOW, repo=repo, env=None, secret=key):
    """Runs the publisher; what it printed is .stdout and .stderr."""
    environment = dict(os.environ, SOURCE_DATE_EPOCH=str(now), TMPDIR=os.path.join(work, "tmp"), **(env or {}))
    environment.pop("UPTRACK_SECRET_KEY", None)
    if secret:
        environment["UPTRACK_SECRET_KEY"] = secret
    return subprocess.run([program, *args, f"--repo={repo}"], env=environment, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          start_new_session=True)


def works(name, *args, **more):
    r = run(*args, **more)
    ok(r.returncode == 0, name, r.stderr)
    return r


def add(*args, **more):
    return run("add", "--no-verify", *args, **more)


def adds(name, *args, **more):
    return works(name, "add", "--no-verify", *args, **more)


def tree(top=repo):
    """Every file and what is in it."""
    found = {}
    for where, _, names in os.walk(top):
        for n in names:
            path = os.path.join(where, n)
            with open(path, "rb") as f:
                found[os.path.relpath(path, top)] = f.read()
    return found


def refuses(name, part, *args, status=1, unchanged=True, **more):
    before = tree(more.get("repo", repo))
    r = run(*args, **more)
    ok(r.returncode == status and part in r.stderr, name, (r.returncode, r.stderr))
    if unchanged:
        after = tree(more.get("repo", repo))
        ok(before == after, f"{name}: nothing has changed", set(before) ^ set(after))
    return r


def listed(**more):
    return json.loads(run("list", "--json", **more).stdout)


def is_good(name, **more):
    r = run("check", **more)
    return ok(r.returncode == 0, name, r.stderr)


def head_path(kernel=KERNEL, top=repo):
    return os.path.join(top, "v1/kernels", kernel, "head.minisig")


def steps_library():
    """What tests/unit/publish_steps.c makes; see there."""
    library = os.path.join(work, "steps.so")
    if not os.path.exists(library):
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library,
                        os.path.join(TOP, "tests/unit/publish_steps.c"), "-ldl"], check=True)
    return library


def stepped(*args, kill=0, full=0, repo=repo, **more):
    """Runs the publisher up to that step; returns the process and the steps that it took."""
    counted = os.path.join(work, "steps")
    if os.path.exists(counted):
        os.remove(counted)
    env = {"LD_PRELOAD": steps_library(), "STEPS_UNDER": repo, "STEPS_KILL": str(kill), "STEPS_FULL": str(full),
           "STEPS_COUNT": counted, "ASAN_OPTIONS": "verify_asan_link_order=0"}
    r = run(*args, env=env, repo=repo, **more)
    if not os.path.exists(counted):
        return r, 0
    with open(counted) as f:
        return r, int(f.read())
