# SPDX-License-Identifier: GPL-2.0-only
"""uptrack-publish: what each command publishes, and what it refuses; nothing changes then."""

import fcntl
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from publish_kit import (DAY, KERNEL, NOW, RELEASE, VERSION, add, adds, done, head_path,  # noqa: E402
                         is_good, key, listed, ok, package, refuses, repo, run, tree, work, works)
import publish_kit as kit  # noqa: E402


def one(**more):
    """The index of the kernel that the tests use."""
    return [i for i in listed(**more) if i["kernel"]["release"] == RELEASE][0]


def test_init():
    works("init makes a key and a repository", "init", "--no-password")
    ok(os.stat(key).st_mode & 0o777 == 0o600, "the secret key is nobody else's", os.stat(key).st_mode)
    is_good("an empty repository is good")
    ok(listed() == [], "it serves no kernel")
    before = tree()
    works("init again", "init", "--no-password")
    ok(tree() == before, "changes nothing")
    other = os.path.join(work, "other")
    refuses("a key that is not there, of a repository that is", "is not there", "init", "--no-password", secret=other)
    ok(not os.path.exists(other), "no key was made for nothing")
    works("another repository", "init", "--no-password", secret=other, repo=os.path.join(work, "repo2"))
    refuses("init with another key", "another key", "init", secret=other)
    refuses("a command with another key", "another key", "resign", secret=other)
    refuses("no repository", "is no repository", "list", repo=work)
    refuses("no repository to write to", "is no repository", "resign", repo=work)
    refuses("no key", "give --secret-key", "resign", secret=None)


def test_usage():
    refuses("no command", "give a command")
    refuses("an unknown command", "is no command", "publish")
    refuses("an option of another command", "--cve is no option of resign", "resign", "--cve=CVE-2026-1234")
    refuses("too few arguments", "takes an argument", "add")
    refuses("too many", "takes fewer arguments", "rotate", "x")
    refuses("a number that is none", "give a number", "resign", "--valid=ever")
    refuses("a number that is too large", "give a number", "resign", "--valid=99999")
    ok("Usage:" in run("--help").stdout, "--help")
    ok(run("--version").stdout.startswith("uptrack-publish "), "--version")


def test_add():
    works("a kernel without updates", "kernel", KERNEL)
    index = one()
    ok((index["updates"], index["serial"], index["created"], index["expires"]) ==
       ([], 1, NOW, NOW + 30 * DAY), "is served and has none yet", index)
    before = tree()
    works("the same again", "kernel", KERNEL)
    ok(before == tree(), "changes nothing")
    refuses("a kernel that is none", "is no kernel", "kernel", "debian/amd64/" + RELEASE)
    adds("an update", package("aaa"), "--name=The first", "--description=More of it", "--cve=CVE-2026-11111",
         "--cve=CVE-2026-22222", "--effective=6.1.0-57-cloud-amd64/6.1.193-1")
    index = one()
    u = index["updates"][0]
    ok((u["id"], u["name"], u["description"], u["cves"], u["depends"], u["targets"]) ==
       ("aaa", "The first", "More of it", ["CVE-2026-11111", "CVE-2026-22222"], [], ["vmlinux"]), "is listed", u)
    ok(u["effective"] == {"release": "6.1.0-57-cloud-amd64", "version": "6.1.193-1"}, "its effective kernel", u)
    with open(os.path.join(repo, f"v1/updates/{u['sha256']}/ksplice-aaa.tar.gz"), "rb") as f:
        published = f.read()
    with open(os.path.join(work, "ksplice-aaa.tar.gz"), "rb") as f:
        ok(published == f.read() and len(published) == u["size"], "its tarball is there")
    adds("a second one", package("bbb", replaced=("g",)))
    index = one()
    u = index["updates"][1]
    ok((u["name"], u["effective"]["release"], u["depends"]) == ("Mends bbb", "6.1.0-57-cloud-amd64", []),
       "has what the first one had, and its package", u)
    ok(index["serial"] == 3, "each index has a higher number", index["serial"])
    adds("one on top of them", package("ccc", replaced=("f", "g"), series=True))
    ok(one()["updates"][2]["depends"] == ["aaa", "bbb"], "depends on both", one()["updates"][2])
    adds("one on top of one of them", package("ddd", replaced=("g", "h"), series=True), "--depends=ccc")
    ok(one()["updates"][3]["depends"] == ["ccc"], "depends on that", one()["updates"][3])
    adds("two at once", package("eee", replaced=("i",)), package("fff", replaced=("j",)))
    adds("one of another kernel", package("aaa", release="6.1.0-55-amd64", version="6.1.190-1"))
    ok(len(listed()) == 2, "is in an index of its own")
    is_good("all of it is good")
    r = subprocess.run(["minisign", "-V", "-q", "-p", os.path.join(repo, "v1/keys", one()["signed_by"], "key.pub"),
                        "-x", head_path(), "-m", os.path.join(repo, "v1/indexes", one()["index_sha256"] + ".json")])
    ok(r.returncode == 0, "the stock minisign verifies the index")


