# SPDX-License-Identifier: GPL-2.0-only
"""Hostile variants of the new module of an update that has hooks.

Usage: hooks.py GOOD.tar.gz DIRECTORY

hook-NAME.ko: one field of the list of hooks is changed; the core must refuse the
module.
"""
import struct
import sys
import tarfile

good, out = sys.argv[1:]
tar = tarfile.open(good)
ko = next(tar.extractfile(m).read() for m in tar.getmembers() if m.name.endswith("_new.ko"))


def name_at(table, offset):
    return ko[table + offset:ko.index(b"\0", table + offset)].decode()


start, = struct.unpack_from("<Q", ko, 40)
size, count, names = struct.unpack_from("<HHH", ko, 58)
# name, type, flags, addr, offset, size, link, info, align, entsize
sections = [struct.unpack_from("<IIQQQQIIQQ", ko, start + i * size) for i in range(count)]
symtab = next(s for s in sections if s[1] == 2)
strings = sections[symtab[6]][4]
place = {}
for i in range(symtab[5] // 24):
    name, info, other, section, value, length = struct.unpack_from("<IBBHQQ", ko, symtab[4] + 24 * i)
    if 0 < section < count:
        place[name_at(strings, name)] = sections[section][4] + value


def change(name, symbol, offset, form, value):
    bad = bytearray(ko)
    struct.pack_into(form, bad, place[symbol] + offset, value)
    open(f"{out}/hook-{name}.ko", "wb").write(bad)


change("kind", "hooks", 8, "<I", 10)
change("target", "hooks", 12, "<I", 1)
change("target-far", "hooks", 12, "<I", 0xFFFFFFFF)
