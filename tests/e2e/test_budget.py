# SPDX-License-Identifier: MIT
"""Budgets, for the release build: system calls at the start, on the loop and per connection, and
memory per idle relayed connection."""
import collections
import re
import resource
import socket
import subprocess
import sys

import pytest

from conftest import (PLUG, Plug, accept, connect, listener, need, read_all, read_exactly,
                      sanitized, until)

START = 80  # system calls before the first read of standard input
IDLE = 1024  # bytes of user memory per idle relayed TCP connection
HALF = 2500

pytestmark = pytest.mark.skipif(sanitized(), reason="budgets are the release build's")


def traced(trace, args):
    """The command under strace -f, its calls in the file `trace`."""
    return subprocess.Popen(["strace", "-f", "-qq", "-s", "64", "-o", trace, PLUG, *args],
                            stdout=subprocess.PIPE, stdin=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)


def calls_of(text):
    """The calls in their order, as (name, line)."""
    found = []
    for line in text.decode(errors="replace").splitlines():
        m = re.match(r"(?:\d+ +)?(\w+)\(", line)
        if m:
            found.append((m.group(1), line))
    return found


def test_calls_before_the_first_read_of_stdin(tmp_path, capsys):
    """All of them, those of dynamic loading too. Standard input may be read under another number:
    the call that gets its bytes is the one that counts."""
    need("strace")
    with listener() as s:
        p = traced(tmp_path / "trace", ["-", f"tcp://127.0.0.1:{s.getsockname()[1]}"])
        c = accept(s)
        p.stdin.write(b"the first bytes")
        p.stdin.close()
        assert read_all(c) == b"the first bytes"
        c.close()
        assert p.wait(60) == 0
    calls = calls_of((tmp_path / "trace").read_bytes())
    first = next(i for i, (_, line) in enumerate(calls) if "the first bytes" in line)
    with capsys.disabled():
        print(f"\n  {first} system calls before the first read of standard input")
    assert first <= START, "\n".join(line for _, line in calls[:first])


def test_no_epoll_ctl_after_registration(tmp_path):
    """Each descriptor is added once; nothing is ever modified."""
    need("strace")
    with listener() as s:
        p = traced(tmp_path / "trace", ["-", f"tcp://127.0.0.1:{s.getsockname()[1]}"])
        c = accept(s)
        for _ in range(200):
            p.stdin.write(b"x" * 1000)
            p.stdin.flush()
            c.sendall(read_exactly(c, 1000))
        p.stdin.close()
        assert read_all(c) == b""
        c.close()
        assert p.stdout.read() == b"x" * 200000
        assert p.wait(60) == 0
    out = (tmp_path / "trace").read_bytes()
    controls = [line for name, line in calls_of(out) if name == "epoll_ctl"]
    assert controls, "no epoll_ctl at all: is this the poll backend?"
    assert not [line for line in controls if "EPOLL_CTL_MOD" in line]
    added = collections.Counter(re.search(r"EPOLL_CTL_ADD, (\d+)", line).group(1)
                                for line in controls if "EPOLL_CTL_ADD" in line)
    assert max(added.values()) == 1, controls


SHORT = 50


def test_calls_per_short_connection(tmp_path, capsys):
    """Printed, and held to a bound that a loss of batching would break."""
    need("strace")
    with listener() as s:
        trace = tmp_path / "trace"
        p = Plug(["tcp-listen://127.0.0.1:0", f"tcp://127.0.0.1:{s.getsockname()[1]}"], tmp_path,
                 ready=1)
        try:
            t = subprocess.Popen(["strace", "-f", "-qq", "-o", trace, "-p", str(p.pid)],
                                 stderr=subprocess.PIPE)
            until(lambda: traced_now(p.pid), "strace is attached")
            for _ in range(SHORT):
                c = connect(p.port())
                c.sendall(b"question")
                c.shutdown(socket.SHUT_WR)
                end = accept(s)
                assert read_all(end) == b"question"
                end.sendall(b"answer")
                end.close()
                assert read_all(c) == b"answer"
                c.close()
            p.p.terminate()
            p.wait()
            t.wait(30)
        finally:
            p.end()
    per = len(calls_of(trace.read_bytes())) / SHORT
    with capsys.disabled():
        print(f"\n  {per:.1f} system calls per short connection")
    assert per <= 60


def traced_now(pid):
    with open(f"/proc/{pid}/status") as f:
        return re.search(r"TracerPid:\t(\d+)", f.read()).group(1) != "0"


def user_memory(pid):
    """Private bytes of the process: what its connections cost in user space."""
    total = 0
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            if line.startswith(("Private_Dirty", "Private_Clean", "Swap:")):
                total += int(line.split()[1]) * 1024
    return total


# Takes connections and keeps them; two descriptors a session are too many for one process.
HOLDER = """
import os, resource, socket, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
s = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(s.getsockname()[1], flush=True)
held = []
while True:
    c, _ = s.accept()
    c.recv(1)
    held.append(c)
    os.write(1, b"%d\\n" % len(held))
"""


def test_memory_of_idle_connections(plug, run, capsys):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4 * HALF + 200:
        pytest.skip(f"only {hard} descriptors are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    holder = run(sys.executable, "-c", HOLDER)
    port = int(holder.p.stdout.readline())
    p = plug("tcp-listen://127.0.0.1:0", f"tcp://127.0.0.1:{port}", ready=1)
    held = []

    def grow():
        for _ in range(HALF):
            c = connect(p.port())
            c.sendall(b"x")
            held.append(c)
            assert int(holder.p.stdout.readline()) == len(held)
        return user_memory(p.pid)

    first = grow()
    per = (grow() - first) / HALF
    for c in held:
        c.close()
    with capsys.disabled():
        print(f"\n  {per:.0f} bytes of user memory per idle relayed connection")
    assert per <= IDLE