def test_refused():
    abi = kit.defines("KSPLICE_CORE_ABI")
    for name, part, made, *options in (
            ("an id again", "another id", dict(update="aaa", replaced=("z",))),
            ("one that replaces all", "--series", dict(update="ggg", replaced=("z",), replace=True)),
            ("one of another core", "version", dict(update="ggg", replaced=("z",), core_abi=abi + 1)),
            ("one of no version", "which version", dict(update="ggg", version="", replaced=("z",))),
            ("one that replaces what another does", "both replace f of kernel/a.c", dict(update="ggg")),
            ("one on top of what it does not name", "add --depends=",
             dict(update="ggg", replaced=("i",), series=True), "--depends=fff"),
            ("one on top of nothing", "none of", dict(update="ggg", release="6.1.0-54-amd64", series=True)),
            ("a dependency that is not there", "no such update", dict(update="ggg", replaced=("z",)), "--depends=zzz"),
            ("a CVE that is none", "CVE-2026-12345", dict(update="ggg", replaced=("z",)), "--cve=2026-1"),
            ("a name that is too long", "--name", dict(update="ggg", replaced=("z",)), "--name=" + "x" * 129),
            ("no name", "--name", dict(update="ggg", replaced=("z",), description="")),
            ("a name of two lines", "control", dict(update="ggg", replaced=("z",)), "--name=a\nb"),
            ("an effective kernel without version", "RELEASE/VERSION", dict(update="ggg", replaced=("z",)),
             "--effective=6.1"),
            ("an effective kernel with a space", "--effective", dict(update="ggg", replaced=("z",)), "--effective=a/b c"),
            ("a distribution that leads out", "no kernel", dict(update="ggg", replaced=("z",)), "--distribution=.."),
            ("a file that is cut off", "ksplice-ggg", dict(update="ggg", damage=lambda d: d[:-40])),
            ("a file that is empty", "empty", dict(update="ggg", damage=lambda d: b"")),
            ("a file that is not there", "cannot open", None)):
        path = package(**made) if made else os.path.join(work, "none")
        refuses("refused: " + name, part, "add", "--no-verify", path, *options)
    refuses("a name for two", "give one tarball", "add", "--no-verify", "--name=x", "a", "b")
    ok(os.listdir(os.path.join(work, "tmp")) == [], "no temporary files are left", os.listdir(os.path.join(work, "tmp")))


