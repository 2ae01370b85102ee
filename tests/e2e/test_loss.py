# SPDX-License-Identifier: MIT
"""Delivered or an error: whatever takes bytes away, the command says so, exits 8 and counts."""
import os
import re
import signal
import socket
import struct
import subprocess
import sys

import pytest

from conftest import PLUG, accept, connect, find, listener, need, read_all, read_exactly, until

MUCH = 8 << 20  # more than all socket buffers on the way take


def counts(p):
    """The bytes accepted and, where shown, not acknowledged."""
    m = re.search(r"; (\d+) bytes accepted(?:, (\d+) of them not acknowledged)?", p.stderr())
    assert m, p.stderr()
    return int(m.group(1)), int(m.group(2) or 0)


def feed(p, data):
    """Writes until the command no longer takes it."""
    try:
        p.p.stdin.write(data)
        p.p.stdin.close()
    except BrokenPipeError:
        pass


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def target(s):
    return f"tcp://127.0.0.1:{s.getsockname()[1]}"


@pytest.mark.parametrize("movers", [[], ["--no-splice"]], ids=["splice", "copy"])
@pytest.mark.parametrize("how", [socket.socket.close, reset], ids=["unread", "reset"])
def test_peer_goes_with_data_unread(plug, how, movers):
    with listener() as s:
        p = plug(*movers, "-u", "-", target(s), stdin=subprocess.PIPE)
        c = accept(s)
        p.p.stdin.write(b"x" * 100000)
        p.p.stdin.flush()
        read_exactly(c, 1000)
        until(lambda: len(c.recv(1 << 20, socket.MSG_PEEK)) > 1000, "bytes unread")
        how(c)
        feed(p, b"x" * MUCH)
        assert p.wait() == 8, p.stderr()
        assert "reset by peer" in p.stderr() or "no longer reads" in p.stderr()
        accepted, unsent = counts(p)
        assert accepted >= 1000 and unsent <= accepted


def test_source_that_resets(plug, tmp_path):
    """What came before the reset is kept; the end is not a clean one."""
    out = tmp_path / "out"
    p = plug("tcp-listen://127.0.0.1:0#once", f"create:{out}", ready=1)
    c = connect(p.port())
    c.sendall(b"y" * 5000)
    until(lambda: out.exists() and out.stat().st_size == 5000, "the bytes before the reset")
    reset(c)
    assert p.wait() == 8, p.stderr()
    assert "reset by peer" in p.stderr()


def test_source_sees_a_reset_when_the_sink_fails(plug):
    with listener() as s:
        p = plug("tcp-listen://127.0.0.1:0#once", target(s), ready=1)
        c = connect(p.port())
        c.sendall(b"z" * 1000)
        sink = accept(s)
        read_exactly(sink, 1000)
        reset(sink)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while True:
                c.sendall(b"z" * 65536)
                if not c.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK):
                    pytest.fail("the source saw a clean end")
        assert p.wait() == 8, p.stderr()


def test_idle_source_sees_a_reset_when_the_sink_fails(plug):
    """Nothing more is sent: the reset must come through all the same."""
    with listener() as s:
        p = plug("tcp-listen://127.0.0.1:0#once", target(s), ready=1)
        c = connect(p.port())
        c.sendall(b"z" * 1000)
        sink = accept(s)
        read_exactly(sink, 1000)
        reset(sink)
        with pytest.raises(ConnectionResetError):
            c.recv(1)
        assert p.wait() == 8, p.stderr()


def test_others_never_notice(plug):
    with listener() as s:
        p = plug("tcp-listen://127.0.0.1:0", target(s), ready=1)
        a, b = connect(p.port()), connect(p.port())
        ends = []
        for c, name in ((a, b"a"), (b, b"b")):
            c.sendall(name)
            end = accept(s)
            assert read_exactly(end, 1) == name
            ends.append(end)
        reset(ends[0])
        with pytest.raises(ConnectionResetError):
            a.recv(1)
        b.sendall(b"still")
        assert read_exactly(ends[1], 5) == b"still"
        b.shutdown(socket.SHUT_WR)
        assert read_all(ends[1]) == b""
        assert p.p.poll() is None


