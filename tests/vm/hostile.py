# SPDX-License-Identifier: GPL-2.0-only
"""Makes hostile variants of a good update.

Usage: hostile.py GOOD.tar.gz DIRECTORY

NAME.tar.gz and NAME.want (what the error must contain): packages that
ksplice-apply must refuse before anything is loaded.  table-NAME.ko: old
modules with one field of the match table changed, which the core must refuse
(the package's own check is passed by: they are loaded directly).
"""
import gzip
import io
import json
import os
import struct
import sys
import tarfile

good, out = sys.argv[1:]
data = open(good, "rb").read()
tar = tarfile.open(fileobj=io.BytesIO(data))
files = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}
top = next(iter(files)).split("/")[0]


def put(name, content, want):
    open(f"{out}/{name}.tar.gz", "wb").write(content)
    open(f"{out}/{name}.want", "w").write(want + "\n")


def pack(entries):
    """entries: (name, content or TarInfo)"""
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode="w:gz", format=tarfile.USTAR_FORMAT) as t:
        for name, content in entries:
            if isinstance(content, tarfile.TarInfo):
                t.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
    return buf.getvalue()


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


all_files = list(files.items())
for cut in (1, 10, 100, len(data) // 2, len(data) - 1):
    put(f"cut-{cut}", data[:cut], "cut short\\|no ksplice update\\|damaged")
put("empty", b"", "no ksplice update")
put("text", b"this is no archive\n" * 100, "no ksplice update")
put("plain-tar", gzip.decompress(data), "gzip")
put("outside", pack(all_files + [("../../etc/passwd", b"root::0:0::/:/bin/sh\n")]), "leads out of the package")
put("absolute", pack(all_files + [("/etc/passwd", b"x")]), "an absolute path")
put("inner-dots", pack(all_files + [(f"{top}/../../x", b"x")]), "leads out of the package")
put("symlink", pack(all_files + [("", special(f"{top}/link", tarfile.SYMTYPE, "/etc"))]), ": a link;")
put("hardlink", pack(all_files + [("", special(f"{top}/hard", tarfile.LNKTYPE, f"{top}/patch"))]), ": a link;")
put("device", pack(all_files + [("", special(f"{top}/dev", tarfile.CHRTYPE))]), "neither a regular file nor a directory")
put("two-tops", pack(all_files + [("ksplice-other/patch", b"x")]), "one directory at the top")
put("twice", pack(all_files + all_files[:1]), "there twice")
put("extra", pack(all_files + [(f"{top}/extra", b"x")]), "not in the manifest")
put("missing", pack([f for f in all_files if not f[0].endswith("_new.ko")]), "is missing")
changed = dict(files)
module = next(n for n in files if n.endswith("_new.ko"))
changed[module] = bytes([files[module][0] ^ 1]) + files[module][1:]
put("changed-module", pack(changed.items()), "does not have the SHA-256")
manifest = json.loads(files[f"{top}/manifest.json"])


def with_manifest(name, want, **change):
    m = dict(manifest, **change)
    put(name, pack([(n, json.dumps(m).encode() if n.endswith("manifest.json") else c) for n, c in all_files]), want)


with_manifest("format", "format 99", format=99)
with_manifest("id", "is not ksplice_another_old.ko", id="another")
with_manifest("bad-id", "a-z0-9", id="../x")
with_manifest("core-abi", "version 7 of the core", core_abi=7)
with_manifest("release", "is for the kernel", kernel=dict(manifest["kernel"], release="5.10.0-1-amd64"))
put("no-json", pack([(n, b"{" if n.endswith("manifest.json") else c) for n, c in all_files]), "manifest")

# --- the match table inside the old module
old = next(n for n in files if n.endswith("_old.ko"))
ko = bytearray(files[old])
table = files[f"{top}/table.bin"]
base = bytes(ko).find(table)
assert base >= 0
header = ["magic", "version", "size", "header_size"]
arrays = ["strings", "targets", "symbols", "blocks", "sites", "alts", "code", "exports", "patches", "data"]
place = {}
for i, name in enumerate(arrays):
    place[name] = struct.unpack_from("<II", table, 16 + 8 * i)


def flip(name, offset, size, value):
    bad = bytearray(ko)
    bad[base + offset:base + offset + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
    open(f"{out}/table-{name}.ko", "wb").write(bad)


for i, name in enumerate(header):
    for value in (0, 0xFFFFFFFF, struct.unpack_from("<I", table, 4 * i)[0] + 1):
        flip(f"header-{name}-{value & 0xffffffff:x}", 4 * i, 4, value)
for i, name in enumerate(arrays):
    offset, count = place[name]
    for value in (0, 4, offset + 4, len(table) + 8, 0xFFFFFFF8, 0x80000000):
        flip(f"{name}-offset-{value:x}", 16 + 8 * i, 4, value)
    for value in (len(table), 0x10000000, 0x7FFFFFFF, 0xFFFFFFFF):
        flip(f"{name}-count-{value:x}", 20 + 8 * i, 4, value)
# Fields that must be refused when they are out of range: (array, element size, field, offset, size)
fields = [
    ("targets", 8, "name", 0, 4),
    ("symbols", 24, "name", 0, 4),
    ("symbols", 24, "target", 4, 4),
    ("symbols", 24, "flags", 8, 4),
    ("blocks", 32, "symbol", 0, 4),
    ("blocks", 32, "kind", 4, 4),
    ("blocks", 32, "flags", 8, 4),
    ("blocks", 32, "code", 12, 4),
    ("blocks", 32, "size", 16, 4),
    ("blocks", 32, "site", 20, 4),
    ("blocks", 32, "nr_sites", 24, 4),
    ("blocks", 32, "unit", 28, 4),
    ("sites", 24, "offset", 0, 4),
    ("sites", 24, "len", 4, 2),
    ("sites", 24, "kind", 6, 1),
    ("exports", 16, "kind", 0, 4),
    ("exports", 16, "symbol", 4, 4),
    ("patches", 12, "block", 0, 4),
    ("patches", 12, "slot", 4, 4),
    ("patches", 12, "kind", 8, 4),
]
for array, size, field, at, width in fields:
    offset, count = place[array]
    for index in sorted({0, count // 2, count - 1}):
        for value in (0xFFFFFFFE, 0x7FFFFFFF, 0x00FFFFFF):
            value &= (1 << 8 * width) - 1
            flip(f"{array}{index}-{field}-{value:x}", offset + index * size + at, width, value)
