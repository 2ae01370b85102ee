# SPDX-License-Identifier: MIT
"""Terminals: a new one that others open, a program on one, the one that plug itself is started at.
Settings take effect, sizes are followed, and what was there before is put back at every end."""
import array
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from conftest import PATIENCE, PLUG, accept, connect, listener, read_all, read_exactly, until

IFLAG, OFLAG, CFLAG, LFLAG, ISPEED, OSPEED, CC = range(7)


def slave(path):
    until(lambda: os.path.exists(path), "the link is there")
    return os.open(path, os.O_RDWR | os.O_NOCTTY)


def read_fd(fd, n):
    data = b""
    end = time.monotonic() + PATIENCE
    while len(data) < n:
        assert select.select([fd], [], [], max(0, end - time.monotonic()))[0], data
        piece = os.read(fd, n - len(data))
        assert piece, data
        data += piece
    return data


def size(fd):
    rows, cols, _, _ = struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, b"\0" * 8))
    return cols, rows


def set_size(fd, cols, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def refused(plug, *args):
    status, out, err = plug(*args).finish()
    assert (status, out) == (2, b""), err
    return err


class Terminal:
    """A command at a terminal of its own, as a person has it."""

    def __init__(self, argv, cols=80, rows=24):
        self.master, self.slave = pty.openpty()
        set_size(self.master, cols, rows)
        self.before = termios.tcgetattr(self.slave)
        env = dict(os.environ, TERM="dumb", PS1="$ ", NO_COLOR="1")
        self.p = subprocess.Popen(
            argv, stdin=self.slave, stdout=self.slave, stderr=self.slave, env=env, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.seen = b""

    def type(self, text):
        os.write(self.master, text)

    def expect(self, pattern):
        """Reads until the pattern has come; what stands before it is dropped."""
        end = time.monotonic() + PATIENCE
        while True:
            found = re.search(pattern, self.seen)
            if found:
                self.seen = self.seen[found.end():]
                return found
            assert select.select([self.master], [], [], max(0, end - time.monotonic()))[0], self.seen
            self.seen += os.read(self.master, 4096)

    def settings(self):
        return termios.tcgetattr(self.slave)

    def wait(self):
        end = time.monotonic() + PATIENCE
        while self.p.poll() is None:  # its last words must find room
            if select.select([self.master], [], [], 0.01)[0]:
                self.seen += os.read(self.master, 4096)
            assert time.monotonic() < end, self.seen
        return self.p.returncode

    def end(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal():
    started = []

    def start(*argv, **kwargs):
        started.append(Terminal([str(a) for a in argv], **kwargs))
        return started[-1]

    yield start
    for t in started:
        t.end()


# ---- a new terminal ----

def test_pty_joins_its_opener(plug, tmp_path):
    link = tmp_path / "line"
    with listener() as s:
        p = plug(f"pty:,link={link},rawer", f"tcp://127.0.0.1:{s.getsockname()[1]}")
        c = accept(s)
        fd = slave(link)
        assert os.readlink(link).startswith("/dev/pts/")
        os.write(fd, b"to the peer\x03\x04\r\n")
        assert read_exactly(c, 15) == b"to the peer\x03\x04\r\n"
        c.sendall(b"from it\x00\x11\n")
        assert read_fd(fd, 10) == b"from it\x00\x11\n"
        os.close(fd)  # the end of a terminal is that nobody has it open
        assert read_all(c) == b""
        c.close()
    assert p.wait() == 0
    assert not os.path.lexists(link)


def test_pty_end_of_the_other_side(plug, tmp_path):
    link = tmp_path / "line"
    with listener() as s:
        p = plug(f"pty:,link={link},rawer,grace=0.2", f"tcp://127.0.0.1:{s.getsockname()[1]}")
        c = accept(s)
        fd = slave(link)
        c.sendall(b"last")
        c.close()
        assert read_fd(fd, 4) == b"last"
        assert p.wait() == 0  # silent for `grace`
        assert os.read(fd, 1) == b""  # hung up
        os.close(fd)


def test_stale_link_is_replaced_and_nothing_else(plug, tmp_path):
    link, file = tmp_path / "line", tmp_path / "file"
    link.symlink_to("/dev/pts/987654")
    file.write_text("keep me")
    p = plug(f"pty:,link={link}", "stall:")
    until(lambda: os.path.exists(link), "the link leads somewhere")
    p.p.send_signal(signal.SIGTERM)
    p.p.send_signal(signal.SIGINT)
    p.wait()
    assert not os.path.lexists(link)
    p = plug(f"pty:,link={file}", "stall:")
    status, _, err = p.finish()
    assert status == 1 and "already exists" in err
    assert file.read_text() == "keep me"


def test_wait_slave_takes_its_time(plug, tmp_path):
    link = tmp_path / "line"
    with listener() as s:
        plug(f"pty:,link={link},rawer,wait-slave,pty-interval=0.01,connect-timeout=0.1",
             f"tcp://127.0.0.1:{s.getsockname()[1]}")
        until(lambda: os.path.exists(link), "the link is there")
        time.sleep(0.3)  # longer than connect-timeout, which must not count here
        fd = slave(link)
        os.write(fd, b"here I am")
        assert read_exactly(accept(s), 9) == b"here I am"
        os.close(fd)


def test_sitout_eio_waits_for_the_next(plug, tmp_path):
    link = tmp_path / "line"
    with listener() as s:
        p = plug(f"pty:,link={link},rawer,sitout-eio=30,pty-interval=0.01",
                 f"tcp://127.0.0.1:{s.getsockname()[1]}")
        c = accept(s)
        for word in (b"first", b"next!"):
            fd = slave(link)
            os.write(fd, word)
            assert read_exactly(c, 5) == word
            c.sendall(word)
            assert read_fd(fd, 5) == word
            os.close(fd)
        c.close()
        assert p.p.poll() is None or p.p.returncode == 0


def test_sitout_eio_has_an_end(plug, tmp_path):
    link = tmp_path / "line"
    p = plug("-u", f"pty:,link={link},rawer,sitout-eio=0.1,pty-interval=0.01", "-")
    fd = slave(link)
    os.write(fd, b"only")
    os.close(fd)
    assert p.finish()[:2] == (0, b"only")


def test_settings_of_a_pty(plug, tmp_path):
    link = tmp_path / "line"
    plug(f"pty:,link={link},b9600,cstopb,echo=0,icanon=0,min=3,time=7,intr=0x07,onlcr=0,ixany", "stall:")
    fd = slave(link)
    a = termios.tcgetattr(fd)
    assert (a[ISPEED], a[OSPEED]) == (termios.B9600, termios.B9600)
    assert a[CFLAG] & termios.CSTOPB
    assert not a[LFLAG] & (termios.ECHO | termios.ICANON)
    assert a[LFLAG] & termios.ISIG  # not asked for: as it was
    assert a[IFLAG] & termios.IXANY and not a[OFLAG] & termios.ONLCR
    assert (a[CC][termios.VMIN], a[CC][termios.VTIME], a[CC][termios.VINTR]) == (3, 7, b"\x07")
    os.close(fd)


@pytest.mark.parametrize("mode,on,off", [
    ("raw", ("ECHO",), ("ICANON", "ISIG")),
    ("rawer", (), ("ICANON", "ISIG", "ECHO", "IEXTEN")),
    ("cfmakeraw", (), ("ICANON", "ISIG", "ECHO", "IEXTEN")),
    ("rawer,sane", ("ICANON", "ISIG", "ECHO", "IEXTEN"), ()),
    ("rawer,echo", ("ECHO",), ("ICANON",)),  # in the order of the address
])
def test_modes_of_a_pty(plug, tmp_path, mode, on, off):
    link = tmp_path / "line"
    plug(f"pty:,link={link},{mode}", "stall:")
    fd = slave(link)
    a = termios.tcgetattr(fd)
    for name in on:
        assert a[LFLAG] & getattr(termios, name), name
    for name in off:
        assert not a[LFLAG] & getattr(termios, name), name
    assert bool(a[OFLAG] & termios.OPOST) == ("sane" in mode)
    os.close(fd)


def test_any_speed_by_number(plug, tmp_path):
    link = tmp_path / "line"
    plug(f"pty:,link={link},baud=12345", "stall:")
    fd = slave(link)
    buf = array.array("I", [0] * 16)
    fcntl.ioctl(fd, 0x802C542A, buf)  # TCGETS2
    raw = buf.tobytes()
    assert struct.unpack_from("II", raw, 36) == (12345, 12345)
    os.close(fd)


def test_rights_and_size_of_a_pty(plug, tmp_path):
    link = tmp_path / "line"
    plug(f"pty:,link={link},mode=0640,winsize=100x30", "stall:")
    fd = slave(link)
    assert os.fstat(fd).st_mode & 0o777 == 0o640
    assert size(fd) == (100, 30)
    os.close(fd)


@pytest.mark.parametrize("value", ["80", "x24", "80x", "80x0", "99999x2", "80x24x1"])
def test_wrong_size_is_refused(plug, value):
    err = refused(plug, f"pty:,winsize={value}", "stall:")
    assert "not a size" in err and "^" in err and "80x24" in err


def test_unknown_setting_names_the_nearest(plug):
    err = refused(plug, "pty:,ecko=0", "stall:")
    assert 'did you mean "echo"' in err and "^^^^" in err


# ---- serial lines: the far end of a pseudo-terminal is the wire ----

@pytest.fixture
def wire():
    """Makes (our end, the path of the line, its settings before)."""
    fds = []

    def make():
        ours, line = pty.openpty()
        fds.extend([ours, line])
        return ours, os.ttyname(line), termios.tcgetattr(line)

    yield make
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            pass  # the test has closed it


def test_two_serial_lines_are_joined(plug, wire):
    a, path_a, before = wire()
    b, path_b, _ = wire()
    p = plug(f"serial:{path_a},b19200,crtscts", f"serial:{path_b},baud=31250")
    until(lambda: termios.tcgetattr(a)[OSPEED] == termios.B19200, "the settings are made")
    now = termios.tcgetattr(a)
    assert now[CFLAG] & termios.CRTSCTS and now[CFLAG] & termios.CLOCAL
    assert not now[LFLAG] & (termios.ICANON | termios.ECHO | termios.ISIG)  # serial: is raw
    until(lambda: not termios.tcgetattr(b)[LFLAG] & termios.ECHO, "the other's settings are made")
    every = bytes(range(256))
    os.write(a, every)
    assert read_fd(b, 256) == every
    os.write(b, every[::-1])
    assert read_fd(a, 256) == every[::-1]
    p.p.send_signal(signal.SIGTERM)
    p.p.send_signal(signal.SIGINT)
    p.wait()
    assert termios.tcgetattr(a) == before  # put back


@pytest.mark.parametrize("kind", ["file", "gopen"])
def test_a_terminal_by_its_path(plug, wire, kind):
    a, path, before = wire()
    p = plug(f"{kind}:{path},b2400,raw,echo=0", "stall:")
    until(lambda: termios.tcgetattr(a)[OSPEED] == termios.B2400, "the settings are made")
    assert not termios.tcgetattr(a)[LFLAG] & (termios.ICANON | termios.ECHO)
    p.p.send_signal(signal.SIGTERM)
    p.p.send_signal(signal.SIGINT)
    p.wait()
    assert termios.tcgetattr(a) == before


def test_file_leaves_settings_alone(plug, wire):
    a, path, before = wire()
    p = plug("-u", f"file:{path}", "-")
    os.write(a, b"a line\n")
    assert read_fd(p.p.stdout.fileno(), 7) == b"a line\n"
    assert termios.tcgetattr(a) == before
    os.write(a, b"\x04")  # ^D, which a cooked terminal has
    assert p.wait() == 0


def test_a_line_that_goes_away_is_an_error(plug, wire):
    a, path, _ = wire()
    with listener() as s:
        p = plug(f"serial:{path}", f"tcp://127.0.0.1:{s.getsockname()[1]}")
        c = accept(s)
        os.write(a, b"last words")
        assert read_exactly(c, 10) == b"last words"
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY)  # the fixture's own end must not keep it
        os.close(fd)
        os.close(a)
        with pytest.raises(ConnectionResetError):
            read_all(c)
    assert p.wait() not in (0, 2)
    assert "the line was hung up" in p.stderr()


def test_modem_lines_where_there_are_none(plug, wire):
    _, path, before = wire()
    status, _, err = plug(f"serial:{path},dtr=0", "stall:").finish()
    assert status not in (0, 2) and "dtr: " in err, err


def test_serial_needs_a_terminal(plug, tmp_path):
    file = tmp_path / "plain"
    file.write_text("x")
    status, _, err = plug(f"serial:{file}", "stall:").finish()
    assert status == 1 and "not supported" in err
    assert "not known for file" in refused(plug, f"file:{file},b9600", "stall:")


def test_min_0_does_not_spin(plug, wire):
    a, path, _ = wire()
    p = plug("-u", f"serial:{path},min=0,time=0", "-")
    until(lambda: termios.tcgetattr(a)[CC][termios.VMIN] in (0, b"\x00"), "the settings are made")
    os.write(a, b"one")
    assert read_fd(p.p.stdout.fileno(), 3) == b"one"
    before = cpu(p.pid)
    time.sleep(0.3)
    assert cpu(p.pid) - before < 0.2
    os.write(a, b"two")
    assert read_fd(p.p.stdout.fileno(), 3) == b"two"


def cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- a program on a terminal ----

def test_program_on_a_terminal(plug):
    status, out, err = plug("-u", "pty:tty,opost=0", "-").finish()
    assert status == 0 and re.fullmatch(rb"/dev/pts/\d+\n", out), err
    p = plug("-u", "system:tty; stty size; ps -o tty= -p $$,pty,setsid,ctty,opost=0,winsize=91x33", "-")
    status, out, err = p.finish()
    assert status == 0, err
    name, dims, controlling = out.decode().split("\n")[:3]
    assert name.startswith("/dev/pts/") and dims == "33 91"
    assert "/dev/" + controlling.strip() == name


def test_without_ctty_it_does_not_control(plug):
    out = plug("-u", "system:tty; ps -o tty= -p $$,pty,setsid,opost=0", "-").finish()[1]
    name, controlling = out.decode().split("\n")[:2]
    assert name.startswith("/dev/pts/") and controlling.strip() == "?"


def test_end_of_input_is_said(plug):
    p = plug("-", "exec:cat,pty,echo=0,opost=0", stdin=subprocess.PIPE)
    assert p.finish(b"whole\npart")[:2] == (0, b"whole\npart")


def test_status_of_a_program_on_a_terminal(plug):
    assert plug("-u", "system:exit 3,pty", "-").finish()[0] == 9
    assert plug("--exit-code=child", "-u", "system:exit 3,pty,setsid,ctty", "-").finish()[0] == 3


def test_a_terminal_is_taken_away(plug):
    """Nobody listens any more: HUP to all that run on it, and that is no failure."""
    p = plug("--drain=5", "tcp-listen://127.0.0.1:0#once", "system:trap '' INT; echo $$; sleep 1000,pty,setsid,ctty,"
             "grace=0.1", ready=1)
    c = connect(p.port())
    line = b""
    while not line.endswith(b"\n"):
        line += c.recv(100)
    pid = int(line)
    c.close()
    assert p.wait() == 0, p.stderr()
    until(lambda: not alive(pid), "the program is gone")


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_terminal_options_need_a_terminal(plug):
    for option in ("echo=0", "winsize=80x24", "ctty", "link=/tmp/x"):
        err = refused(plug, "-u", f"exec:date,{option}", "-")
        assert "is for a terminal" in err and "add pty" in err and "^" in err
    assert "contradicts pty" in refused(plug, "-u", "exec:date,pty,pipes", "-")


def test_shell(plug):
    env = {"SHELL": "/bin/sh"}
    assert plug("-u", "shell:echo $0 $((2+3))", "-", env=env).finish()[:2] == (0, b"/bin/sh 5\n")
    p = plug("-", "shell:,echo=0,opost=0", stdin=subprocess.PIPE, env=dict(env, PS1="", ENV=""))
    status, out, err = p.finish(b"tty; exit 0\n")
    assert status == 0 and b"/dev/pts/" in out, err


# ---- the terminal that plug is started at ----

def test_settings_are_put_back(terminal):
    t = terminal(PLUG, "-,raw,echo=0", "exec:cat")
    until(lambda: not t.settings()[LFLAG] & (termios.ICANON | termios.ECHO), "the terminal is raw")
    t.type(b"\x03x")
    t.expect(rb"\x03x")
    t.p.send_signal(signal.SIGTERM)
    t.p.send_signal(signal.SIGINT)
    assert t.wait() in (128 + signal.SIGTERM, 128 + signal.SIGINT)
    assert t.settings() == t.before


def test_settings_are_put_back_when_the_other_side_ends(terminal):
    with listener() as s:
        t = terminal(PLUG, "-,rawer", f"tcp://127.0.0.1:{s.getsockname()[1]}")
        c = accept(s)
        until(lambda: not t.settings()[LFLAG] & termios.ECHO, "the terminal is raw")
        c.sendall(b"bye")
        t.expect(b"bye")
        c.close()
    assert t.wait() == 0
    assert t.settings() == t.before


def test_settings_are_put_back_when_nothing_opens(terminal):
    with listener() as s:
        port = s.getsockname()[1]
    t = terminal(PLUG, "-,rawer", f"tcp://127.0.0.1:{port}")
    assert t.wait() == 4
    assert t.settings() == t.before


def test_settings_of_what_is_no_terminal_are_refused(plug):
    err = refused(plug, "-,raw", "echo:")
    assert "raw is for a terminal" in err and "^^^" in err


def test_settings_of_a_descriptor(plug, wire):
    a, path, before = wire()
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    p = plug(f"fd:{fd},rawer,b1200", "stall:", pass_fds=(fd,))
    until(lambda: not termios.tcgetattr(a)[LFLAG] & termios.ECHO, "the settings are made")
    assert termios.tcgetattr(a)[OSPEED] == termios.B1200
    p.p.send_signal(signal.SIGTERM)
    p.p.send_signal(signal.SIGINT)
    p.wait()
    assert termios.tcgetattr(a) == before
    os.close(fd)
    assert "is for a terminal" in refused(plug, "fd:0,raw", "stall:")


def test_link_to_a_programs_terminal(plug, tmp_path):
    link = tmp_path / "tty"
    p = plug("-", f"exec:cat,pty,rawer,link={link}", stdin=subprocess.PIPE)
    until(lambda: os.path.exists(link), "the link is there")
    assert os.readlink(link).startswith("/dev/pts/")
    p.finish(b"x")
    assert not os.path.lexists(link)


def test_size_is_followed(terminal):
    t = terminal(PLUG, "-,raw,echo=0", "pty:sh", cols=111, rows=41)
    t.type(b"stty size; echo do''ne\r")
    t.expect(rb"41 111\r\n")
    t.expect(rb"done")
    set_size(t.master, 66, 22)
    end = time.monotonic() + PATIENCE
    while True:
        t.type(b"stty size; echo do''ne\r")
        answer = t.expect(rb"(\d+ \d+)\r\ndone").group(1)
        if answer == b"22 66":
            break
        assert answer == b"41 111" and time.monotonic() < end
    t.type(b"exit\r")
    assert t.wait() == 0
    assert t.settings() == t.before


def test_job_control_over_tcp(plug, terminal):
    """A bash on a terminal, served over TCP, used by a person at another terminal."""
    server = plug("tcp-listen://127.0.0.1:0#once", "pty:bash --norc --noprofile -i,winsize=120x35", ready=1)
    t = terminal(PLUG, "-,raw,echo=0", f"tcp://127.0.0.1:{server.port()}")
    until(lambda: not t.settings()[LFLAG] & termios.ECHO, "the terminal is raw")
    t.type(b"PS1='rea''dy> '; stty size\r")
    t.expect(rb"35 120\r\n")
    t.expect(rb"ready> ")
    t.type(b"stty size; cat\r")
    t.expect(rb"35 120\r\n")
    t.type(b"through cat\r")
    t.expect(rb"through cat\r\nthrough cat\r\n")  # echo, and cat
    t.type(b"\x1a")
    t.expect(rb"Stopped +cat")
    t.expect(rb"ready> ")
    t.type(b"jobs\r")
    t.expect(rb"\[1\]\+ +Stopped +cat")
    t.type(b"fg\r")
    t.expect(rb"fg\r\n")
    t.expect(rb"cat\r\n")
    t.type(b"again\r")
    t.expect(rb"again\r\nagain\r\n")
    t.type(b"\x03")
    t.expect(rb"ready> ")
    t.type(b"exit 0\r")
    assert t.wait() == 0
    assert t.settings() == t.before
    assert server.wait() == 0, server.stderr()