def test_full_disk(plug):
    p = plug("-u", "-", "file:/dev/full", stdin=subprocess.PIPE)
    feed(p, b"x" * 100000)
    assert p.wait() == 8, p.stderr()
    assert "no space left" in p.stderr()
    assert counts(p)[0] == 0


def test_full_disk_behind_a_listener(plug):
    p = plug("-u", "tcp-listen://127.0.0.1:0#once", "file:/dev/full", ready=1)
    c = connect(p.port())
    c.sendall(b"x" * 1000)
    with pytest.raises(ConnectionResetError):
        c.recv(1)
    assert p.wait() == 8, p.stderr()


@pytest.mark.parametrize("movers", [[], ["--no-splice"]], ids=["splice", "copy"])
def test_reader_of_the_pipe_gone(plug, movers):
    r, w = os.pipe()
    p = plug(*movers, "-u", "-", "stdout", stdin=subprocess.PIPE, stdout=w)
    os.close(w)
    p.p.stdin.write(b"x" * 1000)
    p.p.stdin.flush()
    assert os.read(r, 1) == b"x"
    os.close(r)
    feed(p, b"x" * MUCH)
    assert p.wait() == 8, p.stderr()
    assert counts(p)[0] >= 1000


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(n) for n in f.read().split()]


def test_child_killed(plug):
    p = plug("-", "exec:'sleep 1000'", stdin=subprocess.PIPE)
    (child,) = until(lambda: children(p.pid), "the child runs")
    p.p.stdin.write(b"x" * 1000)
    p.p.stdin.flush()
    os.kill(child, signal.SIGKILL)
    feed(p, b"x" * MUCH)
    assert p.wait() == 8, p.stderr()
    counts(p)


CHANNELS = pytest.mark.parametrize("channel", ["", ",pipes"], ids=["socketpair", "pipes"])


@CHANNELS
@pytest.mark.parametrize("movers", [[], ["--no-splice"]], ids=["splice", "copy"])
def test_client_of_a_killed_child_sees_a_reset(plug, channel, movers):
    """Its output is closed a moment before its status is known; what it said is kept, its end is not clean."""
    for _ in range(10):
        p = plug(*movers, "tcp-listen://127.0.0.1:0#once", f"system:'echo out; kill -9 $$'{channel}",
                 ready=1)
        c = connect(p.port())
        assert read_exactly(c, 4) == b"out\n"
        with pytest.raises(ConnectionResetError):
            c.recv(1)
        assert p.wait() == 8, p.stderr()
        assert "child process failed, by signal 9" in p.stderr(), p.stderr()
        assert counts(p) == (0, 0)


@CHANNELS
def test_killed_child_that_did_not_read(plug, channel):
    p = plug("tcp-listen://127.0.0.1:0#once", f"exec:'sleep 1000'{channel}", ready=1)
    c = connect(p.port())
    (child,) = until(lambda: children(p.pid), "the child runs")
    c.sendall(b"x" * 5000)
    os.kill(child, signal.SIGKILL)
    with pytest.raises(ConnectionResetError):
        c.recv(1)
    assert p.wait() == 8, p.stderr()
    assert "by signal 9" in p.stderr(), p.stderr()
    counts(p)


def test_many_bytes_before_the_kill(plug):
    """Long enough to be spliced; all that was written arrives before the reset."""
    p = plug("tcp-listen://127.0.0.1:0#once", "system:'head -c 3000000 /dev/zero; kill -9 $$'", ready=1)
    c = connect(p.port())
    assert len(read_exactly(c, 3000000)) == 3000000
    with pytest.raises(ConnectionResetError):
        c.recv(1)
    assert p.wait() == 8, p.stderr()


