# SPDX-License-Identifier: MIT
"""Statistics at the end and on USR1, events as JSON, and -v -x beside socat's."""
import json
import os
import pty
import re
import signal
import socket
import subprocess

import pytest

from conftest import PLUG, connect, need, read_all, until


def lines_of(p, what):
    return [line for line in p.stderr().splitlines() if what in line]


def test_statistics_at_exit(plug):
    p = plug("--statistics", "-", "exec:cat", stdin=subprocess.PIPE)
    assert p.finish(b"x" * 5000)[:2] == (0, b"x" * 5000)
    assert re.search(r"STATISTICS: relay 1 forth: 5000 bytes", p.stderr())
    assert re.search(r"STATISTICS: relay 1 back: 5000 bytes", p.stderr())


def test_statistics_as_json(plug):
    p = plug("--statistics", "--json", "-", "exec:cat", stdin=subprocess.PIPE)
    assert p.finish(b"x" * 5000)[0] == 0
    (line,) = lines_of(p, "statistics")
    stats = json.loads(line)
    assert stats["forth"]["bytes"] == 5000 and stats["back"]["bytes"] == 5000
    assert stats["relay"] == 1 and stats["sessions"] == 1 and stats["live"] == 0


def test_statistics_in_a_json_log(plug):
    p = plug("--statistics", "--log=json", "-", "exec:cat", stdin=subprocess.PIPE)
    assert p.finish(b"x" * 5000)[0] == 0
    (stats,) = [json.loads(line) for line in p.stderr().splitlines()]
    assert stats["event"] == "statistics" and stats["back"]["bytes"] == 5000


def test_usr1_shows_and_goes_on(plug):
    p = plug("tcp-listen://127.0.0.1:0", "exec:cat", ready=1)
    c = connect(p.port())
    c.sendall(b"hello")
    assert c.recv(16) == b"hello"
    for n in (1, 2):
        p.p.send_signal(signal.SIGUSR1)
        until(lambda: len(lines_of(p, "forth: 5 bytes")) == n, "statistics")
    c.sendall(b"again")
    assert c.recv(16) == b"again"


def test_several_relays_are_told_apart(plug):
    p = plug("--statistics", "text:hello", "create:/dev/null", "--", "text:abc",
             "create:/dev/null")
    p.finish()
    assert lines_of(p, "relay 1 forth: 5 bytes"), p.stderr()
    assert lines_of(p, "relay 2 forth: 3 bytes"), p.stderr()


def test_json_log_has_one_object_a_line(plug):
    p = plug("--log=json", "-dd", "tcp-listen://127.0.0.1:0#once", "exec:cat", ready=1)
    c = connect(p.port())
    c.sendall(b"hello")
    c.shutdown(1)
    assert read_all(c) == b"hello"
    assert p.wait() == 0
    events = [json.loads(line) for line in p.stderr().splitlines()]
    by_name = {e.get("event"): e for e in events}
    assert by_name["listening"]["msg"] == f"listening on {p.where[0]}"
    assert by_name["opened"]["session"] == 1 and by_name["opened"]["relay"] == 1
    assert by_name["ended"]["bytes"] == 10
    for e in events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", e["ts"])
        assert e["level"] in ("error", "warning", "notice", "info", "debug")


def test_json_log_of_a_failure(plug):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{s.getsockname()[1]}"
        p = plug("--log=json", "-", f"tcp://{where}")
        assert p.wait() == 4
    (line,) = p.stderr().splitlines()
    e = json.loads(line)
    assert e["code"] == "ECONNREFUSED" and e["level"] == "error" and e["os"] > 0
    assert where in e["peer"] and e["hint"]


DATA = b"hello\nwor\x01\x80ld\ta\r\\\"\x7f" + bytes(range(40, 90)) + b"\nend"


