# SPDX-License-Identifier: MIT
"""What the command and the headers say of themselves, for the manual and the completions."""
import json
import pathlib
import re
import subprocess


def ask(plug, *args):
    return json.loads(subprocess.run([plug, *args], check=True, capture_output=True).stdout)


class Tables:
    """Kinds, options, the command line, topics: from `plug list --json` and `plug help --json`."""

    def __init__(self, plug):
        self.kinds = ask(plug, "list", "--json")["kinds"]
        self.command = ask(plug, "help", "--json")
        self.common = ask(plug, "list", "options", "--json")["common"]
        self.of = {k["name"]: ask(plug, "list", "options", k["name"], "--json")["options"]
                   for k in self.kinds}

    def command_options(self):
        """(names, value, help): spellings of one row together."""
        rows = []
        for o in self.command["options"]:
            if o["help"]:
                rows.append(([o["name"]], o["value"], o["help"]))
            elif not o["name"].startswith(("-?", "-h")):
                rows[-1][0].append(o["name"])
        return rows

    def options_by_kinds(self):
        """[(names of layers, options)]: what the same kinds have stands together."""
        layers, found = {}, {}
        for k in self.kinds:
            for o in self.of[k["name"]]:
                key = (o["name"], o["help"])
                found[key] = o
                layers.setdefault(key, [])
                if k["layer"] not in layers[key]:
                    layers[key].append(k["layer"])
        groups = {}
        for key, option in found.items():
            groups.setdefault(tuple(layers[key]), []).append(option)
        return sorted(groups.items(), key=lambda g: (-len(g[0]), g[0]))


class Call:
    """A function of a header: its prototype, what it does and what it returns."""

    def __init__(self, comment, prototype):
        text = re.sub(r"\s*\n \*\s?", "\n", comment).strip()
        text = re.sub(r"\s+", " ", text)
        self.prototype = re.sub(r"\s+", " ", prototype).strip() + ";"
        self.name = re.search(r"(plug_\w+)\(", prototype).group(1)
        m = re.search(r"(?:^|(?<=\. ))Returns\b", text)
        self.description = text[:m.start()].strip() if m else text
        self.returns = text[m.start():] if m else ""
        first = re.split(r"(?<=[.:;])\s", self.description)[0].rstrip(".:;")
        self.summary = first[0].lower() + first[1:]


class Headers:
    def __init__(self, include):
        self.texts = {name: (pathlib.Path(include) / "plug" / name).read_text()
                      for name in ("plug.h", "loop.h")}
        errors = re.search(r"#define PLUG_ERRORS\(X\)(.*?)\n\n", self.texts["plug.h"], re.S)
        self.errors = re.findall(r'X\((\w+), (-?\d+), "([^"]*)"\)', errors.group(1))
        self.calls = {name: [Call(*m) for m in re.findall(
            r"/\*((?:(?!\*/).)*)\*/\s*PLUG_API ([^;]*);", text, re.S)]
            for name, text in self.texts.items()}
        for name, text in self.texts.items():
            declared = len(re.findall(r"^PLUG_API ", text, re.M))
            if declared != len(self.calls[name]):
                raise SystemExit(f"{name}: {declared} functions, {len(self.calls[name])} with a "
                                 "comment of their own")

    def errors_in(self, text):
        """Those that a text names, in the order of the table."""
        words = set(re.findall(r"\b[A-Z]+[A-Z0-9]+\b", text))
        return [e for e in self.errors if e[0] in words]
