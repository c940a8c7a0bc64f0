#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes the seeds of the fuzzers.

    tests/fuzz/corpus.py OUT [FROM...]

OUT/TARGET gets the seeds of each target, made from what the tests have: the
golden pairs, compiled; their sources; packages, archives and texts made here.
FROM are real updates (ksplice-*.tar.gz) or directories that hold some, and
directories of a build cache with pre/ and post/: then their tables, manifests,
modules, patches and objects are seeds, too.
"""
import base64
import glob
import hashlib
import io
import json
import os
import random
import struct
import subprocess
import sys
import tarfile
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEEDS = os.path.join(TOP, 'build/fuzz/seeds')
# As tests/unit/test_diff.c does.
CFLAGS = ('-O2 -c -ffunction-sections -fdata-sections -fno-pic -fno-pie -mcmodel=kernel -pg '
          '-mfentry -mrecord-mcount -fcf-protection=none -fno-common '
          '-fno-asynchronous-unwind-tables').split()
INCLUDES = ['-I' + os.path.join(TOP, d) for d in ('include', 'tests/include')]
MAX_TABLE = 96 << 10
MAX_OBJECT = 64 << 10
SPLIT = b'\x1e'
out = ''


def put(target, name, data):
    """One seed; what a seed is called means nothing."""
    path = os.path.join(out, target)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, name), 'wb') as f:
        f.write(data)


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def put_table(name, table):
    """Plain, and with a few choices of how the kernel has patched itself."""
    if len(table) > MAX_TABLE:
        return
    for seed, stretch in ((0, 0), (1, 0), (77, 1), (0, 1)):
        settings = struct.pack('<IBBB', seed, 0, 0, stretch)
        put('table', f'{name}-{seed}-{stretch}', settings.ljust(64, b'\0') + table)


def put_objects(name, pre, post, plain=b''):
    if len(pre) + len(post) + len(plain) > 2 * MAX_OBJECT:
        return
    put('object', name, pre)
    put('diff', name, struct.pack('<II', len(pre), len(post)) + pre + post + plain)


def put_pair(name, pre, post, plain, tmp):
    """Three compiled objects, by path, and the table of the first two."""
    put_objects(name, read(pre), read(post), read(plain))
    table = os.path.join(tmp, 'table')
    subprocess.run([SEEDS, 'table', pre, post, table], check=True)
    if os.path.exists(table):
        put_table(name, read(table))
        os.remove(table)


def compile_all(tmp, jobs):
    """jobs: source and further options; returns the objects' paths."""
    objects = []
    for source, more in jobs:
        objects.append(os.path.join(tmp, f'{len(objects)}.o'))
        subprocess.run(['gcc-12', *CFLAGS, *INCLUDES, *more, '-o', objects[-1], source], check=True)
    return objects


def golden(tmp):
    for directory in sorted(glob.glob(os.path.join(TOP, 'tests/golden/*/'))):
        name = os.path.basename(directory.rstrip('/'))
        pre, post = (directory + side + ('.S' if os.path.exists(directory + side + '.S') else '.c')
                     for side in ('pre', 'post'))
        put_pair(name, *compile_all(tmp, [(pre, []), (post, []), (pre, ['-fno-data-sections'])]), tmp)
        sources(name, read(pre), read(post))
    for source in sorted(glob.glob(os.path.join(TOP, 'tests/fuzz/seeds/*.c'))):
        pre, post = map(read, compile_all(tmp, [(source, ['-g']), (source, ['-g', '-DPOST'])]))
        put('types', os.path.basename(source), struct.pack('<I', len(pre)) + pre + post)
    for source in sorted(glob.glob(os.path.join(TOP, 'tests/fuzz/seeds/*.S'))):
        name = os.path.basename(source)
        put_pair(name, *compile_all(tmp, [(source, []), (source, ['-DPOST']), (source, [])]), tmp)