@pytest.mark.parametrize("flags", [["-v"], ["-x"], ["-x", "-v"]])
def test_dump_looks_like_socats(plug, run, flags):
    need("socat")
    ours = plug(*flags, "-u", "-", "create:/dev/null", stdin=subprocess.PIPE)
    ours.finish(DATA)
    theirs = run("socat", *flags, "-u", "-", "OPEN:/dev/null", stdin=subprocess.PIPE)
    theirs.finish(DATA)

    def plain(text):
        return re.sub(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d+", "TIME", text)

    assert plain(ours.stderr()) == plain(theirs.stderr())


def test_dump_shows_both_directions(plug):
    p = plug("-v", "-", "exec:cat", stdin=subprocess.PIPE)
    assert p.finish(b"ping\n")[1] == b"ping\n"
    assert re.search(r"^> .*length=5 from=0 to=4\nping$", p.stderr(), re.M)
    assert re.search(r"^< .*length=5 from=0 to=4\nping$", p.stderr(), re.M)


def test_no_colour_where_nobody_looks(plug):
    p = plug("-", "nosuch:")
    assert p.wait() == 2
    assert "\033" not in p.stderr()


def test_debug_lines_say_how_data_moves(plug):
    p = plug("-ddd", "-", "exec:cat", stdin=subprocess.PIPE)
    assert p.finish(b"x" * (8 << 20))[0] == 0
    said = lines_of(p, "session 1 ")
    assert "plug: session 1 forth: the source has ended, the sink is told" in said
    assert any("splicing" in line or "takes no more" in line for line in said), said
    assert len(said) < 70


def test_debug_lines_of_a_session_are_bounded(plug, tmp_path):
    """A sink that stands still again and again must not fill a log."""
    p = plug("-ddd", "-b4096", "-u", "-", "exec:'sh -c \"while head -c 100000 | read x; do :; done\"'",
             stdin=subprocess.PIPE)
    p.finish(b"y" * (4 << 20))
    assert len(lines_of(p, "session 1 ")) < 70


def test_who_is_not_let_in_is_counted_and_shown(plug):
    p = plug("-d", "-d", "tcp-listen://127.0.0.1:0#deny=127.0.0.1", "echo:", ready=1)
    for n in (1, 2):
        c = connect(p.port())
        try:
            assert c.recv(1) == b""
        except ConnectionResetError:
            pass
        here = "127.0.0.1:%d is not let in (deny)" % c.getsockname()[1]
        until(lambda: here in p.stderr(), "the notice")
        c.close()
    p.p.send_signal(signal.SIGUSR1)
    until(lambda: lines_of(p, "2 not let in"), "statistics")


def test_raw_files_of_each_direction(plug, tmp_path):
    forth, back = tmp_path / "forth", tmp_path / "back"
    forth.write_bytes(b"kept:")
    p = plug("-r", forth, "-R", back, "-", "exec:'tr a-z A-Z'", stdin=subprocess.PIPE)
    data = b"binary \x00\xff\n" * 10000
    assert p.finish(data)[:2] == (0, data.upper())
    assert forth.read_bytes() == b"kept:" + data
    assert back.read_bytes() == data.upper()
    assert p.stderr() == ""


def test_raw_files_of_each_session(plug, tmp_path):
    p = plug("-r", f"{tmp_path}/$PROGNAME-$SERIALNUM", "tcp-listen://127.0.0.1:0", "echo:", ready=1)
    for text in (b"first", b"second"):
        with connect(p.port()) as c:
            c.sendall(text)
            c.shutdown(socket.SHUT_WR)
            assert read_all(c) == text
    until(lambda: (tmp_path / "plug-2").exists(), "the second file")
    assert (tmp_path / "plug-1").read_bytes() == b"first"
    assert (tmp_path / "plug-2").read_bytes() == b"second"


def test_raw_file_that_cannot_be(plug, tmp_path):
    made = tmp_path / "made"
    p = plug("-r", tmp_path / "no" / "folder", "text:x", f"create:{made}")
    assert p.wait() == 1
    assert "-r" in p.stderr() and "no such" in p.stderr().lower() and not made.exists()


def test_raw_file_that_is_full(plug):
    """The transfer goes on, and the loss is said once."""
    p = plug("-r", "/dev/full", "-", "exec:cat", stdin=subprocess.PIPE)
    assert p.finish(b"x" * 300000)[:2] == (0, b"x" * 300000)
    assert p.stderr().count("no space left") == 1


def test_progress_only_where_somebody_looks(plug):
    p = plug("--progress", "-", "exec:cat", stdin=subprocess.PIPE)
    assert p.finish(b"x" * 1000)[:2] == (0, b"x" * 1000)
    assert p.stderr() == ""


def test_progress_in_a_file(plug):
    p = plug("--progress=always", "--size", "4k", "-", "exec:cat", stdin=subprocess.PIPE)
    assert p.finish(b"x" * 2048)[0] == 0
    last = p.stderr().splitlines()[-1]
    assert last.startswith("2.00 KiB forth (") and "2.00 KiB back (" in last and ", 50%" in last
    assert "\r" not in p.stderr()


def test_progress_on_a_terminal(tmp_path):
    """The line is written over while it goes on, and ended at the end."""
    ours, theirs = pty.openpty()
    p = subprocess.Popen([PLUG, "--progress", "-", "exec:cat"], stdin=subprocess.PIPE,
                         stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    p.stdin.write(b"x" * 1000)
    p.stdin.flush()
    text = b""
    while text.count(b"\r\x1b[K1000 B forth") < 2:
        text += os.read(ours, 4096)
    p.stdin.close()
    try:
        while piece := os.read(ours, 4096):
            text += piece
    except OSError:
        pass
    os.close(ours)
    assert p.wait(30) == 0
    assert text.count(b"\n") == 1 and text.endswith(b"\r\n")


def test_records_that_no_session_took_are_counted(plug):
    """More new peers at once than the listener keeps: what it drops has no session that could tell."""
    p = plug("--statistics", "udp-listen://127.0.0.1:0#max-sessions=1", "echo:", ready=1)
    peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(600)]
    peers[0].settimeout(30)
    peers[0].sendto(b"anybody?", ("127.0.0.1", p.port()))
    assert peers[0].recv(100) == b"anybody?"

    def taken():
        for s in peers:  # the first has the session, which reads what comes for all
            s.sendto(b"anybody?", ("127.0.0.1", p.port()))
        p.p.send_signal(signal.SIGUSR1)
        m = re.findall(r"(\d+) records that no session took", p.stderr())
        return m and int(m[-1])

    assert until(taken, "a drop is counted") > 0
    for s in peers:
        s.close()
