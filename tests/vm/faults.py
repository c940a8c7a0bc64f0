# SPDX-License-Identifier: GPL-2.0-only
"""Makes the table of docs/faults.md from what tests/vm/guest/faults.sh prints.

Usage: faults.py LOG
"""
import sys

names = {
    "load": "ksplice.ko is loaded",
    "apply": "an update is applied",
    "undo": "it is undone",
    "replace": "another one takes its place",
}
rows, points = {}, dict.fromkeys(names, 0)
for line in open(sys.argv[1], errors="replace"):
    if not line.startswith("point|"):
        continue
    operation, point, code, outcome = line.rstrip("\n").split("|")[1:]
    rows[operation, point, code, outcome] = rows.get((operation, point, code, outcome), 0) + 1
    points[operation] += 1
assert all(points.values()), points
for operation, name in names.items():
    print(f"\n## While {name}: {points[operation]} points\n")
    print("| point | times | abort code | afterwards |\n| --- | ---: | --- | --- |")
    for (op, point, code, outcome), times in rows.items():
        if op == operation:
            print(f"| `{point}` | {times} | {code} | {outcome} |")
