# SPDX-License-Identifier: MIT
"""Kinds that are found out or given: gopen, listening descriptors, socket pairs, A!!B."""
import array
import os
import pty
import re
import socket
import stat
import subprocess
import sys
import threading
import tty

import pytest

from conftest import PLUG, read_exactly, until

TYPES = {"stream": socket.SOCK_STREAM, "dgram": socket.SOCK_DGRAM,
         "seqpacket": socket.SOCK_SEQPACKET}


def explain(*args):
    return subprocess.run([PLUG, "explain", *args], capture_output=True, text=True, timeout=60,
                          check=False)


# ---- gopen ----


@pytest.mark.parametrize("form", ["gopen:{}", "{}", "gopen://{}"])
def test_gopen_appends_to_a_file(plug, tmp_path, form):
    path = tmp_path / "f"
    path.write_bytes(b"old ")
    assert plug("-u", "text:new", form.format(path)).wait() == 0
    assert path.read_bytes() == b"old new"
    assert plug("-u", form.format(path), "-").finish()[:2] == (0, b"old new")


def test_gopen_makes_only_what_is_written(plug, tmp_path):
    path = tmp_path / "f"
    p = plug("-u", path, "-")
    assert p.wait() != 0 and "does not exist" in p.stderr()
    assert not path.exists()
    p = plug("-u", f"{path},rdonly", "-")
    assert p.wait() != 0 and not path.exists()
    assert plug("-u", "text:x", path).wait() == 0
    assert path.read_bytes() == b"x" and stat.S_ISREG(os.stat(path).st_mode)


def test_gopen_of_a_directory(plug, tmp_path):
    p = plug("-u", "text:x", f"{tmp_path}/")
    assert p.wait() == 1 and "is a directory" in p.stderr()


def test_gopen_of_a_fifo(plug, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    p = plug("-u", fifo, "-")
    fifo.write_bytes(b"through it")
    assert p.finish()[:2] == (0, b"through it")


def test_gopen_of_a_terminal(plug):
    master, slave = pty.openpty()
    tty.setraw(slave)
    p = plug("-", os.ttyname(slave), stdin=subprocess.PIPE)
    os.write(master, b"typed\n")
    assert os.read(p.p.stdout.fileno(), 64) == b"typed\n"
    p.p.stdin.write(b"shown")
    p.p.stdin.close()
    assert os.read(master, 64) == b"shown"
    os.close(slave)
    os.close(master)
    p.wait()


@pytest.mark.parametrize("kind", TYPES)
def test_gopen_of_a_socket(plug, short_dir, kind):
    path = short_dir / "s"
    with socket.socket(socket.AF_UNIX, TYPES[kind]) as s:
        s.bind(str(path))
        s.settimeout(30)
        if kind != "dgram":
            s.listen()
        done = explain(str(path))
        assert ("unix)" if kind == "stream" else f"unix-{kind})") in done.stdout
        p = plug("-u", "text:hello", path)
        peer = s.accept()[0] if kind != "dgram" else s  # the first that came: explain did not
        assert peer.recv(64) == b"hello"
        peer.close()
        assert p.wait() == 0


def test_gopen_of_a_socket_takes_its_options(plug, short_dir):
    path = short_dir / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(30)
        assert plug("-u", "text:x", f"{path},bind={short_dir}/me").wait() == 0
        assert s.recvfrom(8) == (b"x", f"{short_dir}/me")
    p = plug("-u", "text:x", f"{path},append")
    assert p.wait() == 2 and "append" in p.stderr()


def test_a_number_alone_is_a_descriptor(plug):
    r, w = os.pipe()
    os.write(w, b"x")
    os.close(w)
    assert plug("-u", str(r), "1", pass_fds=(r,)).finish()[:2] == (0, b"x")
    os.close(r)


# ---- descriptors that listen ----


def listening(kind, path=None):
    """A socket that the test binds, as a service manager does."""
    if kind in ("tcp", "udp"):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 0))
    else:
        s = socket.socket(socket.AF_UNIX, TYPES[kind])
        s.bind(str(path))
    if s.type != socket.SOCK_DGRAM:
        s.listen()
    return s


