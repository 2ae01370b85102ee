#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""words.py PLUG: the names of all kinds and options, as libFuzzer's dictionary of addresses. They
are the command's own tables, so that what is new is in it at once."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "packaging"))
from tables import Tables  # noqa: E402

SIGNS = ["!!", "://", "+", "#", ",", "=", "%2c", "\\\\,", "'", "[::1]", "/dev/null", "/dev/ptmx",
         "inf", "500ms", "0x1f", "6:1:1"]


def words(plug):
    tables = Tables(plug)
    found = set(SIGNS)
    for kind in tables.kinds:
        for name in [kind["name"], *kind["aliases"]]:
            found |= {f"{name}:", f"{name}+"}
    for option in sum(tables.of.values(), tables.common):
        for name in [option["name"], *option["aliases"]]:
            found.add(f",{name}" if option["type"] == "flag" else f",{name}=")
    return sorted(found)


if __name__ == "__main__":
    print("\n".join(f'"{word}"' for word in words(sys.argv[1])))
