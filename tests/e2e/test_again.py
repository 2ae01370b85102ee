# SPDX-License-Identifier: MIT
"""Opening once more: retry, forever, interval, backoff, jitter; reconnect with the other side kept."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from conftest import accept, connect, listener, read_all, read_exactly, until


def reserve():
    """A port that nobody listens on, kept by a socket that is bound."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    return s, s.getsockname()[1]


def test_retry_counts_its_attempts(plug):
    s, port = reserve()
    with s:
        p = plug("text:x", f"tcp://127.0.0.1:{port}#retry=2,interval=0.02")
        assert p.wait() == 4
    said = p.stderr()
    assert "attempt 1 of 3, again in 0.02 s" in said and "attempt 2 of 3" in said
    assert "attempt 3" not in said and said.count("refused") == 3


@pytest.mark.parametrize("address", ["TCP:127.0.0.1:{},forever,interval=0.02",
                                     "TCP:127.0.0.1:{},retry=1000,intervall=0.02"])
def test_retry_until_somebody_listens(plug, address):
    s, port = reserve()
    with s:
        p = plug("-", address.format(port), stdin=subprocess.PIPE)
        until(lambda: p.stderr().count("refused") >= 3, "three attempts")
        s.listen()
        s.settimeout(30)
        with accept(s) as c:
            p.p.stdin.write(b"hello")
            p.p.stdin.close()
            assert read_all(c) == b"hello"
        assert p.wait() == 0


def test_backoff_doubles_up_to_its_limit(plug):
    s, port = reserve()
    with s:
        p = plug("text:x", f"tcp://127.0.0.1:{port}#retry=5,interval=0.01,backoff=0.05")
        assert p.wait() == 4
    waits = [float(w) for w in re.findall(r"again in ([0-9.]+) s", p.stderr())]
    assert waits == [0.01, 0.02, 0.04, 0.05, 0.05]


def test_jitter_spreads_the_waits(plug):
    s, port = reserve()
    with s:
        p = plug("text:x", f"tcp://127.0.0.1:{port}#retry=8,interval=0.02,jitter=50")
        assert p.wait() == 4
    waits = [float(w) for w in re.findall(r"again in ([0-9.]+) s", p.stderr())]
    assert len(set(waits)) > 1 and all(0.0099 <= w <= 0.0301 for w in waits), waits


def test_a_listener_waits_for_its_port(plug):
    s, port = reserve()
    s.listen()
    p = plug(f"tcp-listen://127.0.0.1:{port}#forever,interval=0.02", "echo:")
    until(lambda: "attempt 2" in p.stderr(), "two attempts")
    assert "in use" in p.stderr()
    s.close()
    until(lambda: "listening on" in p.stderr(), "the port is had")
    with connect(port) as c:
        c.sendall(b"x")
        assert c.recv(1) == b"x"


def test_signal_while_waiting_ends_at_once(plug):
    s, port = reserve()
    with s:
        p = plug("--drain=600", "-", f"tcp://127.0.0.1:{port}#forever,interval=600",
                 stdin=subprocess.PIPE)
        until(lambda: "attempt 1" in p.stderr(), "it waits")
        p.p.send_signal(signal.SIGTERM)
        assert p.wait() == 128 + signal.SIGTERM


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    s.close()


@pytest.mark.parametrize("how", [socket.socket.close, reset], ids=["close", "reset"])
def test_reconnect_keeps_the_other_side(plug, how):
    with listener() as s:
        p = plug("tcp-listen://127.0.0.1:0#once",
                 f"tcp://127.0.0.1:{s.getsockname()[1]}#reconnect,interval=0.02,preamble=HELLO%0A",
                 ready=1)
        with connect(p.port()) as c:
            for n in range(3):
                end = accept(s)
                assert read_exactly(end, 6) == b"HELLO\n"
                c.sendall(b"ask%d" % n)
                assert read_exactly(end, 4) == b"ask%d" % n
                end.sendall(b"reply%d" % n)
                assert read_exactly(c, 6) == b"reply%d" % n
                how(end)
            end = accept(s)
            assert read_exactly(end, 6) == b"HELLO\n"
            c.shutdown(socket.SHUT_WR)
            assert read_all(end) == b""
            end.sendall(b"bye")
            end.close()
            assert read_all(c) == b"bye"
        assert p.wait() == 0, p.stderr()
    assert p.stderr().count("connecting again") == 3


