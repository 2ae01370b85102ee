# SPDX-License-Identifier: MIT
"""What the options of the command do: directions, families, times, blocks, several relays, the
ready descriptor and the listening line."""
import os
import pty
import re
import socket
import subprocess
import time

import pytest

from conftest import PLUG, accept, connect, listener, need, read_all, read_exactly, until


def target(s):
    return f"tcp://127.0.0.1:{s.getsockname()[1]}"


def test_one_address_is_joined_to_stdio(plug):
    with listener() as s:
        p = plug(target(s), stdin=subprocess.PIPE)
        c = accept(s)
        c.sendall(b"from the peer")
        c.shutdown(socket.SHUT_WR)
        assert p.finish(b"to the peer")[:2] == (0, b"from the peer")
        assert read_all(c) == b"to the peer"


def test_listening_line_is_exact(plug):
    p = plug("tcp-listen://127.0.0.1:0", "echo:", ready=1)
    assert re.fullmatch(r"tcp-listen://127\.0\.0\.1:\d+", p.where[0])
    assert p.stderr() == f"plug: listening on {p.where[0]}\n"


def test_loopback_in_both_families_by_default(plug):
    if not socket.has_ipv6 or not os.path.exists("/proc/sys/net/ipv6"):
        pytest.skip("no IPv6")
    p = plug("tcp-listen://:0", "echo:", ready=1)
    for host in ("127.0.0.1", "::1"):
        with socket.create_connection((host, p.port()), 10) as c:
            c.settimeout(20)
            c.sendall(b"hello")
            assert c.recv(16) == b"hello"


@pytest.mark.parametrize("flag,host", [("-4", "127.0.0.1"), ("-6", "::1")])
def test_family(plug, flag, host):
    p = plug(flag, "tcp-listen://:0", "echo:", ready=1)
    other = "::1" if flag == "-4" else "127.0.0.1"
    with socket.create_connection((host, p.port()), 10):
        pass
    with pytest.raises(OSError):
        socket.create_connection((other, p.port()), 10)


def test_family_does_not_rule_a_literal(plug):
    with listener() as s:
        p = plug("-6", "-u", "text:hello", target(s))
        assert read_all(accept(s)) == b"hello"
        assert p.wait() == 0


def test_forth_only(plug):
    with listener() as s:
        p = plug("-u", "-", target(s), stdin=subprocess.PIPE)
        c = accept(s)
        c.sendall(b"unheard")
        status, out, err = p.finish(b"forth")
        assert (status, out) == (0, b""), err
        assert read_all(c) == b"forth"


def test_back_only(plug):
    with listener() as s:
        p = plug("-U", "-", target(s), stdin=subprocess.PIPE)
        c = accept(s)
        c.sendall(b"back")
        c.close()
        status, out, err = p.finish(b"")
        assert (status, out) == (0, b"back"), err


def test_wait_after_one_end(plug):
    """-t: the other direction has so long after one has ended."""
    with listener() as s:
        start = time.monotonic()
        p = plug("-t", "0.3", "-", target(s))
        c = accept(s)
        assert read_all(c) == b""
        p.wait()
        assert 0.25 < time.monotonic() - start < 20
        c.close()


def test_idle_time(plug):
    with listener() as s:
        start = time.monotonic()
        p = plug("-T", "0.3", "-", target(s), stdin=subprocess.PIPE)
        c = accept(s)
        assert p.wait() == 0, p.stderr()
        assert 0.25 < time.monotonic() - start < 20
        c.close()


@pytest.mark.parametrize("block", ["1", "13", "8k", "1m"])
def test_block_size_changes_no_byte(plug, block):
    data = os.urandom(100000 if block != "1" else 3000)
    p = plug("-b", block, "-", "exec:cat", stdin=subprocess.PIPE)
    assert p.finish(data)[:2] == (0, data)


def test_block_size_is_the_size_of_records(plug):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(20)
        p = plug("-b", "100", "-u", "-", f"udp://127.0.0.1:{s.getsockname()[1]}",
                 stdin=subprocess.PIPE)
        p.p.stdin.write(b"x" * 250)
        p.p.stdin.close()
        assert [len(s.recv(4096)) for _ in range(3)] == [100, 100, 50]
        assert p.wait() == 0, p.stderr()


def test_several_relays(plug):
    p = plug("tcp-listen://127.0.0.1:0", "echo:", "--", "tcp-listen://127.0.0.1:0", "exec:cat",
             ready=2)
    for i in range(2):
        c = connect(p.port(i))
        c.sendall(b"hello")
        assert c.recv(16) == b"hello"
        c.close()