def test_killed_after_it_took_all(plug):
    """One way only: nothing comes back that could tell."""
    p = plug("-u", "-", "system:'cat >/dev/null; kill -9 $$'", stdin=subprocess.PIPE)
    feed(p, b"x" * 1000)
    assert p.wait() == 8, p.stderr()
    assert "by signal 9" in p.stderr(), p.stderr()
    assert counts(p)[0] == 1000


@CHANNELS
def test_failed_child_is_a_clean_end(plug, channel):
    """A program that says by its status that it failed has still said all."""
    p = plug("tcp-listen://127.0.0.1:0#once", f"system:'echo out; exit 3'{channel}", ready=1)
    assert read_all(connect(p.port())) == b"out\n"
    assert p.wait() == 9, p.stderr()
    assert "child process failed, status 3" in p.stderr(), p.stderr()


def test_child_that_stops_talking_is_no_dead_child(plug):
    """It closes its output and goes on reading: the client's end is told, and its bytes arrive."""
    p = plug("tcp-listen://127.0.0.1:0#once", "system:'exec >&-; cat >&2',pipes", ready=1)
    c = connect(p.port())
    assert c.recv(1) == b""
    c.sendall(b"still read\n")
    c.close()
    assert p.wait() == 0, p.stderr()
    assert "still read" in p.stderr()


def test_udp_to_a_closed_port(plug):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        held.close()
        p = plug("-", f"udp://127.0.0.1:{port}", stdin=subprocess.PIPE)
        feed(p, b"anybody?")
        assert p.wait() == 4, p.stderr()
        assert "refused" in p.stderr()


VANISH = """
import os, socket, subprocess, sys
plug, ip, nft = sys.argv[1:]
subprocess.run([ip, "link", "set", "lo", "up"], check=True)
s = socket.create_server(("127.0.0.1", 0))
port = s.getsockname()[1]
p = subprocess.Popen([plug, "-u", "-", f"tcp://127.0.0.1:{port}#user-timeout=1"],
                     stdin=subprocess.PIPE, stderr=subprocess.PIPE)
c, _ = s.accept()
p.stdin.write(b"x" * 1000)
p.stdin.flush()
got = 0
while got < 1000:
    got += len(c.recv(65536))
rules = f"add table ip t; add chain ip t c {{ type filter hook output priority 0; }};" \\
        f"add rule ip t c tcp dport {port} drop; add rule ip t c tcp sport {port} drop"
subprocess.run([nft, rules], check=True)
p.stdin.write(b"y" * 5000)
p.stdin.flush()
err = p.stderr.read().decode()
print(p.wait(), err)
"""


def test_peer_vanishes(run):
    need("unshare", "nft", "ip")
    enter = "-n" if os.geteuid() == 0 else "-Urn"
    p = run("unshare", enter, sys.executable, "-c", VANISH, PLUG, find("ip"), find("nft"))
    status, out, err = p.finish(patience=60)
    assert status == 0, err
    text = out.decode()
    assert text.startswith("8 "), text
    m = re.search(r"; (\d+) bytes accepted, (\d+) of them not acknowledged", text)
    assert m and (int(m.group(1)), int(m.group(2))) == (6000, 5000), text


def pieces_of(data, size):
    return [data[i:i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 1460, 65536])
@pytest.mark.parametrize("sink", ["exec:cat", "pipe:", "echo:"])
def test_a_stream_shows_no_boundary(plug, size, sink):
    data = bytes(i * 7 % 251 for i in range(min(200000, size * 3000)))
    p = plug("tcp-listen://127.0.0.1:0#once", sink, ready=1)
    c = connect(p.port())
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    got = b""
    for piece in pieces_of(data, size):
        c.sendall(piece)
        if len(data) - len(got) > 100000:
            got += c.recv(1 << 16)
    c.shutdown(socket.SHUT_WR)
    got += read_all(c)
    assert got == data
    assert p.wait() == 0, p.stderr()