def test_reconnect_delivers_what_waited(plug):
    """Nothing is read from the other side while there is nobody to give it to."""
    with listener() as s:
        port = s.getsockname()[1]
        p = plug("-", f"tcp://127.0.0.1:{port}#reconnect,interval=0.02", stdin=subprocess.PIPE)
        accept(s).close()
    until(lambda: "refused" in p.stderr(), "it is refused")
    p.p.stdin.write(b"meanwhile")
    p.p.stdin.close()
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", port))
        s.listen()
        s.settimeout(30)
        with accept(s) as c:
            assert read_all(c) == b"meanwhile"
    assert p.wait() == 0, p.stderr()


def test_reconnect_tells_what_was_lost(plug):
    with listener() as s:
        p = plug("-", f"tcp://127.0.0.1:{s.getsockname()[1]}#reconnect,interval=0.02,retry=1",
                 stdin=subprocess.PIPE)
        c = accept(s)
        p.p.stdin.write(b"x" * 1000)
        p.p.stdin.flush()
        until(lambda: len(c.recv(2000, socket.MSG_PEEK)) == 1000, "all have come")
        c.close()  # unread
        until(lambda: "1000 bytes accepted" in p.stderr(), "the loss is told")
        assert "reset by peer" in p.stderr()


def test_reconnect_rests_between_attempts(plug):
    """A peer that accepts and closes at once must not make it spin."""
    with listener() as s:
        p = plug("-", f"tcp://127.0.0.1:{s.getsockname()[1]}#reconnect,interval=0.1",
                 stdin=subprocess.PIPE)
        end, n = time.monotonic() + 0.55, 0
        while time.monotonic() < end:
            accept(s).close()
            n += 1
        assert n <= 7, n
        p.p.send_signal(signal.SIGINT)
        assert p.wait() == 130


def test_reconnect_of_a_socket_file_made_anew(plug, short_dir):
    path = f"{short_dir}/s"

    def serve():
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        s.listen()
        s.settimeout(30)
        return s

    with serve() as s:
        p = plug("-", f"unix:{path},reconnect,interval=0.02", stdin=subprocess.PIPE)
        accept(s).close()
    os.unlink(path)
    until(lambda: "attempt 1" in p.stderr(), "it tries")
    with serve() as s, accept(s) as c:
        p.p.stdin.write(b"x")
        p.p.stdin.close()
        assert read_all(c) == b"x"
    assert p.wait() == 0, p.stderr()


def test_reconnect_gives_up_when_its_attempts_are_over(plug):
    with listener() as s:
        p = plug("-", f"tcp://127.0.0.1:{s.getsockname()[1]}#reconnect,retry=2,interval=0.02",
                 stdin=subprocess.PIPE)
        c = accept(s)
    c.close()
    assert p.wait() == 4, p.stderr()
    assert "attempt 2 of 3" in p.stderr() and "attempt 3" not in p.stderr()


def test_caller_that_goes_ends_the_attempts(plug):
    """Nobody waits for the other side any more."""
    s, port = reserve()
    with s:
        p = plug("tcp-listen://127.0.0.1:0", f"tcp://127.0.0.1:{port}#forever,interval=600", ready=1)
        c = connect(p.port())
        until(lambda: "attempt 1" in p.stderr(), "it waits")
        reset(c)
        until(lambda: "(session 1, from " in p.stderr(), "the session has ended")
        assert p.p.poll() is None
