#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the sources to docs/architecture.md: who may include whom, where a system's #ifdef may stand,
calls that are banned, functions and files that are too long, and files without a licence line."""
import pathlib
import re
import sys

ORDER = ["os", "util", "loop", "core", "socket", "endpoint", "proto", "registry", "relay", "service", "cli"]
# what each folder may include, beside itself and include/plug
BELOW = {
    "os": set(),
    "util": {"os"},
    "loop": {"os", "util"},
    "core": {"os", "util", "loop"},
    "socket": {"os", "util", "loop", "core"},
    "endpoint": {"os", "util", "loop", "core"},
    "proto": {"os", "util", "loop", "core"},
    "registry": {"core", "socket", "endpoint", "proto"},
    "relay": {"os", "util", "loop", "core"},
    "service": {"os", "util", "loop", "core", "relay"},
    "cli": {"os", "util", "loop", "core", "relay", "service"},
}
# the command reaches the dump filter's sink; two leaf headers that include nothing serve every folder
ALLOWED = {("cli", "proto/filter/filter.h"), ("os", "util/alloc.h"), ("os", "util/attr.h")}
OS_IFDEF = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b.*(__linux__|_WIN32|__APPLE__|__\w+BSD__|__MINGW\w*__)")
BANNED = re.compile(r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|atoi|atol|strtok|gethostbyname|alloca|select|gets)\s*\(")
FUNCTION_MOST, FILE_MOST = 100, 1000
# util/attr.h is where compilers differ (docs/architecture.md); plug.h needs the export attribute
MAY_IFDEF = {"src/util/attr.h", "include/plug/plug.h"}

# a program that makes the BSD call of each name, for the library to be held against
MAY_CALL = {"tests/contract/calls/peer.c"}

problems = []


def folder_of(path):
    parts = path.parts
    if parts[0] != "src":
        return None
    if len(parts) == 2:
        return path.stem
    return parts[1]


def check_include(path, number, line, folder):
    m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
    if not m or folder is None:
        return
    target = m.group(1)
    first = target.split("/")[0]
    if "/" not in target:
        return  # the same folder's own
    if first not in BELOW:
        return
    if first == folder:
        if folder == "proto":
            mine, theirs = path.parts[2], target.split("/")[1]
            if mine != theirs and not target.endswith("_codec.h"):
                problems.append(f"{path}:{number}: proto/{mine} must not include {target}")
        return
    if first not in BELOW[folder] and (folder, target) not in ALLOWED:
        problems.append(f"{path}:{number}: {folder} must not include {target}")


def strip(text):
    """Comments and strings become blanks of the same length, so that lines and columns stay."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def check_functions(path, text):
    """A function starts at a line that begins a body in column 0 and ends at the next closing brace there."""
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            if number - start > FUNCTION_MOST:
                problems.append(f"{path}:{start}: function of {number - start} lines (most {FUNCTION_MOST})")
            start = None


def check(path):
    raw = path.read_text()
    text = strip(raw)
    folder = folder_of(path)
    if "SPDX-License-Identifier: MIT" not in raw[:200]:
        problems.append(f"{path}:1: no SPDX line")
    lines = raw.splitlines()
    if len(lines) > FILE_MOST:
        problems.append(f"{path}: {len(lines)} lines (most {FILE_MOST})")
    for number, (line, bare) in enumerate(zip(lines, text.splitlines()), 1):
        check_include(path, number, line, folder)
        if folder != "os" and str(path) not in MAY_IFDEF and OS_IFDEF.search(line):
            problems.append(f"{path}:{number}: a system's #ifdef outside src/os")
        m = BANNED.search(bare)
        if m and str(path) not in MAY_CALL:
            problems.append(f"{path}:{number}: {m.group(1)} is banned")
    check_functions(path, text)


def main():
    for top in ("src", "include", "tests", "fuzz", "examples", "bench"):
        for path in sorted(pathlib.Path(top).rglob("*.[ch]")):
            check(path)
    for p in problems:
        print(p)
    if not problems:
        print("check-layers: clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