def test_reply_long_after_half_close(plug):
    """The source has ended; the answer comes later than any guess would wait, and arrives."""
    with listener() as s:
        p = plug("-", target(s), stdin=subprocess.PIPE)
        c = accept(s)
        p.p.stdin.write(b"question")
        p.p.stdin.close()
        assert read_all(c) == b"question"
        with pytest.raises(subprocess.TimeoutExpired):
            p.p.wait(1.2)
        c.sendall(b"answer")
        c.close()
        assert p.p.stdout.read() == b"answer"
        assert p.wait() == 0, p.stderr()


@pytest.mark.parametrize("when", ["before", "after", "meanwhile"])
@pytest.mark.parametrize("kind", ["exec", "exec-pipes"])
def test_program_that_reads_nothing_is_heard_out(plug, tmp_path, kind, when):
    """A failing sink never takes away what it said itself: it all arrives, then a reset."""
    mark = tmp_path / "go"
    script = tmp_path / "say"
    wait = f"while ! [ -e {mark} ]; do sleep 0.01; done\n" if when == "before" else ""
    script.write_text(f"#!/bin/sh\n{wait}seq 100000\n")
    script.chmod(0o755)
    p = plug("tcp-listen://127.0.0.1:0", f"exec:{script}" + kind[4:].replace("-", ","), ready=1)
    with connect(p.port()) as c:
        if when == "after":
            assert c.recv(1, socket.MSG_PEEK) == b"1"
        c.sendall(b"never read")
        mark.touch()
        if when == "meanwhile":
            for _ in range(20):
                c.sendall(b"never read either")
        said = b""
        with pytest.raises(ConnectionResetError):
            while piece := c.recv(65536):
                said += piece
    assert said == b"".join(b"%d\n" % i for i in range(1, 100001)), len(said)


READER = "import os, sys; got = os.read(0, 4096); open(sys.argv[1], 'wb').write(got)"


@pytest.mark.parametrize("way", [["-", "exec:cat"], ["-u", "-", "stdout"]], ids=["both", "u"])
def test_reader_that_had_all_leaves(plug, run, tmp_path, way):
    """`seq 3 | plug - exec:cat | head -1`: the reader is gone before the end, and lacks nothing."""
    r, w = os.pipe()
    p = plug(*way, stdin=subprocess.PIPE, stdout=w)
    os.close(w)
    p.p.stdin.write(b"1\n2\n3\n")
    p.p.stdin.flush()
    got = tmp_path / "got"
    assert run(sys.executable, "-c", READER, got, stdin=r).wait() == 0
    os.close(r)
    assert got.read_bytes() == b"1\n2\n3\n"
    p.p.stdin.close()
    assert p.wait() == 0, p.stderr()
    assert p.stderr() == ""


def test_reader_that_leaves_bytes_behind(plug):
    r, w = os.pipe()
    p = plug("-", "exec:cat", stdin=subprocess.PIPE, stdout=w)
    os.close(w)
    p.p.stdin.write(b"1\n2\n3\n")
    p.p.stdin.flush()
    assert os.read(r, 2) == b"1\n"
    os.close(r)
    p.p.stdin.close()
    assert p.wait() == 8, p.stderr()
    assert "6 bytes accepted, 4 of them not acknowledged" in p.stderr()


def test_reader_gone_and_a_source_that_goes_on(plug):
    """Whether anything is lost is known when the source says more."""
    r, w = os.pipe()
    p = plug("-u", "-", "stdout,grace=600", stdin=subprocess.PIPE, stdout=w)
    os.close(w)
    os.close(r)
    with pytest.raises(subprocess.TimeoutExpired):
        p.p.wait(0.2)
    p.p.stdin.write(b"more")
    p.p.stdin.flush()
    assert p.wait() == 8, p.stderr()


def test_reader_gone_and_a_source_that_is_silent(plug):
    r, w = os.pipe()
    p = plug("-u", "-", "stdout,grace=0.2", stdin=subprocess.PIPE, stdout=w)
    os.close(w)
    os.close(r)
    assert p.wait() == 8, p.stderr()
    assert "no longer reads" in p.stderr()
