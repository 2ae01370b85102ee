#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""skips.py LOGS: sums up the ctest logs in a folder; a skip that tests/skips.txt does not name fails.

A skipped test is a ctest that ended with code 77, or a line "SKIPPED name: reason" in a test's output.
"""
import pathlib
import re
import sys

logs = pathlib.Path(sys.argv[1])
allowed = {}
for line in pathlib.Path("tests/skips.txt").read_text().splitlines():
    if line.strip() and not line.startswith("#"):
        name, _, reason = line.partition(":")
        allowed[name.strip()] = reason.strip()

passed = failed = skipped = 0
unknown = []
for log in sorted(p for p in logs.iterdir() if p.suffix != ".marks"):
    for line in log.read_text(errors="replace").splitlines():
        m = re.match(r"\s*\d+/\d+ Test\s+#\d+: (\S+) \.*\s*(.*)", line)
        if m:
            name, result = m.groups()
            if "Skipped" in result:
                skipped += 1
                if name not in allowed:
                    unknown.append(f"{log.name}: {name}")
            elif "Passed" in result:
                passed += 1
            else:
                failed += 1
                print(f"failed: {log.name}: {name} {result}")
        m = re.search(r"SKIPPED ([\w.\[\]-]+): (.*)", line)
        if m:
            print(f"skipped: {log.name}: {m.group(1)}: {m.group(2)}")
            if m.group(1) not in allowed:
                unknown.append(f"{log.name}: {m.group(1)}")
for name in unknown:
    print(f"skip that tests/skips.txt does not name: {name}")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or unknown or passed == 0 else 0)