def test_status_is_the_first_failure(plug):
    ok = ["text:x", "create:/dev/null"]
    assert plug("-u", *ok, "--", "file:/dev/null", "create:/dev/full/x", "--", *ok).wait() == 1
    assert plug("-u", *ok, "--", *ok).wait() == 0


def test_pair_joins_two_relays(plug):
    p = plug("tcp-listen://127.0.0.1:0#once", "pair:a", "--", "pair:a", "exec:cat", ready=1)
    c = connect(p.port())
    c.sendall(b"through both")
    assert read_exactly(c, 12) == b"through both"


def test_a_listener_serves_one_when_the_other_side_exists_once(plug):
    p = plug("tcp-listen://127.0.0.1:0", "-", ready=1, stdin=subprocess.PIPE)
    c = connect(p.port())
    c.sendall(b"once")
    c.shutdown(socket.SHUT_WR)
    status, out, _ = p.finish(b"")
    assert (status, out) == (0, b"once")


def test_explain_opens_nothing(plug, short_dir):
    path = short_dir / "s"
    status, out, err = plug("explain", f"unix-listen://{path}", f"create:{short_dir}/f").finish()
    assert status == 0 and out, err
    assert os.listdir(short_dir) == []


def test_json_stands_before_or_behind_a_verb(plug):
    before = plug("--json", "explain", "tcp://127.0.0.1:80").finish()
    behind = plug("explain", "--json", "tcp://127.0.0.1:80").finish()
    assert before == behind and before[1].startswith(b"{")


def on_a_terminal(argv, env):
    """Runs a command whose stdout and stderr are a terminal; returns all it wrote."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(env)
        os.execv(argv[0], argv)
    text = b""
    while True:
        try:
            piece = os.read(fd, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        text += piece
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.decode()


@pytest.mark.parametrize("no_color", ["", "1"])
def test_colour_on_a_terminal(no_color):
    status, text = on_a_terminal([PLUG, "-u", "file:/no/such", "-"], {"NO_COLOR": no_color})
    assert status == 1 and "no such file" in text
    assert ("\033[31m" in text) == (no_color == "")


@pytest.mark.parametrize("no_color", ["", "1"])
def test_tour_is_live_on_a_terminal(no_color):
    status, text = on_a_terminal([PLUG, "tour", "tcp", "unix-listen"], {"NO_COLOR": no_color})
    assert status == 0 and "4 of 4 pairs passed" in text
    assert "\r\033[K" in text and re.search(r"\[#+\.*\] \d/4", text)
    assert ("\033[32m" in text) == (no_color == "")


def test_tour_leaves_nothing_behind(tmp_path):
    done = subprocess.run([PLUG, "tour", "unix", "file", "create"], capture_output=True,
                          timeout=120, check=True, env=dict(os.environ, TMPDIR=str(tmp_path)))
    assert b"pairs passed" in done.stdout and b"\033" not in done.stdout
    assert os.listdir(tmp_path) == []


def test_standard_input_stays_as_it_was(tmp_path):
    """Nothing of plug's is left on a description that it shares with the shell."""
    need("bash")
    script = f'"{PLUG}" -u - create:/dev/null; "{PLUG}" -u text:x -; cat >/dev/null'
    r, w = os.pipe()
    os.write(w, b"data")
    os.close(w)
    before = os.get_blocking(r)
    done = subprocess.run(["bash", "-c", script], stdin=r, capture_output=True, timeout=60,
                          check=False)
    assert done.returncode == 0 and done.stdout == b"x", done.stderr
    assert os.get_blocking(r) == before
    os.close(r)


def test_shared_pipe_is_left_blocking():
    """The same while plug runs: the shell's own reads must go on blocking."""
    r, w = os.pipe()
    p = subprocess.Popen([PLUG, "-u", "-", "create:/dev/null"], stdin=r, stderr=subprocess.DEVNULL)
    try:
        os.write(w, b"data")
        until(lambda: pipe_is_empty(w), "plug has read")
        assert os.get_blocking(r)
        os.close(w)
        assert p.wait(30) == 0
    finally:
        if p.poll() is None:
            p.kill()
            p.wait()
        os.close(r)


def pipe_is_empty(w):
    import fcntl
    import struct
    import termios

    return struct.unpack("i", fcntl.ioctl(w, termios.FIONREAD, b"\0" * 4))[0] == 0


