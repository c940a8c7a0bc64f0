# SPDX-License-Identifier: GPL-2.0-only
"""Which kernels scripts/kernels tries, and with whose source each is compared.

A kernel goes by its release (uname -r); releases are a dictionary from these to
the versions of their packages.
"""

import random
import re

SERIES = ("6.12", "6.1")
FLAVOURS = ("cloud-amd64", "amd64", "rt-amd64")


def flavour_of(release):
    """6.1.0-56-rt-amd64, 6.12.117+deb12-amd64: what follows the last of the version."""
    return max((f for f in FLAVOURS if release.endswith("-" + f)), key=len)


def series_of(release):
    return ".".join(release.split(".")[:2])


def version_key(release):
    return [int(n) for n in re.findall(r"\d+", release)]


def parse_list(text):
    """What ksplice-prepare --list prints: a release and its version in each line."""
    pairs = [line.split() for line in text.splitlines()]
    return {p[0]: p[1] for p in pairs if len(p) == 2 and p[0].endswith(FLAVOURS)}


def newest(releases, series, flavour):
    """Those of the series and flavour, the newest first."""
    same = [r for r in releases if series_of(r) == series and flavour_of(r) == flavour]
    return sorted(same, key=version_key, reverse=True)


def wanted(releases):
    """The newest two of each kind."""
    return [r for series in SERIES for flavour in FLAVOURS
            for r in newest(releases, series, flavour)[:2]]


def compared_with(releases, release):
    """The release whose source makes the patches: of the third newest version of the series.

    The newest two may differ in one file; the third newest is compared with the newest.
    The source for real time is that of all with a series of patches, so it is compared
    with its own kind: else half of the patches would take these away.
    """
    flavour = "rt-amd64" if flavour_of(release) == "rt-amd64" else "cloud-amd64"
    of_version = {}
    for r in newest(releases, series_of(release), flavour):
        of_version.setdefault(releases[r], r)
    versions = list(of_version)
    if len(versions) < 3:
        return None
    third = versions[2]
    return of_version[versions[0] if releases[release] == third else third]


def shuffled(paths, seed):
    """The order in which patches are tried: one seed, one order."""
    paths = sorted(paths)
    random.Random(seed).shuffle(paths)
    return paths