def test_verify():
    """ksplice-verify is beside the publisher: here, one that tells what it was asked."""
    there = os.path.join(work, "bin")
    os.makedirs(there)
    program = shutil.copy(kit.PUBLISH, there)
    refuses("there is no ksplice-verify", "not found", "add", package("vvv", replaced=("v",)), program=program)
    with open(os.path.join(there, "ksplice-verify"), "w") as f:
        f.write('#!/bin/sh\nprintf "%s\\n" "$@" >"$ASKED"\n'
                'for a; do case $a in --shell=*) cat "${a#--shell=}" >>"$ASKED";; esac; done\n'
                'echo "vvv: failed: apply-1"\nexit $STATUS\n')
    os.chmod(os.path.join(there, "ksplice-verify"), 0o755)
    asked = os.path.join(work, "asked")

    def verify(status):
        return {"ASKED": asked, "STATUS": str(status)}

    refuses("an update that fails in the virtual machine", "failed: apply-1", "add", package("vvv", replaced=("v",)),
            program=program, env=verify(1))
    r = works("one that works there", "add", package("vvv", replaced=("v",)), program=program, env=verify(0))
    with open(asked) as f:
        words = f.read().split()
    ok(words[0] == "-q" and words[1].endswith("/update.tar.gz") and len(words) == 2, "it was tried", words)
    r = works("one whose module has no hardware there", "add", package("www", replaced=("w",)), program=program,
              env=verify(69))
    ok("hardware" in r.stderr, "is published with a note", r.stderr)
    works("one on top of others", "add", package("xxx", replaced=("v", "x"), series=True), "--depends=vvv",
          program=program, env=verify(0))
    with open(asked) as f:
        text = f.read()
    ok("/ksplice/ksplice-vvv.tar.gz\n" in text and f"--release={RELEASE}" in text and
       text.endswith("set -e\nksplice-apply /ksplice/ksplice-vvv.tar.gz\n" + 2 *
                     "ksplice-apply /ksplice/ksplice-xxx.tar.gz\nksplice-undo xxx\n" + "ksplice-undo vvv\n"),
       "is tried on top of them", text)
    ok(os.listdir(os.path.join(work, "tmp")) == [], "no temporary files are left")


def test_withdraw():
    refuses("withdraw without a reason", "give --text", "withdraw", "aaa")
    refuses("withdraw what others need", "--dependents", "withdraw", "ccc", "--text=Slow")
    refuses("withdraw what is not there", "no update zzz", "withdraw", "zzz", "--text=Slow")
    refuses("withdraw something else as well", "no update zzz", "withdraw", "fff", "zzz", "--text=Slow")
    works("withdraw with dependents", "withdraw", "ccc", "--dependents", "--text=It makes the disk slow.")
    gone = {u["id"]: u["withdrawn"] for u in one()["updates"] if "withdrawn" in u}
    ok(gone == {"ccc": "It makes the disk slow.", "ddd": "It depends on ccc, which was withdrawn."},
       "both are withdrawn", gone)
    refuses("withdraw again", "could be withdrawn", "withdraw", "ccc", "--text=Slow")
    works("withdraw of one kernel only", "withdraw", "aaa", "--text=Bad", f"--kernel={RELEASE}")
    other = [i for i in listed() if i["kernel"]["release"] != RELEASE][0]
    ok("withdrawn" in one()["updates"][0] and "withdrawn" not in other["updates"][0], "not of the other")
    refuses("an id that was withdrawn", "was withdrawn", "add", "--no-verify", package("aaa"))
    adds("what it replaced is free", package("hhh"))
    works("both of a chain that are named", "withdraw", "vvv", "xxx", "--text=Bad")
    is_good("all of it is good after that")


def test_texts():
    refuses("alert without a text", "--text", "alert", RELEASE)
    works("alert", "alert", RELEASE, "--text=Reboot soon.")
    ok(one()["alerts"] == [{"date": NOW, "text": "Reboot soon."}], "is shown", one()["alerts"])
    works("alert --clear", "alert", RELEASE, "--clear")
    ok(one()["alerts"] == [], "is not shown any more")
    works("retire", "retire", RELEASE, "--text=Install 6.1.0-60.")
    ok(one()["retired"] == {"date": NOW, "text": "Install 6.1.0-60."}, "is told", one())
    refuses("add to it", "is retired", "add", "--no-verify", package("iii", replaced=("z",)))
    works("serve it again", "retire", RELEASE, "--clear")
    ok("retired" not in one(), "is told")
    refuses("twice", "not retired", "retire", RELEASE, "--clear")
    refuses("a kernel that is not there", "no kernel of this repository", "alert", "6.0", "--text=x")
    works("another version of a release", "kernel", f"debian/amd64/{RELEASE}/6.1.192-3")
    refuses("a release of two kernels", "several kernels", "alert", RELEASE, "--text=x")
    works("the whole name", "alert", KERNEL, "--text=x")
    shutil.rmtree(os.path.dirname(head_path(f"debian/amd64/{RELEASE}/6.1.192-3")))