def client_of(s, folder, name):
    c = socket.socket(s.family, s.type)
    c.settimeout(30)
    if s.family == socket.AF_UNIX and s.type == socket.SOCK_DGRAM:
        c.bind(str(folder / name))
    c.connect(s.getsockname())
    return c


@pytest.mark.parametrize("kind", ["tcp", "udp", "stream", "dgram", "seqpacket"])
def test_accept_fd_serves_many(plug, short_dir, kind):
    with listening(kind, short_dir / "s") as s:
        p = plug(f"accept-fd:{s.fileno()},fork", "echo:", ready=1, pass_fds=(s.fileno(),))
        clients = [client_of(s, short_dir, str(i)) for i in range(3)]
        for i, c in enumerate(clients):
            c.send(b"hello %d" % i)
        for i, c in enumerate(clients):
            assert c.recv(64) == b"hello %d" % i
            c.close()
        assert p.p.poll() is None


@pytest.mark.parametrize("form", ["accept-fd:{}", "fd:{}", "accept:{}"])
def test_accept_fd_without_fork_serves_one(plug, form):
    with listening("tcp") as s:
        p = plug(form.format(s.fileno()), "echo:", ready=1, pass_fds=(s.fileno(),))
        with socket.create_connection(s.getsockname(), 30) as c:
            c.sendall(b"x")
            assert c.recv(8) == b"x"
        assert p.wait() == 0, p.stderr()


def test_fd_that_listens_takes_a_listeners_options(plug):
    with listening("tcp") as s:
        p = plug(f"fd:{s.fileno()},fork,max-sessions=2", "echo:", ready=1, pass_fds=(s.fileno(),))
        for _ in range(3):
            with socket.create_connection(s.getsockname(), 30) as c:
                c.sendall(b"x")
                assert c.recv(8) == b"x"
        p.p.terminate()
        assert p.wait() == 143
        s.settimeout(0.1)  # the socket goes on listening for whoever gave it
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_layers_of_a_listening_descriptor_are_servers(plug):
    with listening("tcp") as s:
        plug(f"len32+accept-fd:{s.fileno()},fork", "echo:", ready=1, pass_fds=(s.fileno(),))
        with socket.create_connection(s.getsockname(), 30) as c:
            c.sendall(b"\0\0\0\1x")
            assert read_exactly(c, 5) == b"\0\0\0\1x"
    done = explain("len32+accept-fd:0")
    assert done.returncode == 2  # not a socket


