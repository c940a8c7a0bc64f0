# SPDX-License-Identifier: GPL-2.0-only
"""Signs the modules of an update, the core too, as the kernel's sign-file does.

Usage: sign.py SIGN-FILE KEY.pem CERT GOOD.tar.gz NEW.tar.gz
"""
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile

sign_file, key, cert, good, new = sys.argv[1:]


def signed(data):
    with tempfile.NamedTemporaryFile(suffix=".ko") as module:
        module.write(data)
        module.flush()
        subprocess.run([sign_file, "sha256", key, cert, module.name], check=True)
        with open(module.name, "rb") as f:
            return f.read()


with tarfile.open(good) as old:
    members = [[info, old.extractfile(info).read()] for info in old.getmembers()]
modules = {}
for member in members:
    if member[0].name.endswith(".ko"):
        member[1] = signed(member[1])
        modules[member[0].name.partition("/")[2]] = member[1]
with tarfile.open(new, "w:gz", format=tarfile.USTAR_FORMAT) as tar:
    for info, data in members:
        if info.name.endswith("/manifest.json"):
            manifest = json.loads(data)
            for entry in manifest["files"]:
                module = modules.get(entry["name"])
                if module:
                    entry["size"] = len(module)
                    entry["sha256"] = hashlib.sha256(module).hexdigest()
            data = json.dumps(manifest).encode()
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