def test_resign():
    serial = one()["serial"]
    works("resign", "resign", "--valid=2", "--poll=600", now=NOW + 5)
    index = one()
    ok((index["serial"], index["created"], index["expires"], index["poll"]) ==
       (serial + 1, NOW + 5, NOW + 5 + 2 * DAY, 600), "a new number and date", index)
    r = run("check", now=NOW + 3 * DAY)
    ok(r.returncode == 65 and "expired" in r.stderr, "check tells what has expired", r.stderr)
    times = []
    for _ in range(4):
        run("resign")
        times.append(int(os.stat(head_path()).st_mtime))
    ok(len(set(times)) == 4 and times == sorted(times), "each head is a second younger than the one before it", times)
    works("resign a single one", "resign", RELEASE, "--serial=1000")
    ok(one()["serial"] == 1000 and one()["expires"] == NOW + 30 * DAY, "with that number", one())


def test_check():
    """What a client would refuse, check finds; and a publisher does not go on from it."""
    good = tree()
    index = one()
    update = [u for u in index["updates"] if "withdrawn" not in u][0]
    tarball = f"v1/updates/{update['sha256']}/ksplice-{update['id']}.tar.gz"
    index_file = f"v1/indexes/{index['index_sha256']}.json"
    head = os.path.relpath(head_path(), repo)
    other_head = [p for p in good if p.endswith("head.minisig") and p != head][0]
    others = os.path.join(work, "repo2")
    run("kernel", KERNEL, secret=os.path.join(work, "other"), repo=others)
    with open(head_path(top=others), "rb") as f:
        foreign = f.read()
    old_head = None

    def flip(data):
        return data[:len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1:]

    for name, path, data, part in (
            ("a tarball changed", tarball, flip(good[tarball]), "was changed"),
            ("a tarball cut off", tarball, good[tarball][:-1], "bytes"),
            ("a byte behind a tarball", tarball, good[tarball] + b"x", "bytes"),
            ("a tarball gone", tarball, old_head, "cannot open"),
            ("an index changed", index_file, flip(good[index_file]), "was changed"),
            ("an index cut off", index_file, good[index_file][:-1], "bytes"),
            ("an index gone", index_file, None, "cannot open"),
            ("a head changed", head, flip(good[head]), "head.minisig"),
            ("a head cut off", head, good[head][:-1], "head.minisig"),
            ("a byte behind a head", head, good[head] + b"\n", "follows"),
            ("the head of another kernel", head, good[other_head], "another kernel"),
            ("the head of another publisher", head, foreign, "not trusted")):
        full = os.path.join(repo, path)
        if data is None:
            os.remove(full)
        else:
            with open(full, "wb") as f:
                f.write(data)
        r = run("check")
        ok(r.returncode == 65 and part in r.stderr, "check: " + name, (r.returncode, r.stderr))
        if "tarball" not in name:
            refuses("resign: " + name, "", "resign", RELEASE)
        refuses("prune: " + name, "nothing is removed", "prune", now=NOW + 900 * DAY)
        with open(full, "wb") as f:
            f.write(good[path])
    is_good("restored, it is good")
    r = run("check", "--json")
    said = json.loads(r.stdout)
    ok(said["good"] and said["kernels"] == 2 and said["faults"] == [], "check --json", r.stdout)