# What systemd does: the descriptors begin at 3, and LISTEN_PID is who is to take them.
HAND_OVER = """
import os, sys
given = [os.dup2(int(n), 100 + i) for i, n in enumerate(sys.argv[1].split(","))]
for i, n in enumerate(given):
    os.dup2(n, 3 + i)
    os.close(n)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


def handed_over(*sockets):
    numbers = [s.fileno() for s in sockets]
    return {"before": (sys.executable, "-c", HAND_OVER, ",".join(map(str, numbers))),
            "pass_fds": tuple(numbers)}


def test_listen_fds_the_only_one(plug):
    with listening("tcp") as s:
        plug("accept-fd,fork", "echo:", env={"LISTEN_FDS": "1"}, **handed_over(s))
        with socket.create_connection(s.getsockname(), 30) as c:
            c.sendall(b"x")
            assert c.recv(8) == b"x"


def test_listen_fds_by_name(plug, short_dir):
    with listening("tcp") as a, listening("stream", short_dir / "s") as b, listening("udp") as c:
        plug("accept-fd:web,fork", "exec:echo web", "--", "accept-fd:local,fork", "exec:echo local",
             "--", "accept-fd:time,fork", "echo:",
             env={"LISTEN_FDS": "3", "LISTEN_FDNAMES": "web:local:time"}, **handed_over(a, b, c))
        with socket.create_connection(a.getsockname(), 30) as s:
            assert s.makefile().read() == "web\n"
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(str(short_dir / "s"))
            assert s.makefile().read() == "local\n"
        with client_of(c, short_dir, "x") as s:
            s.send(b"x")
            assert s.recv(8) == b"x"


@pytest.mark.parametrize("address,env,why", [
    ("accept-fd", {}, "LISTEN_PID is not set"),
    ("accept-fd:", {}, "LISTEN_PID is not set"),
    ("accept-fd:web", {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, "names another process"),
    ("accept-fd:3", {}, "descriptor 3 is not open"),
    ("accept-fd:0", {}, "descriptor 0 is no socket"),
])
def test_nothing_was_handed_over(address, env, why):
    done = subprocess.run([PLUG, "explain", address], capture_output=True, text=True, timeout=60,
                          check=False, env=dict(os.environ, **env), stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and why in done.stderr


@pytest.mark.parametrize("address,names,why", [
    ("accept-fd", "a:b", "2 descriptors were handed over"),
    ("accept-fd:c", "a:b", 'none "c"'),
    ("accept-fd:a", "a:a", '2 descriptors are called "a"'),
])
def test_which_was_meant(plug, address, names, why):
    with listening("tcp") as a, listening("tcp") as b:
        p = plug(address, "echo:", env={"LISTEN_FDS": "2", "LISTEN_FDNAMES": names},
                 **handed_over(a, b))
        assert p.wait() == 2 and why in p.stderr()
        assert "from 3 to 4" in p.stderr()


def test_accept_fd_of_a_connection(plug):
    a, b = socket.socketpair()
    with a, b:
        p = plug(f"accept-fd:{a.fileno()}", "echo:", pass_fds=(a.fileno(),))
        assert p.wait() == 2
        assert "does not listen" in p.stderr() and f"fd:{a.fileno()}" in p.stderr()


def test_programs_do_not_get_a_given_descriptor(plug, tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x")
    with open(path, "rb") as f:
        n = f.fileno()
        p = plug("-u", f"fd:{n}", f"system:test -e /dev/fd/{n} && echo leaked >&2; cat >&2",
                 pass_fds=(n,))
        assert p.wait() == 0
        assert p.stderr() == "x"


# ---- a pair of sockets ----


@pytest.mark.parametrize("options", ["type=stream", "socktype=1", "so-type=seqpacket", "type=5"])
def test_socketpair_gives_back(plug, options):
    data = os.urandom(300000)
    p = plug("-", f"socketpair,{options}", stdin=subprocess.PIPE)
    assert p.finish(data)[:2] == (0, data)


def test_socketpair_keeps_records(plug, short_dir):
    p = plug(f"unix-seqpacket-listen:{short_dir}/s", "socketpair", ready=1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(30)
        s.connect(str(short_dir / "s"))
        for record in (b"one", b"x" * 100000, b"three"):
            s.send(record)
            assert s.recv(200000) == record
    assert p.wait() == 0, p.stderr()


# ---- A!!B ----


def test_dual_reads_one_and_writes_the_other(plug, tmp_path):
    (tmp_path / "in").write_bytes(b"question\n")
    p = plug(f"file:{tmp_path}/in!!create:{tmp_path}/out", "exec:tr a-z A-Z")
    assert p.wait() == 0, p.stderr()
    assert (tmp_path / "out").read_bytes() == b"QUESTION\n"
    assert (tmp_path / "in").read_bytes() == b"question\n"


def test_dual_as_the_second_address_and_with_stdio(plug, tmp_path):
    p = plug("-", f"exec:seq 3!!create:{tmp_path}/out", stdin=subprocess.PIPE)
    assert p.finish(b"kept")[:2] == (0, b"1\n2\n3\n")
    assert (tmp_path / "out").read_bytes() == b"kept"
    p = plug(f"-!!create:{tmp_path}/copy", "exec:cat", stdin=subprocess.PIPE)
    assert p.finish(b"through")[0] == 0
    assert (tmp_path / "copy").read_bytes() == b"through"


def test_dual_moves_much(plug, tmp_path):
    data = os.urandom(8 << 20)
    (tmp_path / "in").write_bytes(data)
    p = plug(f"file:{tmp_path}/in!!create:{tmp_path}/out", "exec:cat")
    assert p.wait() == 0, p.stderr()
    assert (tmp_path / "out").read_bytes() == data


def test_dual_of_two_connections(plug):
    """Each direction has its own connection, and its own end."""
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        p = plug("-", "tcp:127.0.0.1:%d!!tcp:127.0.0.1:%d" % (a.getsockname()[1],
                                                           b.getsockname()[1]),
                 stdin=subprocess.PIPE)
        from_a, _ = a.accept()
        to_b, _ = b.accept()
        to_b.settimeout(30)
        to_b.sendall(b"nobody hears this")
        p.p.stdin.write(b"for b")
        p.p.stdin.close()
        data = b""
        while piece := to_b.recv(64):
            data += piece
        assert data == b"for b"
        from_a.sendall(b"from a")
        from_a.close()
        assert p.p.stdout.read() == b"from a"
        to_b.close()
        assert p.wait() == 0, p.stderr()


def test_dual_loss_is_told(plug):
    with socket.create_server(("127.0.0.1", 0)) as b:
        p = plug("-", "stall!!tcp:127.0.0.1:%d" % b.getsockname()[1], stdin=subprocess.PIPE)
        c, _ = b.accept()
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        c.close()  # a reset
        assert p.wait() == 8, p.stderr()


def test_dual_failure_to_open(plug, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    p = plug("-", f"text:x!!tcp:127.0.0.1:{port}")
    assert p.wait() == 4
    p = plug("-", f"file:{tmp_path}/no!!create:{tmp_path}/out")
    assert p.wait() == 1
    assert not (tmp_path / "out").exists()  # nothing is made for what cannot be read


def test_dual_options_act_on_their_half(plug, tmp_path):
    p = plug("text:a,readbytes=1!!-,crnl", "system:'cat; printf \"x\\ny\\n\"'")
    assert p.finish()[:2] == (0, b"ax\r\ny\r\n")


def test_dual_one_way_opens_only_what_is_needed(plug, tmp_path):
    assert plug("-u", f"text:x!!create:{tmp_path}/out", "-").finish()[:2] == (0, b"x")
    assert not (tmp_path / "out").exists()


def test_dual_of_records(plug, short_dir):
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with near, far, a, b:
        near.settimeout(30)
        b.settimeout(30)
        p = plug(f"fd:{far.fileno()}!!fd:{a.fileno()}", "echo:",
                 pass_fds=(far.fileno(), a.fileno()))
        far.close()
        a.close()
        for record in (b"one", b"two" * 1000):
            near.send(record)
            assert b.recv(5000) == record
        near.close()
        assert p.wait() == 0, p.stderr()


@pytest.mark.parametrize("address,why", [
    ("-!!tcp-l:1", "a listener cannot be half"),
    ("-!!udp:127.0.0.1:9", "gives stream"),
    ("create:/x!!-", "create cannot be read"),
    ("-!!file:/x,rdonly", "file cannot be written"),
    ("!!-", "missing before"),
    ("-!!", "missing behind"),
    ("-!!echo:!!-", "not three"),
    ("-!!tcp:h:99999", "is not a port"),
])
def test_dual_that_cannot_be(address, why):
    done = explain(address)
    assert done.returncode == 2 and why in done.stderr


def test_dual_of_one_socket_twice(plug):
    a, b = socket.socketpair()
    with a, b:
        n = a.fileno()
        p = plug(f"fd:{n}!!fd:{n}", "exec:cat", pass_fds=(n,))
        assert p.wait() == 2 and "the same socket" in p.stderr()


def test_dual_errors_point_into_the_whole(plug):
    for address, at in (("-!!pipe:,unlink", "pipe"), ("-!!tcp:h:99999", "99999"),
                        ("-,nosuch!!-", "nosuch"), ("-!!file:/x,rdonly,trunc", "file")):
        lines = explain(address).stderr.splitlines()
        place = lines[2].index("^") - lines[1].index(address)
        assert address[place:].startswith(at) or "/x" in address[place:place + 2], lines


def test_dual_in_quotes_is_text(plug):
    assert plug("-u", "text:'a!!b'", "-").finish()[1] == b"a!!b"
    assert "written   stdio" in explain("text:a!!-").stdout


# ---- descriptors that come with the data ----


def send_with_descriptor(s, data, fd):
    s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd] * 3))])


def descriptors_of(p):
    return len(os.listdir(f"/proc/{p.pid}/fd"))


@pytest.mark.parametrize("kind,option", [("stream", "unix"), ("seqpacket", "unix-seqpacket")])
def test_descriptors_that_come_along_are_dropped_and_told(plug, short_dir, kind, option):
    with listening(kind, short_dir / "to") as server:
        server.settimeout(30)
        p = plug(f"{option}-listen:{short_dir}/from,fork", f"{option}:{short_dir}/to", ready=1)
        with socket.socket(socket.AF_UNIX, TYPES[kind]) as c:
            c.connect(str(short_dir / "from"))
            c.settimeout(30)
            s, _ = server.accept()
            s.settimeout(30)
            c.send(b"plain")
            assert s.recv(16) == b"plain"
            before = descriptors_of(p)
            for _ in range(20):
                send_with_descriptor(c, b"with", 0)
                data, extra, _, _ = s.recvmsg(16, 1024)
                assert (data, extra) == (b"with", [])
            assert descriptors_of(p) == before  # none stays open here
            s.close()
        until(lambda: "20 messages were dropped" in p.stderr(), "it is told")


def test_descriptors_are_refused_where_data_is_spliced(plug, short_dir):
    """The kernel's splice would lose them without a word: from Linux 6.16 on their sender is told."""
    release = tuple(int(n) for n in os.uname().release.split(".")[:2])
    if release < (6, 16):
        pytest.skip("no SO_PASSRIGHTS before Linux 6.16")
    with listening("stream", short_dir / "to") as server:
        p = plug("--statistics", f"unix-listen:{short_dir}/from", f"unix:{short_dir}/to", ready=1)
        with socket.socket(socket.AF_UNIX) as c:
            c.connect(str(short_dir / "from"))
            s, _ = server.accept()
            s.settimeout(30)
            feeder = threading.Thread(target=c.sendall, args=(bytes(8 << 20),))
            feeder.start()
            left = 8 << 20
            while left:
                left -= len(s.recv(1 << 20))
            feeder.join()
            with pytest.raises(PermissionError):
                send_with_descriptor(c, b"with", 0)
            c.shutdown(socket.SHUT_WR)
            s.close()
        p.wait()
        assert re.search(r"[1-9]\d* bytes spliced", p.stderr())


def test_descriptors_that_come_to_a_datagram_listener(plug, short_dir):
    p = plug(f"unix-dgram-listen:{short_dir}/s,fork,idle-timeout=0.2", "echo:", ready=1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as c:
        c.bind(str(short_dir / "me"))
        c.settimeout(30)
        c.connect(str(short_dir / "s"))
        counts = set()
        for _ in range(5):
            send_with_descriptor(c, b"with", 0)
            assert c.recv(16) == b"with"
            counts.add(descriptors_of(p))
        assert len(counts) == 1, counts
    until(lambda: "5 messages were dropped" in p.stderr(), "it is told")
