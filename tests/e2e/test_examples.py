# SPDX-License-Identifier: MIT
"""Every example of the README, of --help, of `plug help` and of the manual is run, by bash -i and by
dash, in a network where its hosts are."""
import concurrent.futures
import json
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

from conftest import PLUG, ROOT, need, sanitized

DRIVER = pathlib.Path(__file__).with_name("example_driver.py")
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


def lines_of(*args):
    done = subprocess.run([PLUG, *args], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().splitlines()


def command_of(line):
    """The command at the beginning of a line, without the remark behind it; or None."""
    line = re.split(r"\s{2,}|\s+#\s", line.strip())[0]
    return line if re.match(r"(?:\S+ .*\| |\w+=\S+ )?plug\s", line) else None


def commands_in(lines):
    """Indented commands, but not the form of one ("plug [OPTION]...")."""
    found = [command_of(at) for at in lines if at.startswith("  ")]
    return [at for at in found if at and not re.search(r"\bplug\s+(\[|\w+ ?\w*\|)", at)]


def kinds():
    return [k["name"] for k in json.loads("\n".join(lines_of("list", "--json")))["kinds"]]


def help_examples():
    found = commands_in(lines_of("--help"))
    for topic in json.loads("\n".join(lines_of("help", "--json")))["topics"]:
        found += commands_in(topic["text"].splitlines())
    return found


def kind_examples():
    """Of each kind one: a command, or an address, which is then explained."""
    found = []
    for kind in json.loads("\n".join(lines_of("list", "--json")))["kinds"]:
        example = kind["example"]
        assert example, f"{kind['name']} has no example"
        if not example.startswith("plug "):
            example = "plug explain " + shlex.quote(example)
        found.append(example)
    return found


def man_examples():
    """What stands in the pages between .nf and .fi, and the examples of kinds."""
    folder = pathlib.Path(PLUG).parent / "packaging" / "made" / "man"
    if not folder.exists():
        return []
    found = []
    for page in sorted(folder.glob("man[17]/*")):
        text = page.read_text()
        for block in re.findall(r"\.nf\n(.*?)\.fi", text, re.S):
            plain = block.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\")
            found += commands_in("  " + at for at in plain.splitlines())
    return found


def readme_examples():
    return [c for b in blocks(README) for c in commands(b)]


def all_examples():
    found = readme_examples() + help_examples() + kind_examples() + man_examples()
    return sorted(set(found))


def test_help_has_six_examples():
    lines = lines_of("--help")
    assert len(lines) <= 24
    assert len(commands_in(lines)) == 6


def test_every_source_has_examples():
    assert len(help_examples()) >= 20
    assert len(kind_examples()) == len(kinds()) >= 40
    assert set(help_examples()) <= set(all_examples())
    if man_examples():
        assert len(man_examples()) >= 20


# those that need a device of their own
LONELY = re.compile(r"/dev/tty|/dev/serial|/dev/sd")


def run_alone(shell, line, folder):
    """Returns what went wrong, or None."""
    folder.mkdir()
    (folder / "plug").symlink_to(PLUG)
    (folder / "README.md").write_text(README)
    (folder / "log.txt").write_text("a line\n")
    for path in re.findall(r"/tmp/[\w./-]+", line):
        pathlib.Path(path).unlink(missing_ok=True)
    done = subprocess.run(["unshare", "-Urnm", "--pid", "--fork", "--kill-child",
                           "--mount-proc", sys.executable,
                           str(DRIVER), shell, line, str(folder)], capture_output=True, timeout=120,
                          check=False)
    for path in re.findall(r"/tmp/[\w./-]+", line):
        pathlib.Path(path).unlink(missing_ok=True)
    return f"{shell}: {line}\n{done.stderr.decode()}" if done.returncode else None


@pytest.mark.parametrize("sh", ["bash", "dash"])
def test_every_example_works(sh, tmp_path):
    """Of README, help and manual, each in a network that has its hosts."""
    need("unshare", "ip", sh)
    if subprocess.run(["unshare", "-Urnm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespaces here")
    lines = [at for at in all_examples() if not LONELY.search(at) and "plug tour" not in at]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        wrong = [w for w in pool.map(lambda job: run_alone(sh, job[1], tmp_path / str(job[0])),
                                     enumerate(lines)) if w]
    assert not wrong, "\n".join(wrong)


def test_tour_passes():
    """What `make demo` shows: every kind joined to every other."""
    done = subprocess.run([PLUG, "tour"], capture_output=True, timeout=240, check=False)
    text = done.stdout.decode()
    assert done.returncode == 0, text[-4000:]
    m = re.search(r"(\d+) of (\d+) pairs passed, .* in ([\d.]+) s", text)
    assert m and m.group(1) == m.group(2) and int(m.group(2)) > 100, text[-500:]
    if not sanitized():
        assert float(m.group(3)) < 60
