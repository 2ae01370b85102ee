#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares docs/defaults.md with the source: a row's second column must be the value of the name in its third."""
import ast
import operator
import pathlib
import re
import sys

UNITS = {"s": 10**9, "ms": 10**6}
OPERATORS = {ast.Mult: operator.mul, ast.Add: operator.add, ast.Sub: operator.sub, ast.LShift: operator.lshift}


def value(node):
    if isinstance(node, ast.Expression):
        return value(node.body)
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return {"PLUG_SECOND": 10**9, "PLUG_MS": 10**6}[node.id]
    return OPERATORS[type(node.op)](value(node.left), value(node.right))


names = {}
for path in pathlib.Path("src").rglob("*.[ch]"):
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    for m in re.finditer(r"#define (\w+) (\([^\n]*\))|\b([A-Z][A-Z0-9_]+) = ([0-9][^,}\n]*)", text):
        name, expression = (m.group(1), m.group(2)) if m.group(1) else (m.group(3), m.group(4))
        try:
            names.setdefault(name, value(ast.parse(expression.strip(), mode="eval")))
        except (SyntaxError, KeyError, AttributeError):
            continue

bad = rows = 0
for number, line in enumerate(pathlib.Path("docs/defaults.md").read_text().splitlines(), 1):
    cells = [c.strip() for c in line.strip("|").split("|")]
    if len(cells) != 3 or not (m := re.search(r"`([A-Z][A-Z0-9_]+)`", cells[2])):
        continue
    rows += 1
    said = re.fullmatch(r"(\d+)(?: (s|ms))?", cells[1])
    want = names.get(m.group(1))
    got = int(said.group(1)) * (UNITS[said.group(2)] if said.group(2) and not m.group(1).endswith("_MS") else 1) if said else None
    if got is None or want != got:
        print(f"docs/defaults.md:{number}: {m.group(1)} is {want} in the source, {cells[1]} on the page")
        bad += 1
print(f"check-defaults: {rows} rows, {bad} wrong")
sys.exit(1 if bad or rows < 20 else 0)