def test_lock():
    fd = os.open(os.path.join(repo, "v1"), os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    refuses("two publishers", "in use", "resign")
    ok(run("list").returncode == 0 and run("check").returncode == 0, "who only looks need not wait")
    os.close(fd)


def test_prune():
    loose = [p for p in tree() if p.startswith("v1/indexes/")]
    works("prune", "prune", now=NOW)
    ok(sorted(loose) == sorted(p for p in tree() if p.startswith("v1/indexes/")), "what is young stays")
    for p in tree():
        os.utime(os.path.join(repo, p), (NOW - 8 * DAY, NOW - 8 * DAY))
    leftover = os.path.join(os.path.dirname(head_path()), "head.minisig.aB3dEf")
    with open(leftover, "w") as f:
        f.write("half")
    works("prune a week later", "prune", now=NOW)
    left = tree()
    ok(len([p for p in left if p.startswith("v1/indexes/")]) == 2, "one index for each kernel is left", left.keys())
    ok(not any("ksplice-ccc" in p for p in left), "withdrawn updates go")
    ok(not os.path.exists(leftover), "what an interrupted publisher left goes")
    is_good("the rest is good")


def test_password():
    secret, password = os.path.join(work, "sealed"), os.path.join(work, "password")
    there = os.path.join(work, "repo3")
    for text in ("open sesame\n", "open barley\n"):
        with open(password, "w") as f:
            f.write(text)
        if "sesame" in text:
            works("a key with a password", "init", f"--password-file={password}", secret=secret, repo=there)
            works("signs with it", "kernel", KERNEL, f"--password-file={password}", secret=secret, repo=there)
    refuses("a wrong password", "not the password", "resign", f"--password-file={password}", secret=secret, repo=there)
    refuses("no password and no terminal", "--password-file", "resign", secret=secret, repo=there)


def test_rotate():
    first, second, third = key, key + "2", key + "3"
    first_pub = os.path.join(repo, "v1/keys", one()["signed_by"], "key.pub")
    works("rotate", "rotate", "--no-password", f"--new-key={second}")
    index = one()
    ok("next_key" in index and index["signed_by"] in first_pub, "the next key is named, the old one signs", index)
    works("rotate again goes on where it was", "rotate", f"--new-key={second}")
    refuses("to yet another key", "is not there", "rotate", "--no-password", f"--new-key={third}")
    ok(not os.path.exists(third), "no key was made for nothing")
    is_good("it is good meanwhile")
    works("sign with the new one", "resign", secret=second)
    ok(one()["signed_by"] not in first_pub and "next_key" not in one(), "it signs", one())
    refuses("the old one is of no use any more", "not trusted", "resign", secret=first)
    works("a third key", "rotate", "--no-password", f"--new-key={third}", secret=second)
    works("signs", "resign", secret=third)
    refuses("back to the first", "has been a key", "rotate", f"--new-key={first}", secret=third)
    is_good("good for who knows the first key", env=None, secret=None)
    r = run("check", f"--public-key={first_pub}")
    ok(r.returncode == 0 and "3 keys" in r.stdout, "by name", r.stdout + r.stderr)
    name = [d for d in os.listdir(os.path.join(repo, "v1/keys")) if d in first_pub][0]
    path = os.path.join(repo, "v1/keys", name, "next.pub")
    with open(path, "rb") as f:
        good = f.read()
    with open(path, "wb") as f:
        f.write(open(os.path.join(work, "repo2/v1/keys", os.listdir(os.path.join(work, "repo2/v1/keys"))[0], "key.pub"),
                     "rb").read())
    r = run("check", f"--public-key={first_pub}")
    ok(r.returncode == 1 and "not signed by the key before it" in r.stderr, "a next key of somebody else", r.stderr)
    with open(path, "wb") as f:
        f.write(good)
    is_good("restored, it is good again")


for test in (test_init, test_usage, test_add, test_refused, test_verify, test_withdraw, test_texts, test_resign,
             test_check, test_lock, test_prune, test_password, test_rotate):
    test()
done()