def test_opened_says_to_whom(plug):
    with listener() as s:
        port = s.getsockname()[1]
        p = plug("-d", "-d", "-", f"tcp://127.0.0.1:{port}")
        accept(s).close()
        assert p.wait() == 0
        assert f"session 1 opened: 127.0.0.1:{port}\n" in p.stderr()


@pytest.mark.parametrize("how", ["", ",pipes"])
def test_one_way_leaves_a_program_the_other_end(plug, how):
    """As socat: what is not relayed stays the command's own standard input or output."""
    p = plug("-u", "text:forth", "exec:cat" + how)
    assert p.finish()[:2] == (0, b"forth")
    p = plug("-u", "exec:cat" + how, "stderr", stdin=subprocess.PIPE)
    assert p.finish(b"own input")[:2] == (0, b"")
    assert p.stderr() == "own input"


def test_accept_timeout_of_a_listener_that_nobody_calls(plug):
    start = time.monotonic()
    p = plug("tcp-listen://127.0.0.1:0#accept-timeout=0.3", "-", ready=1)
    assert p.wait() == 5
    assert 0.25 < time.monotonic() - start
    assert "nobody connected within 0.3 s" in p.stderr()
    p = plug("TCP-LISTEN:0,bind=127.0.0.1,listen-timeout=0.2", "-", ready=1)
    assert p.wait() == 5
    p = plug("UDP-LISTEN:0,bind=127.0.0.1,accept-timeout=0.2", "-", ready=1)
    assert p.wait() == 5


def quiet(c, seconds):
    """Nothing comes on the connection for so long."""
    c.settimeout(seconds)
    with pytest.raises(TimeoutError):
        c.recv(1)
    c.settimeout(20)


def test_accept_timeout_counts_from_the_last_connection(plug):
    """Who has served somebody ends in order, when the last session has ended."""
    p = plug("-d", "tcp-listen://127.0.0.1:0#accept-timeout=1", "echo:", ready=1)
    first = connect(p.port())
    quiet(first, 0.6)
    second = connect(p.port())
    since = time.monotonic()
    until(lambda: "nobody connected" in p.stderr(), "the listener has ended")
    assert time.monotonic() - since > 0.9
    for c in (first, second):
        c.sendall(b"still served")
        assert read_exactly(c, 12) == b"still served"
        c.close()
    assert p.wait() == 0, p.stderr()


def test_accept_timeout_leaves_the_one_session_alone(plug):
    p = plug("tcp-listen://127.0.0.1:0#once,accept-timeout=0.3", "echo:", ready=1)
    c = connect(p.port())
    quiet(c, 0.5)
    c.sendall(b"served")
    assert read_exactly(c, 6) == b"served"
    c.close()
    assert p.wait() == 0, p.stderr()


@pytest.mark.parametrize("address,word", [
    ("tcp-listen://127.0.0.1:0#accept-timeout=soon", "soon"),
    ("tcp-listen://127.0.0.1:0#accept-timeout=-1", "-1"),
    ("tcp://127.0.0.1:1#accept-timeout=1", "accept-timeout"),
])
def test_accept_timeout_refused(plug, address, word):
    p = plug(address, "-")
    assert p.wait() == 2
    line, caret = p.stderr().splitlines()[1:3]
    assert line.index(word, line.index("=") if word != "accept-timeout" else 0) == caret.index("^")


@pytest.mark.parametrize("kind", ["unix", "unix-seqpacket", "unix-dgram"])
def test_a_unix_socket_that_is_missing_or_stale_is_nobody(plug, short_dir, kind):
    """Both are what a TCP port without a listener is, and end alike."""
    what = {"unix": socket.SOCK_STREAM, "unix-seqpacket": socket.SOCK_SEQPACKET,
            "unix-dgram": socket.SOCK_DGRAM}[kind]
    p = plug("-", f"{kind}:{short_dir}/none")
    assert p.wait() == 4
    assert "no such file" in p.stderr() and "is the service started" in p.stderr()
    with socket.socket(socket.AF_UNIX, what) as s:
        s.bind(f"{short_dir}/stale")
    p = plug("-", f"{kind}:{short_dir}/stale")
    assert p.wait() == 4
    assert "connection refused" in p.stderr() and "start" in p.stderr()
    p = plug(f"{kind}-listen:{short_dir}/no/folder", "-")
    assert p.wait() == 1, p.stderr()
