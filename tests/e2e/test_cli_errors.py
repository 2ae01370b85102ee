# SPDX-License-Identifier: MIT
"""Wrong addresses and options: exit 2, a caret under the place, nothing opened, nothing created.
Then errors of the run: cause, hint and the right exit code."""
import json
import os
import pty
import shutil
import socket
import subprocess

import pytest

from conftest import PLUG, connect, listener, read_all, until

# What is wrong, the text that the caret stands under, words of the message.
WRONG = [
    ("tpc://127.0.0.1:80", "tpc", ["tpc", "tcp"]),
    ("TCP-LISTN:80", "TCP-LISTN", ["tcp-listen"]),
    ("tcp://127.0.0.1:80#nodealy", "nodealy", ["nodealy", "nodelay"]),
    ("TCP:127.0.0.1:80,nodealy", "nodealy", ["nodelay"]),
    ("TCP-LISTEN:7777,forkk", "forkk", ["fork"]),
    ("tcp://127.0.0.1:99999", "99999", ["port"]),
    ("TCP:127.0.0.1:http99", "http99", ["port"]),
    ("tcp://127.0.0.1", "", ["port"]),
    ("TCP:127.0.0.1", "", []),
    ("TCP:", "", []),
    ("UNIX:", "", []),
    ("unix://", "", []),
    ("len32://127.0.0.1:80", "len32", []),
    ("line+udp://127.0.0.1:80", "line", []),
    ("tcp://127.0.0.1:80#connect-timeout=soon", "soon", []),
    ("tcp://127.0.0.1:80#sndbuf", "", []),
    ("tcp://127.0.0.1:80#nodelay=maybe", "maybe", []),
    ("tcp://[::1:80", "", []),
    ("localhost:80", "", []),
    ("FD:many", "many", []),
    ("file:x,seek=1,nosuch=2", "nosuch", []),
    ("exec:", "", []),
    ("", "", []),
    ("fd:99", "99", ["not open"]),
    ("exec:  ", "  ", ["no command"]),
    ("tcp-listen://localhost", "localhost", ["port"]),
    ("unix:" + "a" * 200, "a" * 80, ["too long"]),
    ("unix:/x,bind=" + "b" * 200, "b" * 60, ["too long"]),
]


def caret(stderr, address):
    """What the carets stand under: the address's line is indented, theirs is the next."""
    lines = stderr.splitlines()
    for i in range(1, len(lines)):
        marks = lines[i].rstrip()
        if lines[i - 1].startswith("    " + address[:60]) and "^" in marks:
            start = marks.index("^")
            width = len(marks[start:]) - len(marks[start:].lstrip("^"))
            return lines[i - 1][start:start + width]
    return None


@pytest.mark.parametrize("address,place,words", WRONG, ids=[w[0] or "empty" for w in WRONG])
@pytest.mark.parametrize("first", [True, False], ids=["left", "right"])
def test_wrong_address(plug, tmp_path, address, place, words, first):
    other = f"create:{tmp_path / 'made'}"
    args = [address, other] if first else [other, address]
    p = plug(*args, cwd=tmp_path)
    assert p.wait() == 2, p.stderr()
    err = p.stderr()
    assert err.startswith("plug: "), err
    assert os.listdir(tmp_path) == []
    for word in words:
        assert word in err.splitlines()[0], err
    if address:
        under = caret(err, address)
        assert under is not None, err
        assert place in under or under in place, (under, err)


def test_nothing_listens_when_a_later_address_is_wrong(plug, short_dir):
    path = short_dir / "s"
    p = plug(f"unix-listen://{path}", "echo:", "--", "tcp-listen://127.0.0.1:0", "nosuch:1")
    assert p.wait() == 2
    assert "nosuch" in p.stderr() and "listening" not in p.stderr()
    assert not path.exists()


