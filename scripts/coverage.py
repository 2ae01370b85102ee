#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage.py BUILD FOLDER=PERCENT…: line coverage by gcov, a row a file; exit 1 below a folder's floor."""
import json
import pathlib
import subprocess
import sys

build = pathlib.Path(sys.argv[1]).resolve()
floors = dict(arg.split("=") for arg in sys.argv[2:])
root = pathlib.Path.cwd()
lines = {}  # file -> {line: hits}
notes = sorted(build.rglob("*.gcda"))
for start in range(0, len(notes), 50):
    out = subprocess.run(["gcov", "--json-format", "--stdout", *map(str, notes[start:start + 50])],
                         capture_output=True, text=True, cwd=build, check=True).stdout
    for doc in out.splitlines():
        for file in json.loads(doc)["files"]:
            path = (build / file["file"]).resolve()
            if not path.is_relative_to(root / "src"):
                continue
            seen = lines.setdefault(str(path.relative_to(root)), {})
            for line in file["lines"]:
                seen[line["line_number"]] = max(seen.get(line["line_number"], 0), line["count"])
bad = False
for folder, floor in floors.items():
    total = hit = 0
    for path in sorted(p for p in lines if p.startswith(f"src/{folder}/")):
        n, h = len(lines[path]), sum(1 for c in lines[path].values() if c)
        total, hit = total + n, hit + h
        print(f"{100 * h / max(n, 1):6.1f} %  {h:5}/{n:<5} {path}")
    share = 100 * hit / max(total, 1)
    print(f"{share:6.1f} %  {hit:5}/{total:<5} src/{folder} (floor {floor} %)")
    bad |= share < float(floor)
sys.exit(bad)
