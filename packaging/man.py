#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""man.py PLUG INCLUDE OUT VERSION: the manual, made of the command's tables, the topics of its help
and the comments of the headers. What is written here is only what joins them."""
import os
import pathlib
import re
import sys
import time

from tables import Headers, Tables

DATE = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))


def escape(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")


def prose(text):
    """Text of a sentence: hyphens stay hyphens, names of calls and codes stand out."""
    text = text.replace("\\", "\\e").replace("'", "\\(aq").replace("`", "\\(aq")
    text = re.sub(r"\b(plug_[a-z_]+)\b(?!\()", r"\\fB\1\\fP(3)", text)
    return re.sub(r"(?<!\w)(--?[a-z][a-z=-]*)", lambda m: m.group(1).replace("-", "\\-"), text)


class Page:
    def __init__(self, name, section, title, version):
        self.file = f"{name}.{section}"
        self.section = section
        self.lines = [f'.TH "{name.upper()}" "{section}" "{DATE}" "plug {version}" "plug"',
                      ".SH NAME", f"{escape(name)} \\- {prose(title)}"]

    def head(self, text):
        self.lines.append(f'.SH "{text.upper()}"')

    def sub(self, text):
        self.lines.append(f'.SS "{escape(text)}"')

    def line(self, text):
        """A line of output; one that begins like a request is kept from being one."""
        self.lines.append("\\&" + text if text[:1] in (".", "'") else text)

    def text(self, text):
        for i, sentence in enumerate(re.split(r"(?<=[.:]) (?=[A-Z`])", text)):
            self.line(prose(sentence))

    def tag(self, *names):
        self.lines.append(".TP")
        self.line(", ".join(f"\\fB{escape(n)}\\fP" for n in names))

    def paragraph(self):
        if not self.lines[-1].startswith(".S"):
            self.lines.append(".PP")

    def code(self, lines):
        self.paragraph()
        self.lines += [".nf", ".RS 2"]
        for at in lines:
            self.line(escape(at))
        self.lines += [".RE", ".fi"]

    def topic(self, text):
        """Indented lines stand as they are, others flow."""
        for block in re.findall(r"(?:^  .*\n)+|(?:^(?!  ).+\n)+", text, re.M):
            if block.startswith("  "):
                self.code(at[2:] for at in block.splitlines())
            else:
                self.paragraph()
                self.text(" ".join(block.split()))

    def see(self, *pages):
        self.head("See also")
        done = sorted({p for p in pages if p != self.file}, key=lambda p: (p[-1], p))
        for i, p in enumerate(done):
            name, section = p.rsplit(".", 1)
            self.lines.append(f".BR {escape(name)} ({section})" + ("," if i + 1 < len(done) else ""))

    def write(self, out):
        folder = out / f"man{self.section}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / self.file).write_text("\n".join(self.lines) + "\n")


MANUAL = ("plug.1", "plug-addresses.7", "plug-options.7", "libplug.3")
VERBS = {"explain": ("ADDRESS [ADDRESS]", "say what the addresses would do, before they do it"),
         "list": ("[options [KIND]]", "the kinds of addresses, or the options of one"),
         "help": ("[ADDRESS|OPTION|TOPIC]", "tell of a kind, an option or a topic"),
         "tour": ("", "join every kind with every other and show it")}
# topics that have a section of plug(1) to themselves, under its usual name
SECTIONS = (("addresses", "Addresses"), ("ends", "Ends"), ("records", "Records"),
            ("listen", "Listeners"), ("socat", "Coming from socat"), ("exit", "Exit status"),
            ("environment", "Environment"))


def option_form(o):
    return f"{o['name']}={o['value']}" if o["value"] else o["name"]


def command(tables, version):
    page = Page("plug", 1, "join any two of sockets, files, programs and terminals", version)
    topics = {t["name"]: t for t in tables.command["topics"]}
    page.head("Synopsis")
    page.line("\\fBplug\\fP [\\fIOPTION\\fP]... \\fIADDRESS\\fP [\\fIADDRESS\\fP] "
              "[\\fB\\-\\-\\fP \\fIADDRESS ADDRESS\\fP]...")
    for verb in tables.command["verbs"]:
        page.lines += [".br", f"\\fBplug {verb}\\fP {escape(VERBS[verb][0])}".rstrip()]
    page.head("Description")
    page.text("plug opens every kind of socket, and every other thing that Unix reads and writes "
              "through a descriptor, by an address, and joins any two. One process serves every "
              "connection. Kinds of addresses are in plug-addresses(7), their options in "
              "plug-options(7).")
    for verb in tables.command["verbs"]:
        page.tag(f"plug {verb}")
        page.text(VERBS[verb][1])
    page.head("Options")
    for names, value, text in tables.command_options():
        page.tag(*(n if not value else f"{n}={value}" if n.startswith("--") else f"{n} {value}"
                   for n in names))
        page.text(text)
    for name, title in SECTIONS:
        page.head(title)
        page.topic(topics[name]["text"])
    page.head("Examples")
    page.topic(tables.command["examples"] + topics["examples"]["text"])
    page.see(*MANUAL)
    return page


def addresses(tables, version):
    page = Page("plug-addresses", 7, "the kinds of addresses of plug", version)
    page.head("Description")
    page.topic(next(t["text"] for t in tables.command["topics"] if t["name"] == "addresses"))
    for title, base in (("Kinds", True), ("Layers", False)):
        page.head(title)
        if not base:
            page.text("Put before an address with +, upper first.")
        for k in (k for k in tables.kinds if k["base"] == base):
            colon = f"{k['name']}:{k['usage']}" if k["usage"] else k["name"]
            page.tag(colon if base else f"{k['name']}+ADDRESS")
            page.text(k["help"] + ".")
            if k["aliases"]:
                page.text("Also: " + ", ".join(k["aliases"]) + ".")
            if k["example"]:
                page.lines += [".br", "Example: \\fB" + escape(k["example"]) + "\\fP"]
    page.see(*MANUAL)
    return page


def options(tables, version):
    page = Page("plug-options", 7, "the options of addresses of plug", version)
    page.head("Description")
    page.topic(next(t["text"] for t in tables.command["topics"] if t["name"] == "options"))
    groups = [(None, tables.common), *tables.options_by_kinds()]
    for layers, group in groups:
        page.head("Options of any address" if layers is None else "Options of " + ", ".join(layers))
        for o in group:
            page.tag(option_form(o))
            page.text((o["help"] or o["name"]) + ("" if o["supported"] else " (not on this system)")
                      + ".")
            if o.get("choices"):
                page.text("One of " + ", ".join(o["choices"]) + ".")
            if o["aliases"]:
                page.text("Also: " + ", ".join(o["aliases"]) + ".")
    page.see(*MANUAL)
    return page


def prototype(call):
    m = re.match(r"(.*?)(plug_\w+)\((.*)\);", call.prototype)
    args = ", ".join(re.sub(r"^(.*?)(\w+)((?:\[\])?)$", r"\1\\fI\2\\fP\3", a.strip())
                     if a.strip() != "void" else "void" for a in m.group(3).split(","))
    return f"{m.group(1)}\\fB{m.group(2)}\\fP({args});"


def call_page(headers, header, call, version):
    page = Page(call.name, 3, call.summary, version)
    page.head("Library")
    page.line("libplug (\\fIlibplug\\fP, \\fB\\-lplug\\fP)")
    page.head("Synopsis")
    page.lines += [".nf", f"\\fB#include <plug/{header}>\\fP", ".PP", prototype(call), ".fi"]
    page.head("Description")
    page.text(call.description)
    if call.returns:
        page.head("Return value")
        page.text(call.returns)
    errors = headers.errors_in(call.returns)
    if errors:
        page.head("Errors")
        for name, value, text in errors:
            page.tag(f"PLUG_{name}")
            why = re.search(rf"\b{name} \(((?:[^()]|\([^()]*\))*)\)", call.returns)
            page.line(prose(text) + (": " + prose(why.group(1)) if why else ""))
    page.see("libplug.3", *(f"{n}.3" for n in re.findall(r"plug_[a-z_]+", call.description
                                                          + call.returns)
                            if any(c.name == n for cs in headers.calls.values() for c in cs)))
    return page


def library(headers, version):
    page = Page("libplug", 3, "every kind of endpoint by the calls of BSD sockets", version)
    page.head("Synopsis")
    page.lines += [".nf", "\\fB#include <plug/plug.h>\\fP", "\\fB#include <plug/loop.h>\\fP", ".PP",
                   "cc app.c $(pkg\\-config \\-\\-cflags \\-\\-libs plug)", ".fi"]
    page.head("Description")
    page.text("An endpoint is opened by an address, as plug-addresses(7) tells, and used by the "
              "calls below. Each call that may wait takes a deadline: an absolute time of "
              "plug_now, 0 to try once, PLUG_FOREVER to wait. An endpoint has a private loop, "
              "which a call turns while it waits, or belongs to a loop that the program turns; "
              "there a call never blocks. It is used by one thread at a time.")
    for header, calls in headers.calls.items():
        page.sub(f"plug/{header}")
        for call in calls:
            page.lines += [".TP", f".BR {escape(call.name)} (3)"]
            page.line(prose(call.summary))
    page.head("Errors")
    page.text("Results are 0 or more when all is well, else one of these, the same numbers on every "
              "system.")
    for name, value, text in headers.errors:
        page.tag(f"PLUG_{name}")
        page.line(f"{prose(text)} (\\-{value.lstrip('-')})")
    page.head("Example")
    page.code("""struct plug_sock *s;
struct plug_err err;
char line[256];

if (plug_open(&s, "tcp://localhost:25", plug_now() + 10 * PLUG_SECOND, &err) < 0)
    die(err.text);
int64_t n = plug_recv(s, line, sizeof(line), 0, PLUG_FOREVER);
plug_close(s);""".splitlines())
    page.see(*MANUAL)
    return page


def main():
    plug, include, out, version = sys.argv[1:]
    tables, headers, out = Tables(plug), Headers(include), pathlib.Path(out)
    pages = [command(tables, version), addresses(tables, version), options(tables, version),
             library(headers, version)]
    for header, calls in headers.calls.items():
        pages += [call_page(headers, header, c, version) for c in calls]
    for page in pages:
        page.write(out)


if __name__ == "__main__":
    main()