def sources(name, pre, post):
    for target in ('screen', 'layout', 'lines', 'simple'):
        put(target, name, pre + SPLIT + post)
    put('tokens', name, post)
    put('graph', name, post)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def manifest(files):
    return json.dumps({
        'format': 4, 'id': 'abc', 'description': 'Mends the thing \u00e9',
        'kernel': {'release': '6.1.0-56-cloud-amd64', 'version': '6.1.192-2', 'arch': 'x86_64'},
        'core_abi': 4, 'created': '2026-11-23T15:52:46Z', 'compiler': 'gcc-12 12.2.0',
        'pinned': True, 'series': True, 'replace': False,
        'modules': {'core': 'core/ksplice.ko', 'old': 'ksplice_abc_old.ko',
                    'new': 'ksplice_abc_new.ko'},
        'targets': ['vmlinux', 'ext4'], 'needs': ['jbd2'], 'layouts': ['struct x (fs/x.h)'],
        'extended': ['struct y (fs/y.h): c is new at 12'],
        'units': [{'path': 'kernel/printk/printk.c', 'target': 'vmlinux',
                   'replaced': ['_printk'], 'added': ['quoth'], 'removed': ['silence'],
                   'changed': ['words'],
                   'skipped': [{'name': 'setup_log_buf', 'reason': 'only the boot uses it'}]}],
        'whole': [{'target': 'ext4', 'file': 'modules/ext4.ko', 'build_id': '0123abcd'}],
        'files': [{'name': n, 'size': len(d), 'sha256': digest(d)} for n, d in files],
    }, indent=1).encode()


def tar(entries, form=tarfile.USTAR_FORMAT):
    """entries: name, data; None for a directory; a string for a link."""
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode='w', format=form) as t:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            if data is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(data, str):
                info.type = tarfile.LNKTYPE if data.startswith('=') else tarfile.SYMTYPE
                info.linkname = data.lstrip('=')
            else:
                info.size = len(data)
            t.addfile(info, io.BytesIO(data) if isinstance(data, bytes) else None)
    # The rest of the last record is zeros.
    return buf.getvalue().rstrip(b'\0') + bytes(1024)


def gz(data):
    return subprocess.run(['gzip', '-nc'], input=data, stdout=subprocess.PIPE, check=True).stdout


def packages():
    files = [('core/ksplice.ko', b'the core'), ('ksplice_abc_new.ko', b'the new code'),
             ('ksplice_abc_old.ko', b'the old code'), ('modules/ext4.ko', b'whole'),
             ('patch', b'--- a/x\n+++ b/x\n')]
    text = manifest(files)
    put('manifest', 'small', text)
    for name, form in (('ustar', tarfile.USTAR_FORMAT), ('pax', tarfile.PAX_FORMAT),
                       ('gnu', tarfile.GNU_FORMAT)):
        good = tar([('ksplice-abc/' + n, d) for n, d in files] +
                   [('ksplice-abc/manifest.json', text)], form)
        put('package', name, b'\1' + good)
        put('package', name + '-gz', b'\0' + gz(good))
        put('package', name + '-dir', b'\1' + tar([('ksplice-abc', None)] + [
            ('ksplice-abc/' + n, d) for n, d in files] + [('ksplice-abc/manifest.json', text)], form))


def ar(members):
    data = b'!<arch>\n'
    for name, content in members:
        data += f'{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n'.encode()
        data += content + b'\n' * (len(content) % 2)
    return data


def debs():
    inner = tar([('linux/Makefile', b'all:\n'), ('linux/fs', None), ('linux/fs/x.c', b'int x;\n')])
    for name, form in (('gnu', tarfile.GNU_FORMAT), ('pax', tarfile.PAX_FORMAT)):
        data = tar([('./', None), ('./usr', None), ('./usr/src', None), ('./usr/src/x.tar', inner),
                    ('./usr/a-' + 'long' * 30, b'long'), ('./usr/link', 'src/x.tar'),
                    ('./usr/hard', '=./usr/src/x.tar'), ('./boot/vmlinuz', b'kernel')], form)
        deb = ar([('debian-binary', b'2.0\n'), ('control.tar', tar([('./control', b'Package: x\n')])),
                  ('data.tar', data)])
        gzipped = ar([('debian-binary', b'2.0\n'), ('data.tar.gz', gz(data))])
        for mode in (0, 0x10, 0x20, 0x30):
            put('deb', f'{name}-{mode}', bytes([mode - mode % 3]) + deb)
        put('deb', name + '-gz', b'\0' + gzipped)
        put('deb', name + '-tar', b'\1' + data)
        put('deb', name + '-inner', b'\2' + deb)
    put('deb', 'out', b'\1' + tar([('x', '../out'), ('x/y', b'no'), ('../out', b'no')]))


