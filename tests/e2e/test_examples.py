# SPDX-License-Identifier: MIT
"""Every example of the README, of --help and of `plug help` is run, or explained where running it
would need a host that is not there."""
import re
import shlex
import subprocess

import pytest

from conftest import PLUG, ROOT, sanitized

README = (ROOT / "README.md").read_text()


def blocks(text):
    return re.findall(r"```sh\n(.*?)```", text, re.S)


def commands(block):
    """Lines that run plug, without their comments."""
    found = []
    for line in block.splitlines():
        line = re.sub(r"\s+#\s.*", "", line).strip()
        if re.search(r"\bplug\s", line) and not line.startswith("#"):
            found.append(line)
    return found


def marked():
    """Those under the marker are to be run as they stand."""
    after = README.split("<!-- examples:", 1)
    return commands(blocks(after[1])[0]) if len(after) == 2 else []


def addresses_of(line):
    """The addresses of a plug command line, pipes and options left out; None for verbs."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|")
    lexer.whitespace_split = True
    words = list(lexer)
    words = words[words.index("plug") + 1:]
    if "|" in words:
        words = words[:words.index("|")]
    while words and words[0].startswith("-") and words[0] != "-":
        takes = words[0] in ("-b", "-t", "-T")
        words = words[2:] if takes else words[1:]
    if not words or words[0] in ("explain", "list", "help", "tour"):
        return None
    return [w for w in words if w != "--"]


@pytest.fixture
def shell(tmp_path):
    (tmp_path / "plug").symlink_to(PLUG)
    (tmp_path / "README.md").write_text(README)

    def call(line):
        return subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=tmp_path,
                              capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
                              env={"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)})

    return call


def test_the_readme_has_examples():
    assert len(marked()) >= 5


@pytest.mark.parametrize("line", marked())
def test_readme_example_runs(shell, line):
    done = shell(line)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout or "create:" in line


def explained(shell, line):
    for address in addresses_of(line) or []:
        done = shell(f"plug explain {shlex.quote(address)} 3</dev/null")  # for fd:3
        assert done.returncode == 0, (address, done.stderr.decode())
        assert done.stdout


@pytest.mark.parametrize("line", [c for b in blocks(README) for c in commands(b)
                                  if addresses_of(c)])
def test_readme_line_is_understood(shell, line):
    explained(shell, line)


def lines_of(*args):
    done = subprocess.run([PLUG, *args], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().splitlines()


def examples(lines):
    """Lines that begin with the command's name and have an address in them."""
    found = []
    for line in lines:
        line = re.split(r"\s{2,}|\s+#\s", line.strip())[0]
        if re.match(r"plug\s+\S*(:|-\s|-$)", line) and "[" not in line.split("//")[0]:
            found.append(line)
    return found


def test_help_examples_are_understood(shell):
    lines = examples(lines_of("--help"))
    assert len(lines) >= 3, lines
    for line in lines:
        explained(shell, line)


def kinds():
    """Names of the kinds, first words of `plug list`."""
    found = []
    for line in lines_of("list"):
        m = re.match(r"\s+([a-z][a-z0-9-]*)\b", line)
        if m:
            found.append(m.group(1))
    return found


def test_help_of_every_kind_has_an_example_that_is_understood(shell):
    names = kinds()
    assert len(names) >= 15, names
    seen = 0
    for name in names:
        done = shell(f"plug help {name}")
        if done.returncode != 0:
            continue
        for line in done.stdout.decode().splitlines():
            m = re.match(r"example:\s+(plug .*)", line)
            if m and addresses_of(m.group(1)):
                explained(shell, m.group(1))
                seen += 1
    assert seen >= 10


def test_tour_passes():
    """What `make demo` shows: every kind joined to every other."""
    done = subprocess.run([PLUG, "tour"], capture_output=True, timeout=240, check=False)
    text = done.stdout.decode()
    assert done.returncode == 0, text[-4000:]
    m = re.search(r"(\d+) of (\d+) pairs passed, .* in ([\d.]+) s", text)
    assert m and m.group(1) == m.group(2) and int(m.group(2)) > 100, text[-500:]
    if not sanitized():
        assert float(m.group(3)) < 60
