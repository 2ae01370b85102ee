# SPDX-License-Identifier: MIT
"""INT and TERM drain, a second one ends at once; the status is 128 and the signal's number."""
import signal

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
    p.p.send_signal(signal.SIGINT)
    assert p.wait() == 128 + signal.SIGINT
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