SYSMAP = b'''0000000000000000 A __per_cpu_start
000000000000f000 A x
ffffffff81000000 T _text
ffffffff81000100 t x
ffffffff81000200 T pv_ops
ffffffff82000000 D __start_ro_after_init
ffffffff82000100 D x
ffffffff82001000 D __end_ro_after_init
ffffffffc0000000 t y\t[ext4]
'''
CONFIG = b'''#
# Automatically generated file; DO NOT EDIT.
#
CONFIG_CC_VERSION_TEXT="x86_64-linux-gnu-gcc-12 (Debian 12.2.0-14) 12.2.0"
CONFIG_GCC_VERSION=120200
CONFIG_DEBUG_INFO_BTF=y
# CONFIG_KASAN is not set
CONFIG_LOCALVERSION=""
CONFIG_EXT4_FS=m
CONFIG_X=n
'''
INFO = b'''# Written by ksplice-prepare
format: 1
release: 6.1.0-56-cloud-amd64
version: 6.1.192-2
architecture: amd64
flavour: cloud-amd64
realtime: 6.1.187-1
banner: Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org)
'''
EXPORTS = b'''0x12345678\t_printk\tvmlinux\tEXPORT_SYMBOL\t
0x00000000\tvring_create\tdrivers/virtio/virtio-ring\tEXPORT_SYMBOL_GPL\tNS
'''
LIVE = b'\f'.join([b'Mends \xc3\xa9\n', b'applied\n', b'code_busy\n', b'task kvm is in f\n', b'1\n',
                   b'a b 12 f+0x10\nkvm 1 unknown\nx 2 g+0x1\n',
                   b'vmlinux _printk ffffffff81000000 ffffffffc0000000\n', b'log\x1b[31m\n', b'2\n'])
