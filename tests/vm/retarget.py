# SPDX-License-Identifier: GPL-2.0-only
"""Names one more target in the manifest of an update, which the update does not patch.

Usage: retarget.py GOOD.tar.gz TARGET NEW.tar.gz
"""
import io
import json
import sys
import tarfile

good, target, new = sys.argv[1:]
with tarfile.open(good) as old, tarfile.open(new, "w:gz", format=tarfile.USTAR_FORMAT) as tar:
    for info in old.getmembers():
        data = old.extractfile(info).read()
        if info.name.endswith("/manifest.json"):
            manifest = json.loads(data)
            manifest["targets"].append(target)
            data = json.dumps(manifest).encode()
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