OPTIONS = [
    (["--statistcs", "-", "echo:"], "--statistcs", ["--statistics"]),
    (["--colour", "-", "echo:"], "--colour", []),
    (["--progress=often", "-", "echo:"], "often", ["--progress"]),
    (["--size", "0", "-", "echo:"], "0", ["--size"]),
    (["-r", "", "-", "echo:"], "", ["-r"]),
    (["-q", "-", "echo:"], "-q", []),
    (["-b", "lots", "-", "echo:"], "lots", ["-b"]),
    (["-b0", "-", "echo:"], "0", ["-b"]),
    (["-t", "soon", "-", "echo:"], "soon", ["-t"]),
    (["-d9", "-", "echo:"], "9", []),
    (["--log=xml", "-", "echo:"], "xml", ["--log"]),
    (["--ready-fd=x", "-", "echo:"], "x", ["--ready-fd"]),
    (["--json=1", "-", "echo:"], "1", ["--json"]),
    (["--exit-code=mine", "-", "echo:"], "mine", ["--exit-code"]),
    (["-u", "-U", "-", "echo:"], "-U", []),
    (["-", "echo:", "-v"], "-v", ["behind"]),
    (["-", "echo:", "echo:"], "echo:", ["third"]),
    (["-", "echo:", "--"], "--", ["--"]),
    (["-v"], "", ["no address"]),
    (["-b"], "", ["-b"]),
    (["explian", "tcp:h:80"], "explian", ["plug explain"]),
]


@pytest.mark.parametrize("args,place,words", OPTIONS, ids=[" ".join(o[0]) for o in OPTIONS])
def test_wrong_option(plug, args, place, words):
    p = plug(*args)
    assert p.wait() == 2, p.stderr()
    err = p.stderr()
    lines = err.splitlines()
    marks = [i for i, line in enumerate(lines) if line.strip().startswith("^")]
    assert marks, err
    start = lines[marks[0]].index("^")
    width = lines[marks[0]].rstrip().count("^")
    assert lines[marks[0] - 1][start:start + width] == place, err
    for word in words:
        assert word in lines[0], err


STEERING = [["tc\033[31mp:a", "-"], ["fdx\033[31m:0", "-"], ["-u", "file:no\033\\[31m\nsuch", "-"]]


@pytest.mark.parametrize("args", STEERING)
def test_what_is_shown_does_not_steer_the_terminal(plug, args):
    p = plug(*args)
    assert p.wait() in (1, 2)
    assert "\033" not in p.stderr() and "[31m" in p.stderr().splitlines()[0]


def test_dash_takes_options_as_socats(plug):
    assert plug("-u", "text:a", "-,crnl").finish()[:2] == (0, b"a")


def test_only_the_standard_descriptor_that_is_used_must_be_open(plug, tmp_path):
    out = tmp_path / "out"
    close0 = ["sh", "-c", 'exec "$@" <&-', "sh"]
    close1 = ["sh", "-c", 'exec "$@" >&-', "sh"]
    assert plug("-u", "text:a", "-", before=close0).finish()[:2] == (0, b"a")
    assert plug("-u", "-", f"create:{out}", before=close1).finish()[0] == 0
    p = plug("text:a", "-", before=close0)
    assert p.wait() == 2
    assert "standard input is not open" in p.stderr() and "</dev/null" in p.stderr()


def test_ready_descriptor_must_be_open(plug):
    p = plug("--ready-fd=99", "tcp-listen://127.0.0.1:0", "echo:")
    assert p.wait() == 2
    assert "descriptor 99" in p.stderr()


@pytest.mark.parametrize("args", [["--log=json", "-b", "0", "-", "-"], ["--log=json", "tpc:", "-"]])
def test_wrong_as_json(plug, args):
    p = plug(*args)
    assert p.wait() == 2
    line = json.loads(p.stderr())
    assert line["code"] == "EUSAGE" and line["msg"] and line["hint"]


def test_socats_option_is_refused_by_name(plug):
    p = plug("-", "TCP:127.0.0.1:80,iff-up")
    assert p.wait() == 2
    assert "iff-up" in p.stderr() and "socat" in p.stderr()