TOKEN = b'0123456789abcdef0123456789abcdef '
VM = b''.join([
    TOKEN + b'begin boot 0.5\nhello\r\n', TOKEN + b'end boot 0 4096 0.7\n', TOKEN + b'update 1\n',
    TOKEN + b'begin load 1.0\n', b"modprobe: ERROR: could not insert 'kvm_intel': Operation not supported\n",
    TOKEN + b'end load 1 4096 1.2\n', TOKEN + b'begin numbers 2\nmatch_ns 12\npause_ns 4\n',
    TOKEN + b'end numbers 0 4096 3\n', TOKEN + b'update 2\n', TOKEN + b'begin apply 4\n',
    TOKEN + b'end apply 0 4096 5\n', TOKEN + b'begin log 6\n[    1.0] BUG: soft lockup\n',
    TOKEN + b'end log 0 0 7\n', TOKEN + b'taint 12288\n', TOKEN + b'success\n',
]) + SPLIT + b'''[    1.0] ksplice-verify 01234567 step 1
[    2.0] WARNING: CPU: 0 PID: 1 at kernel/x.c
could not insert 'x': Unknown symbol in module, or unknown parameter
[    3.0] x: Unknown symbol foo (err -2)
'''
APT = b'''Package: linux-image-6.1.0-56-cloud-amd64
Source: linux-signed-amd64 (6.1.192-2)
Version: 6.1.192-2
Architecture: amd64
Depends: kmod, linux-base (>= 4.3~), initramfs-tools (>= 0.120+deb11u2) | linux-initramfs-tool
Size: 12345
Installed-Size: 99
Filename: pool/x.deb
SHA256: 00
 continued

Package: linux-headers-6.1.0-56-cloud-amd64
Version: 1:6.1.192~rc1-2+b1
Architecture: amd64
'''
CATALOGUE = b'''linux-image-6.1.0-56-cloud-amd64\t6.1.192-2\tkmod
linux-headers-6.1.0-56-cloud-amd64\t6.1.192-2\tlinux-headers-6.1.0-56-common (= 6.1.192-2), linux-kbuild-6.1 (>= 6.1.192-2)
linux-headers-6.1.0-56-common\t6.1.192-2
linux-kbuild-6.1\t6.1.192-2
linux-source-6.1\t6.1.192-2
linux-image-amd64\t6.1.192-2\tlinux-image-6.1.0-56-amd64 (= 6.1.192-2)
linux-image-6.1.0-56-amd64-unsigned\t6.1.192-2
'''
DEPS = b'''cmd_fs/open.o := gcc-12 -Wp,-MMD,fs/.open.o.d -DMODULE -DKBUILD_MODFILE='"fs/open"' -DKBUILD_MODNAME='"open"' -c -o fs/open.o /farm/fs/open.c
source_fs/open.o := /farm/fs/open.c
deps_fs/open.o := \\
    $(wildcard include/config/FOO) \\
  /farm/include/linux/kconfig.h \\
  /farm/fs/../fs/internal.h \\
  include/generated/autoconf.h \\
  lib/crc32table.h \\

set -e; echo x; gcc-12 -Wp,-MMD,fs/.open.o.d -Ia -Ib -c -o fs/open.o /farm/fs/open.c; true
'''
STAMP = b'ksplice pre object 4\nkey\nopen\nfs/open\n12 1.5 1.5 fs/open.c\n- @lib/x.h\n'
COMMANDS = b'ksplice commands 1 key\nfs/open.o\t-Ia -Ib\nfs/x.o\n'
ROSTER = b'''ksplice roster 1 key
dir .;below fs;below fs/ext4/;object init/main.o
dir fs;object fs/open.o;below fs/ext4;apart fs/x.o
dir fs/ext4;object fs/ext4/super.o;below .
'''
GRAPH = b'''#include <linux/x.h>
 # include "y.h"
#define TRACE_INCLUDE_FILE trace
#define HEADER <asm/z.h>
.include "arch/x86/q.S"
''' + SPLIT + b'''ksplice includes 1
fs/open.c\t12 1.5 1.5
 "y.h
 <linux/x.h
fs/x.c\t-
'''
MAKEFILE = b'''$(obj)/crc32table.h: $(obj)/gen_crc32table
x-y := $(srctree)/lib/x.h ../lib/x.h;x.h \\
/x.h
.ascii "->NAME $12 sizeof(x)"
.ascii "->"
''' + SPLIT + b'arch/x86/x.h'
VERSION = b'GNU ld (GNU Binutils for Debian) 2.40.1\n'
SOURCES = b'''Types: deb
URIs: http://deb.debian.org/debian
# deb http://x y
 deb [arch=amd64] http://deb.debian.org/debian bookworm main
deb-src http://x y
'''
HEADERS = b'''include /usr/src/linux-headers-6.1.0-56-common/Makefile
KBUILD := /usr/src/x /usr/src//usr/src/
'''
C = b'''# 1 "kernel/x.c"
# 1 "./include/linux/x.h" 1
#define WORD 1
typedef unsigned int u32;
struct __attribute__((packed)) x { int a; struct y *b; union { u32 c; char d[4]; }; };
struct y;
enum e { A, B = 2, C };
extern int f(struct x *p) __attribute__((section(".text")));
static inline __attribute__((always_inline)) int g(struct x *p) { return p->b ? f(p) : sizeof(*p); }
_Static_assert(sizeof(u32) == 4, "u32");
#pragma GCC visibility push(default)
static int (*table[])(struct x *) = { f, g, [2] = (void *)0 };
int h(void) { return __UNIQUE_ID_a_12 + "a\\"b"[0] + 'x' + L'\\'' + 0x1p-3; }
asm(".globl q\\nq: ret");
#undef WORD
'''
C2 = C.replace(b'int a;', b'int a; long z;').replace(b'static int (*table', b'static const int (*table')
HEADER = b'''#ifndef X_H
#define X_H
/* a comment
 over lines */
#include <linux/y.h>
#define F(a, b) ((a) + \\
	(b))
#ifdef CONFIG_X
struct x { int a; };
#else
struct x;
#endif
enum { P, Q };
int f(struct x *p);
#endif
'''
PATCH = b'''Index: linux/fs/open.c
diff --git a/fs/open.c b/fs/open.c
rename from fs/a.c
rename to fs/b.c
--- a/fs/open.c\t2026-01-01 00:00:00
+++ b/fs/open.c
@@ -1,3 +1,4 @@ int x
 a
+b
 c
*** a/x.c 2026
--- b/x.c 2026
***************
*** 1,2 ****
--- /dev/null
'''


def texts():
    put('sysmap', 'map', SYSMAP)
    put('config', 'config', CONFIG + SPLIT + CONFIG.replace(b'BTF=y', b'BTF=n'))
    put('info', 'info', INFO)
    put('exports', 'symvers', EXPORTS)
    put('live', 'live', LIVE)
    put('vm', 'vm', VM)
    put('apt', 'apt', APT)
    put('catalogue', 'catalogue', CATALOGUE)
    put('deps', 'deps', DEPS)
    put('stamp', 'stamp', STAMP)
    put('commands', 'commands', COMMANDS)
    put('roster', 'roster', ROSTER)
    put('verdicts', 'verdicts', b'ksplice verdicts 2\nkey\n1f2e ffffffffffffffff 1 fs/open.o\n0 3 0 fs/read.o\n')
    put('graph', 'graph', GRAPH)
    sources('c', C, C2)
    sources('same', C, C)
    sources('header', HEADER, HEADER.replace(b'enum { P', b'#define G 1\nenum { P'))
    put('generated', 'makefile', MAKEFILE)
    put('compiler', 'version', VERSION)
    put('sources', 'list', SOURCES)
    put('headers', 'makefile', HEADERS)
    put('patch', 'patch', PATCH + SPLIT + b'-p1 -F3 --fuzz=2 -R')


