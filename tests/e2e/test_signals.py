# SPDX-License-Identifier: MIT
"""INT and TERM drain, a second one ends at once; the status is 128 and the signal's number."""
import os
import signal
import socket
import subprocess

import pytest

from conftest import accept, connect, listener, read_all, until


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_idle_listener_ends_at_once(plug, sig):
    p = plug("tcp-listen://127.0.0.1:0", "echo:", ready=1)
    p.p.send_signal(sig)
    assert p.wait() == 128 + sig


def test_live_session_is_drained(plug):
    p = plug("--drain=20", "tcp-listen://127.0.0.1:0", "exec:cat", ready=1)
    c = connect(p.port())
    c.sendall(b"before")
    assert c.recv(16) == b"before"
    p.p.send_signal(signal.SIGTERM)
    until(lambda: refused(p.port()), "the listener is closed")
    c.sendall(b"after")
    assert c.recv(16) == b"after"
    c.shutdown(1)
    assert read_all(c) == b""
    assert p.wait() == 128 + signal.SIGTERM


def refused(port):
    try:
        connect(port, 1).close()
    except OSError:
        return True
    return False


def test_second_signal_ends_at_once(plug):
    p = plug("--drain=600", "tcp-listen://127.0.0.1:0", "exec:cat", ready=1)
    c = connect(p.port())
    c.sendall(b"x")
    assert c.recv(1) == b"x"
    p.p.send_signal(signal.SIGTERM)
    until(lambda: refused(p.port()), "the first signal was seen")
    p.p.send_signal(signal.SIGTERM)
    assert p.wait() == 128 + signal.SIGTERM


def test_drain_has_an_end(plug):
    p = plug("--drain=0.2", "tcp-listen://127.0.0.1:0", "exec:cat", ready=1)
    c = connect(p.port())
    c.sendall(b"x")
    assert c.recv(1) == b"x"
    p.p.send_signal(signal.SIGTERM)
    assert p.wait() == 128 + signal.SIGTERM
    assert "waiting for 1 session to end, 0.2 s at most" in p.stderr()
    assert "cut short" not in p.stderr()  # nothing was on its way


def test_signal_while_nobody_reads(plug, tmp_path):
    """A peer that never reads cannot hold the command: the drain's deadline ends it."""
    (tmp_path / "much").write_bytes(b"z" * (32 << 20))
    with listener() as s, open(tmp_path / "much", "rb") as much:
        to = f"tcp://127.0.0.1:{s.getsockname()[1]}"
        p = plug("--drain=0.2", "-", to, stdin=much)
        with accept(s) as c:
            assert c.recv(1) == b"z"
            p.p.send_signal(signal.SIGTERM)
            assert p.wait() == 128 + signal.SIGTERM
    assert f"{to}: cut short; " in p.stderr()
    assert " of them not acknowledged" in p.stderr()


def test_interrupt_ends_an_idle_session_at_once(plug):
    """A person who types Ctrl-C waits only for what is on its way."""
    with listener() as s:
        p = plug("--drain=600", "-", f"tcp://127.0.0.1:{s.getsockname()[1]}", stdin=subprocess.PIPE)
        with accept(s) as c:
            p.p.stdin.write(b"x")
            p.p.stdin.flush()
            assert c.recv(1) == b"x"
            p.p.send_signal(signal.SIGINT)
            assert p.wait() == 128 + signal.SIGINT
    assert p.stderr() == ""


def test_interrupt_waits_for_what_is_on_its_way(plug, tmp_path):
    (tmp_path / "much").write_bytes(b"z" * (32 << 20))
    with listener() as s, open(tmp_path / "much", "rb") as much:
        p = plug("--drain=600", "-u", "-", f"tcp://127.0.0.1:{s.getsockname()[1]}", stdin=much)
        with accept(s) as c:
            assert c.recv(1) == b"z"
            p.p.send_signal(signal.SIGINT)
            until(lambda: "waiting for 1 session" in p.stderr(), "it waits")
            assert len(read_all(c)) == (32 << 20) - 1
            assert p.wait() == 128 + signal.SIGINT


def test_interrupt_while_connecting(plug):
    """A backlog that is full answers nobody: there is nothing to wait for."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(0)
        fill = [socket.socket() for _ in range(4)]
        for f in fill:
            f.setblocking(False)
            f.connect_ex(s.getsockname())
        p = plug("-dd", "--drain=600", "-", f"tcp://127.0.0.1:{s.getsockname()[1]}",
                 stdin=subprocess.PIPE)
        until(lambda: connecting(p.pid), "it connects")
        p.p.send_signal(signal.SIGINT)
        assert p.wait() == 128 + signal.SIGINT
        for f in fill:
            f.close()


def connecting(pid):
    """True when the command has a socket that is no longer in its start."""
    links = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
    return any(link.startswith("socket:") for link in links)


def test_program_does_not_outlive_its_caller(plug, short_dir):
    """`exec:tail -f` for a caller that has closed both ways: nobody would ever read it."""
    (short_dir / "log").write_text("first\n")
    p = plug(f"unix-listen:///{short_dir}/s", f"exec:'tail -f {short_dir}/log'", ready=1)
    with socket.socket(socket.AF_UNIX) as c:
        c.connect(f"{short_dir}/s")
        c.settimeout(30)
        assert c.recv(6) == b"first\n"
        assert children(p.pid)
    until(lambda: not children(p.pid), "the program has its end")
    assert p.p.poll() is None
    assert "no longer reads" not in p.stderr()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(n) for n in f.read().split()]


def test_most_sessions_at_a_time(plug):
    """socat's name for it; who comes later waits in the kernel, and is served then."""
    p = plug("TCP-LISTEN:0,fork,bind=127.0.0.1,max-children=1", "exec:cat", ready=1)
    with connect(p.port()) as first, connect(p.port()) as second:
        first.sendall(b"1")
        assert first.recv(1) == b"1"
        second.sendall(b"2")
        second.settimeout(0.2)
        with pytest.raises(TimeoutError):
            second.recv(1)
        first.close()
        second.settimeout(30)
        assert second.recv(1) == b"2"