@pytest.fixture
def closed_port():
    """A port that is bound, so that nobody takes it, and refuses."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        yield s.getsockname()[1]


def outcome(p, status, *words):
    assert p.wait() == status, p.stderr()
    first, *rest = p.stderr().splitlines()
    assert first.startswith("plug: "), p.stderr()
    for word in words:
        assert word in first, p.stderr()
    assert rest and all(line.startswith("    ") for line in rest), p.stderr()


def test_refused(plug, closed_port):
    outcome(plug("-", f"tcp://127.0.0.1:{closed_port}"), 4, f"tcp://127.0.0.1:{closed_port}",
            "connection refused")


def test_refused_on_unix(plug, short_dir):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(short_dir / "dead"))
    outcome(plug("-", f"unix://{short_dir}/dead"), 4, "connection refused")


def test_no_such_socket(plug, short_dir):
    p = plug("-", f"unix://{short_dir}/none")
    outcome(p, p.wait(), "no such file")
    assert p.wait() in (1, 4)


def test_port_in_use(plug):
    with listener() as s:
        outcome(plug(f"tcp-listen://127.0.0.1:{s.getsockname()[1]}", "echo:"), 1,
                "address already in use")


def test_no_such_host(plug):
    p = plug("-", "tcp://no-such-host.invalid:80#connect-timeout=20")
    outcome(p, 3, "no-such-host.invalid")


def test_timeout(plug):
    """A listener whose queue is full answers no more."""
    with socket.socket() as s, socket.socket() as filler:
        s.bind(("127.0.0.1", 0))
        s.listen(0)
        filler.connect(s.getsockname())
        extra = [socket.socket() for _ in range(3)]
        for e in extra:
            e.setblocking(False)
            e.connect_ex(s.getsockname())
        outcome(plug("-", f"tcp://127.0.0.1:{s.getsockname()[1]}#connect-timeout=0.3"), 5,
                "timed out")
        for e in extra:
            e.close()


def test_permission(run, short_dir):
    """Root gives up its rights; the command is copied, since the checkout may be in root's own folder."""
    target = short_dir / "secret"
    target.write_text("x")
    target.chmod(0)
    short_dir.chmod(0o755)
    command = shutil.copy(PLUG, short_dir / "plug")
    drop = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    counts = short_dir / "counts"  # a coverage build could not write beside its objects, and says so
    counts.mkdir()
    counts.chmod(0o777)
    drop["env"] = dict(os.environ, GCOV_PREFIX=str(counts))
    outcome(run(command, "-u", f"file:{target}", "-", **drop), 7, "permission denied")


def test_no_such_file(plug, tmp_path):
    outcome(plug("-u", f"file:{tmp_path}/none", "-"), 1, "no such file")
    assert os.listdir(tmp_path) == []


def test_no_such_program(plug):
    p = plug("-", "exec:no-such-program-at-all", env={"PATH": "/usr/bin:/bin"})
    outcome(p, p.wait(), "no-such-program-at-all")
    assert p.wait() in (1, 9)


def test_child_status(plug):
    outcome(plug("-", "system:'exit 3'"), 9, "child process failed, status 3")
    outcome(plug("-", "system:'kill -9 $$'"), 8, "by signal 9")
    assert plug("--exit-code=child", "-", "system:'exit 3'").wait() == 3


def test_no_descriptors(plug):
    """Accepting pauses where no descriptor is left, and the command lives on."""
    import resource

    p = plug("tcp-listen://127.0.0.1:0", "echo:", ready=1,
             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16)))
    held = [socket.create_connection(("127.0.0.1", p.port()), 10) for _ in range(24)]
    for c in held:
        c.close()
    with socket.create_connection(("127.0.0.1", p.port()), 10) as c:
        c.settimeout(20)
        c.sendall(b"alive")
        assert c.recv(16) == b"alive"
    assert p.p.poll() is None


def test_garbage_and_resets_end_only_their_session(plug):
    import struct

    p = plug("netstring+tcp-listen://127.0.0.1:0", "echo:", ready=1)
    good = socket.create_connection(("127.0.0.1", p.port()), 10)
    good.settimeout(20)
    for garbage in (b"\xff" * 100, b"99999999999999:", b"3:abcX", b"5:ab", b""):
        bad = socket.create_connection(("127.0.0.1", p.port()), 10)
        bad.sendall(garbage)
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        bad.close()
        good.sendall(b"5:hello,")
        assert good.recv(16) == b"5:hello,"
    good.close()
    assert p.p.poll() is None


def test_version_and_help(plug):
    p = plug("-V")
    status, out, _ = p.finish()
    assert status == 0 and b"epoll" in out and b"poll" in out and b"MIT" in out and b"tcp" in out
    for flag in ("-h", "--help", "-?"):
        status, out, err = plug(flag).finish()
        assert status == 0 and b"plug" in out and err == ""
    assert len(plug("--help").finish()[1].splitlines()) <= 24
    status, out, err = plug().finish()
    assert status == 2 and out == b"" and err.startswith("usage: plug")


def test_failures_of_a_listener_name_the_session(plug):
    """Of many sessions the text must say which: number and the caller's address."""
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        p = plug("tcp-listen://127.0.0.1:0", f"tcp://127.0.0.1:{dead.getsockname()[1]}", ready=1)
        for n in (1, 2):
            with socket.socket() as c:
                c.bind(("127.0.0.1", 0))
                who = "127.0.0.1:%d" % c.getsockname()[1]
                c.connect_ex(("127.0.0.1", p.port()))
                until(lambda: f"(session {n}, from {who})" in p.stderr(), "the session is named")
    first = p.stderr().splitlines()[1]
    assert first.startswith("plug: tcp://127.0.0.1:") and "refused" in first