def text_store():
    """letters, words, records and links as lib/build/texts.c writes them: one of each."""
    letters = b'x\0fs/open.o\0'
    words = struct.pack('<QII', 0, 0xffffffff, 1) + struct.pack('<QII', 2, 0xffffffff, 2)
    record = struct.pack('<QQIIIIII', 1, 2, 0, 1, 1, 0, 1, 0xffffffff)
    links = struct.pack('<II', 0, 1)
    kept = struct.pack('<IQ', 1, 7) + struct.pack('<III', 1, 0, 1) * 2 + struct.pack('<I', 0)
    sizes = struct.pack('<6Q', len(letters), 2, 1, 2, 1, len(kept))
    put('texts', 'store', sizes + letters + words + record + links + kept)


def repository():
    """Of the example in tests/unit/uptrack: index, key, head; and a secret key."""
    example = os.path.join(TOP, 'tests/unit/uptrack')
    index, head = read(example + '/index.json'), read(example + '/head.minisig')
    put('index', 'example', index)
    more = json.loads(index)
    more['retired'] = {'date': 1764028800, 'text': 'Install another.'}
    more['updates'][1]['withdrawn'] = 'Bad.'
    more['next_key'] = read(example + '/key.pub').split(b'\n')[1].decode()
    put('index', 'more', json.dumps(more).encode())
    put('sign', 'public', b'\0' + read(example + '/key.pub'))
    # The key of a seed of zeros.
    pair = bytes(32) + bytes.fromhex('3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29')
    sealed = b'12345678' + pair + bytes(32)
    for name, kdf in (('secret', bytes(2)), ('encrypted', b'Sc')):
        put('sign', name, b'\1untrusted comment: minisign encrypted secret key\n' + base64.b64encode(
            b'Ed' + kdf + b'B2' + bytes(48) + sealed) + b'\n')
    put('sign', 'signature', b'\2' + head)
    comment = head.split(b'trusted comment: ')[2].split(b'\n')[0]
    put('head', 'comment', comment + SPLIT + index)
    put('head', 'whole', head + SPLIT + index)


def real_update(path):
    name = os.path.basename(path)
    with tarfile.open(path) as t:
        for member in t.getmembers():
            base = os.path.basename(member.name)
            data = t.extractfile(member).read() if member.isfile() else b''
            if base == 'table.bin':
                put_table(name, data)
            elif base == 'manifest.json':
                put('manifest', name, data)
            elif base == 'patch' and len(data) < MAX_OBJECT:
                put('patch', name, data + SPLIT + b'-p1')
            elif base.endswith('.ko') and base != 'ksplice.ko' and len(data) <= MAX_OBJECT:
                put('object', f'{name}-{base}', data)


def real_objects(cache):
    """Objects of a build cache, in pairs."""
    for post in sorted(glob.glob(os.path.join(cache, 'post/**/*.o'), recursive=True)):
        name = os.path.relpath(post, os.path.join(cache, 'post'))
        pre = os.path.join(cache, 'pre', name)
        if os.path.exists(pre):
            put_objects(name.replace('/', '_'), read(pre), read(post))


def real(where):
    if os.path.isfile(where):
        real_update(where)
    elif os.path.isdir(os.path.join(where, 'post')):
        real_objects(where)
    else:
        found = sorted(glob.glob(os.path.join(where, 'ksplice-*.tar.gz')))
        if not found:
            sys.exit(f'corpus.py: {where}: no update and no build cache')
        # A sample is enough, and always the same one.
        for path in random.Random(1).sample(found, min(40, len(found))):
            real_update(path)


def main():
    global out
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    out = sys.argv[1]
    with tempfile.TemporaryDirectory() as tmp:
        golden(tmp)
    packages()
    debs()
    texts()
    text_store()
    repository()
    os.makedirs(os.path.join(out, 'image'), exist_ok=True)
    subprocess.run([SEEDS, 'kernels', os.path.join(out, 'image')], check=True)
    for where in sys.argv[2:]:
        real(where)


main()