def test_child_hint_is_given_once(plug):
    p = plug("TCP-LISTEN:0,fork,bind=127.0.0.1", "exec:false", ready=1)
    for n in range(3):
        with connect(p.port()) as c:
            read_all(c)
    until(lambda: p.stderr().count("(session") == 3, "three failed children")
    assert p.stderr().count("--exit-code=child") == 1, p.stderr()


def test_all_relays_serve_or_none(plug, tmp_path):
    """A port in use fails the whole command, before anybody was served or anything opened."""
    made = tmp_path / "made"
    with listener() as s:
        taken = f"tcp-listen://127.0.0.1:{s.getsockname()[1]}"
        p = plug("tcp-listen://127.0.0.1:0", "echo:", "--", "text:x", f"create:{made}", "--",
                 taken, "echo:")
        assert p.wait() == 1, p.stderr()
    assert "in use" in p.stderr() and "listening" not in p.stderr()
    assert not made.exists()


def test_several_relays_serve_when_all_stand(plug):
    p = plug("tcp-listen://127.0.0.1:0", "echo:", "--", "tcp-listen://127.0.0.1:0", "echo:", ready=2)
    for n in (0, 1):
        with connect(p.port(n)) as c:
            c.sendall(b"hello")
            assert c.recv(16) == b"hello"


def test_a_client_that_cannot_begin_ends_the_others(plug):
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        p = plug("tcp-listen://127.0.0.1:0", "echo:", "--", "text:x",
                 f"tcp://127.0.0.1:{dead.getsockname()[1]}")
        assert p.wait() == 4, p.stderr()
    assert "relay 2 could not begin, so the others end" in p.stderr()


def test_ready_fd_is_closed_and_not_inherited(plug):
    """Who reads it sees its end behind the last line, whatever runs on."""
    r, w = os.pipe()
    p = plug(f"--ready-fd={w}", "tcp-listen://127.0.0.1:0", "exec:'sleep 1000'", pass_fds=(w,))
    os.close(w)
    text = b""
    while piece := os.read(r, 4096):
        text += piece
    os.close(r)
    assert text.count(b"listening on") == 1
    with connect(int(text.rsplit(b":", 1)[1])):
        (child,) = until(lambda: children(p.pid), "the child runs")
        until(lambda: len(os.listdir(f"/proc/{child}/fd")) == 3, "nothing else is inherited")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(n) for n in f.read().split()]


def test_no_word_about_bounds_at_a_terminal(plug):
    """A typed line is one read, and so one record."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(30)
        to = f"udp://127.0.0.1:{s.getsockname()[1]}"
        ours, theirs = pty.openpty()
        p = plug("-", to, stdin=theirs, stdout=theirs)
        os.write(ours, b"typed\n")
        data, peer = s.recvfrom(100)
        assert data == b"typed\n" and p.stderr() == ""
        s.sendto(b"reply\n", peer)
        os.write(ours, b"\x04")
        assert p.wait() == 0
        os.close(ours)
        os.close(theirs)
        q = plug("-", to, stdin=subprocess.PIPE)
        q.finish(b"x")
        assert "bounds can be lost" in q.stderr()


def test_a_broken_record_says_how_it_broke(plug):
    p = plug("-u", "len32+fd:0", "create:/dev/null", stdin=subprocess.PIPE)
    assert p.finish(b"\0\0\0\5abc")[0] == 8
    assert "ended inside a record" in p.stderr()
    p = plug("-u", "netstring+fd:0", "create:/dev/null", stdin=subprocess.PIPE)
    assert p.finish(b"5:abcdef")[0] == 8
    assert "not framed as netstring" in p.stderr()


def test_children_shutup_makes_sessions_quieter(plug):
    """Their errors are warnings, and hidden by -d0; the listening line and the exit stay."""
    for option, said in (("", 1), ("#children-shutup", 0)):
        p = plug("-d0", f"tcp-listen://127.0.0.1:0{option}", "exec:false", ready=1)
        for _ in range(2):
            with connect(p.port()) as c:
                read_all(c)
        p.p.terminate()
        p.wait()
        assert ("child process failed" in p.stderr()) == bool(said), p.stderr()
        assert "listening on" in p.stderr()
