# SPDX-License-Identifier: MIT
"""What the options of files, pipes and descriptors do, seen from outside: locks, rights, offsets,
lock files, line ends, and how a side is told of the other's end."""
import fcntl
import os
import pathlib
import socket
import stat
import subprocess

import pytest

from conftest import PLUG, free_port, need, until


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_cr_both_ways(plug, tmp_path):
    out = tmp_path / "out"
    assert plug("-u", "-", f"create:{out},cr", stdin=subprocess.PIPE).finish(b"a\nb\r\n")[0] == 0
    assert out.read_bytes() == b"a\rb\r\r"
    assert plug("-u", f"file:{out},cr", "-").finish()[1] == b"a\nb\n\n"


def test_cr_of_a_long_stream_in_small_pieces(plug):
    data = (b"line of text\n" * 1000 + b"\n") * 9
    p = plug("-b", "7", "-", "exec:cat,cr", stdin=subprocess.PIPE)
    assert p.finish(data)[:2] == (0, data)


def test_cr_of_records(plug):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(30)
        p = plug("-b", "6000", "-u", "-", f"udp://127.0.0.1:{s.getsockname()[1]}#cr",
                 stdin=subprocess.PIPE)
        p.p.stdin.write(b"x\n" * 3000)
        p.p.stdin.close()
        assert s.recv(65536) == b"x\r" * 3000
        assert p.wait() == 0, p.stderr()


@pytest.mark.parametrize("form", ["seek=3", "seek-set=3", "lseek=3", "lseek64=3", "seek-end=-7",
                                  "seek-cur=3", "lseek32-cur=3", "lseek64-end=-7"])
def test_seek(plug, tmp_path, form):
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    assert plug("-u", f"file:{path},{form}", "-").finish()[:2] == (0, b"3456789")


def test_seek_of_standard_input(plug, tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    with open(path, "rb") as f:
        assert plug("-u", "stdin,seek=8", "-", stdin=f).finish()[:2] == (0, b"89")


@pytest.mark.parametrize("name", ["ftruncate", "truncate", "ftruncate64", "ftruncate-len"])
def test_truncate(plug, tmp_path, name):
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    assert plug("-u", "text:ab", f"file:{path},{name}=4").wait() == 0
    assert path.read_bytes() == b"ab23"


def test_rights_of_what_is_made(plug, tmp_path):
    cases = {"mode=0604": 0o604, "perm=0640": 0o640, "umask=077": 0o600, "umask=002": 0o664,
             "umask=077,mode=0666": 0o666}
    for i, (options, want) in enumerate(cases.items()):
        path = tmp_path / str(i)
        assert plug("-u", "text:x", f"create:{path},{options}").wait() == 0
        assert mode_of(path) == want, options
    path = tmp_path / "fifo"
    p = plug("-u", "text:x", f"pipe:{path},umask=027,unlink-close=0")
    until(path.exists, "the FIFO is made")
    assert mode_of(path) == 0o640
    assert path.read_bytes() == b"x"
    assert p.wait() == 0


def test_umask_of_a_unix_listener_is_put_back(plug, short_dir):
    path = short_dir / "s"
    p = plug(f"unix-listen://{path}#umask=077,once", f"create:{short_dir}/f", ready=1)
    assert mode_of(path) == 0o700
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(b"x")
    assert p.wait() == 0
    old = os.umask(0)
    os.umask(old)
    assert mode_of(short_dir / "f") == 0o666 & ~old  # the other address has the process's own


def test_umask_of_a_program(plug):
    assert plug("-u", "system:umask,umask=0135", "-").finish()[1].strip() == b"0135"


def test_owner(plug, tmp_path):
    path = tmp_path / "f"
    me = os.getuid()
    for name in ("user", "uid", "owner", "user-late", "uid-l"):
        assert plug("-u", "text:x", f"create:{path},{name}={me}").wait() == 0, name
    for name in ("group", "gid", "group-late", "gid-l"):
        assert plug("-u", "text:x", f"create:{path},{name}={os.getgid()}").wait() == 0, name
    for name in ("user-early", "uid-e", "group-early", "gid-e"):
        who = me if name[0] == "u" else os.getgid()
        assert plug("-u", "text:x", f"file:{path},{name}={who}").wait() == 0, name
    assert plug("-u", "text:x", f"create:{path},user=no-such-user-here").wait() == 1
    if me == 0:
        assert plug("-u", "text:x", f"create:{path},user=12345,group=54321").wait() == 0
        assert (os.stat(path).st_uid, os.stat(path).st_gid) == (12345, 54321)


def test_rights_before_it_is_opened(plug, tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"old")
    assert plug("-u", "text:x", f"file:{path},perm-early=0620").wait() == 0
    assert mode_of(path) == 0o620


@pytest.mark.parametrize("name", ["flock", "flock-ex", "setlkw", "setlkw-wr", "f-setlkw", "lock"])
def test_lock_is_waited_for(plug, tmp_path, name):
    path = tmp_path / "f"
    path.write_bytes(b"")
    with open(path, "r+b") as f:
        lock = fcntl.flock if name.startswith("flock") else fcntl.lockf
        lock(f, fcntl.LOCK_EX)
        p = plug("-d", "-d", "-d", "-d", "-u", "text:after", f"file:{path},{name}")
        until(lambda: in_poll(p.pid), "plug waits")
        assert path.read_bytes() == b""
        lock(f, fcntl.LOCK_UN)
        assert p.wait() == 0
    assert path.read_bytes() == b"after"


def in_poll(pid):
    try:
        with open(f"/proc/{pid}/wchan", encoding="ascii") as f:
            name = f.read()
    except OSError:
        return True
    return "poll" in name or "hrtimer" in name or name in ("", "0")


@pytest.mark.parametrize("name", ["flock-nb", "flock-ex-nb", "flock-sh-nb", "setlk", "setlk-wr",
                                  "setlk-rd", "f-setlk", "f-setlk-rd"])
def test_lock_that_does_not_wait(plug, tmp_path, name):
    path = tmp_path / "f"
    path.write_bytes(b"x")
    address = f"file:{path},rdwr,{name}"
    with open(path, "r+b") as f:
        lock = fcntl.flock if name.startswith("flock") else fcntl.lockf
        lock(f, fcntl.LOCK_EX)
        p = plug("-u", address, "-")
        assert p.finish()[:2] == (1, b"") and "busy" in p.stderr()
    assert plug("-u", address, "-").finish()[:2] == (0, b"x")


@pytest.mark.parametrize("name", ["flock-sh-nb", "setlk-rd"])
def test_shared_lock_is_shared(plug, tmp_path, name):
    path = tmp_path / "f"
    path.write_bytes(b"x")
    with open(path, "rb") as f:
        (fcntl.flock if name.startswith("flock") else fcntl.lockf)(f, fcntl.LOCK_SH)
        assert plug("-u", f"file:{path},{name}", "-").finish()[:2] == (0, b"x")


def test_record_locks_of_two_sessions_exclude_each_other(plug, tmp_path):
    """fcntl's own locks belong to the process; here they belong to the session."""
    path = tmp_path / "f"
    p = plug("-u", "stall", f"create:{path},setlk", "--", "text:x", f"file:{path},setlk")
    until(lambda: "busy" in p.stderr(), "the second is refused")


def test_lock_for_what_is_not_open(plug, tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x")
    p = plug("-u", f"file:{path},setlk", "-")
    assert p.wait() == 2 and "needs the file to be written" in p.stderr()


def test_lockfile(plug, tmp_path):
    lock = tmp_path / "lock"
    p = plug("-u", f"system:cat {lock},lockfile={lock}", "-")
    status, out, _ = p.finish()
    assert status == 0 and int(out) == p.pid
    assert not lock.exists()
    lock.write_text("1\n")
    p = plug("-u", "text:x", f"create:{tmp_path}/f,lockfile={lock}")
    assert p.wait() == 1
    assert f"lock file {lock}: another has it" in p.stderr()
    assert not (tmp_path / "f").exists() and lock.exists()


def test_waitlock(plug, tmp_path):
    lock, out = tmp_path / "lock", tmp_path / "f"
    lock.write_text("1\n")
    p = plug("-u", "text:x", f"create:{out},waitlock={lock},connect-timeout=0.001")
    until(lambda: in_poll(p.pid), "plug waits")
    assert not out.exists()
    lock.unlink()
    assert p.wait() == 0, p.stderr()
    assert out.read_bytes() == b"x" and not lock.exists()


def test_lockfile_of_a_listener_lasts_as_long_as_it(plug, tmp_path):
    lock = tmp_path / "lock"
    p = plug(f"tcp-listen://127.0.0.1:0#lockfile={lock}", "echo:", ready=1)
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", p.port()), 30) as s:
            s.sendall(b"x")
            assert s.recv(1) == b"x"
        assert lock.exists()
    p.p.terminate()
    assert p.wait() == 143
    assert not lock.exists()


def test_lock_of_the_command(plug, tmp_path):
    lock = tmp_path / "lock"
    assert plug("-L", lock, "-u", f"system:test -e {lock} && echo there", "-").finish()[1] == b"there\n"
    assert not lock.exists()
    lock.write_text("1\n")
    p = plug("-L", lock, "-u", "text:x", f"create:{tmp_path}/f")
    assert p.wait() == 1 and f"lock file {lock}: another has it" in p.stderr()
    p = plug("-W", lock, "-u", "text:x", f"create:{tmp_path}/f")
    until(lambda: in_poll(p.pid), "plug waits")
    assert not (tmp_path / "f").exists()
    lock.unlink()
    assert p.wait() == 0 and (tmp_path / "f").read_bytes() == b"x" and not lock.exists()


def test_signal_while_the_command_waits_for_its_lock(plug, tmp_path):
    lock = tmp_path / "lock"
    lock.write_text("1\n")
    p = plug("-d", "-d", "-W", lock, "-u", "text:x", f"create:{tmp_path}/f")
    until(lambda: "waiting for lock file" in p.stderr(), "plug waits")
    p.p.terminate()
    assert p.wait() == 143
    assert lock.exists() and not (tmp_path / "f").exists()


def test_nonblock_does_not_wait_for_a_reader(plug, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for address in (f"pipe:{tmp_path}/fifo,nonblock", f"file:{tmp_path}/fifo,wronly,ndelay"):
        p = plug("-u", "text:x", address)
        assert p.wait() != 0 and "nobody" in p.stderr()


def test_nonblock_leaves_shared_descriptions_alone(plug):
    r, w = os.pipe()
    p = plug("-u", f"fd:{r},nonblock,cloexec", "-", pass_fds=(r,))
    os.write(w, b"x")
    os.close(w)
    assert p.finish()[:2] == (0, b"x")
    assert os.get_blocking(r)
    os.close(r)


def test_pipe_size(plug, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    hold = os.open(fifo, os.O_RDWR)
    for name, size in (("pipesz", 8192), ("f-setpipe-sz", 16384)):
        assert plug("-u", "text:x", f"pipe:{fifo},{name}={size}").wait() == 0
        assert fcntl.fcntl(hold, 1032) == size  # F_GETPIPE_SZ
    os.close(hold)


def test_opening_flags(plug, tmp_path):
    path, link = tmp_path / "f", tmp_path / "link"
    path.write_bytes(b"x")
    link.symlink_to(path)
    for name in ("sync", "dsync", "rsync", "largefile", "noctty", "noatime", "o-dsync", "nofollow"):
        assert plug("-u", f"file:{path},{name}", "-").finish()[:2] == (0, b"x"), name
    assert plug("-u", f"file:{link},nofollow", "-").wait() == 1


def test_noatime(plug, tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x")
    os.utime(path, (1, 2_000_000_000))  # older than the change: reading would move it
    assert plug("-u", f"file:{path},noatime", "-").finish()[:2] == (0, b"x")
    assert os.stat(path).st_atime == 1


@pytest.mark.parametrize("name", ["async", "direct", "directory"])
def test_refused_with_the_reason(plug, tmp_path, name):
    p = plug("-u", "text:x", f"create:{tmp_path}/f,{name}")
    assert p.wait() == 2 and f'plug has no option "{name}": ' in p.stderr()
    assert not (tmp_path / "f").exists()


def test_cloexec_cannot_be_off(plug, tmp_path):
    p = plug("-u", "text:x", f"create:{tmp_path}/f,cloexec=0")
    assert p.wait() == 2 and "never given to the programs" in p.stderr()


def test_sizes_of_socket_buffers(plug):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        assert plug("explain", f"tcp://127.0.0.1:{port}#sndbuf=64k,rcvbuf=1m").wait() == 0
        assert plug("explain", f"tcp://127.0.0.1:{port}#ttl=1k").wait() == 2


# ---- telling a side that the other has ended ----


def test_shut_null_and_null_eof(plug):
    """Two of them carry the end of a stream over datagrams."""
    far = plug("udp-listen://127.0.0.1:0#null-eof,once", "-", ready=1)
    near = plug("-u", "-", far.where[0].replace("-listen", "") + "#shut-null",
                stdin=subprocess.PIPE)
    assert near.finish(b"all of it")[0] == 0, near.stderr()
    assert far.finish()[:2] == (0, b"all of it")


def test_shut_null_is_one_empty_record(plug):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(30)
        p = plug("-u", "text:x", f"udp://127.0.0.1:{s.getsockname()[1]}#shut-null")
        assert s.recv(16) == b"x"
        assert s.recv(16) == b""
        assert p.wait() == 0
        p = plug("-u", "text:x", f"udp://127.0.0.1:{s.getsockname()[1]}")
        assert s.recv(16) == b"x"
        assert p.wait() == 0
        s.settimeout(0.2)
        with pytest.raises(TimeoutError):
            s.recv(16)


def test_answer_after_shut_null_has_its_grace(plug):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(30)
        p = plug("text:x!", f"udp://127.0.0.1:{s.getsockname()[1]}#shut-null,grace=20")
        assert p.p.poll() is None
        assert s.recv(16) == b"x!"
        _, peer = s.recvfrom(16)
        s.sendto(b"late", peer)
        p.p.terminate()
        p.wait()


def test_shut_none_keeps_the_sink_open(plug):
    with socket.create_server(("127.0.0.1", 0)) as s:
        p = plug("-", f"tcp://127.0.0.1:{s.getsockname()[1]}#shut-none,grace=inf",
                 stdin=subprocess.PIPE)
        c, _ = s.accept()
        p.p.stdin.close()
        c.settimeout(0.3)
        with pytest.raises(TimeoutError):
            c.recv(1)
        c.settimeout(30)
        c.sendall(b"answer")
        c.shutdown(socket.SHUT_WR)
        assert p.p.stdout.read() == b"answer"
        assert p.wait() == 0, p.stderr()
        c.close()


def test_shut_close_does_not_wait_for_an_answer(plug):
    with socket.create_server(("127.0.0.1", 0)) as s:
        p = plug("-", f"tcp://127.0.0.1:{s.getsockname()[1]}#shut-close", stdin=subprocess.PIPE)
        c, _ = s.accept()
        c.settimeout(30)
        assert p.finish(b"question")[0] == 0, p.stderr()  # though c stays open
        data = b""
        while piece := c.recv(64):
            data += piece
        assert data == b"question"
        c.close()


def test_shut_down_is_the_half_close(plug):
    with socket.create_server(("127.0.0.1", 0)) as s:
        p = plug("-", f"tcp://127.0.0.1:{s.getsockname()[1]}#shut-down", stdin=subprocess.PIPE)
        c, _ = s.accept()
        c.settimeout(30)
        p.p.stdin.close()
        assert c.recv(1) == b""
        c.sendall(b"answer")
        c.close()
        assert p.p.stdout.read() == b"answer"
        assert p.wait() == 0


@pytest.mark.parametrize("address,why", [
    ("udp://127.0.0.1:9#shut-down", "what can be shut down one way"),
    ("tcp://127.0.0.1:9#shut-null", "bytes have none"),
    ("tcp://127.0.0.1:9#shut-none,shut-close", "more than one shut- option"),
    ("create:/dev/null,lockfile=/a,waitlock=/b", "lockfile fails where waitlock waits"),
])
def test_contradictions(address, why):
    done = subprocess.run([PLUG, "explain", address], capture_output=True, timeout=60, check=False)
    assert done.returncode == 2 and why in done.stderr.decode()


def test_end_close_leaves_the_connection_to_others(plug):
    """The peer's descriptor is shared with another process: no shutdown may reach it."""
    a, b = socket.socketpair()
    assert plug("-u", "text:x", f"fd:{a.fileno()},end-close,shut-none",
                pass_fds=(a.fileno(),)).wait() == 0
    b.settimeout(30)
    assert b.recv(8) == b"x"
    a.sendall(b"still open")
    assert b.recv(16) == b"still open"
    a.close()
    b.close()


# ---- the same beside socat ----


def test_locks_hold_against_socat(plug, run, tmp_path):
    need("socat")
    path, lock = tmp_path / "f", tmp_path / "lock"
    path.write_bytes(b"x")
    s = run("socat", "-u", "EXEC:cat", f"OPEN:{path},rdwr,setlk,lockfile={lock}",
            stdin=subprocess.PIPE)
    until(lambda: plug("-u", f"file:{path},rdwr,setlk", "-").wait() == 1, "socat has its lock")
    p = plug("-u", "text:x", f"create:{tmp_path}/g,lockfile={lock}")
    assert p.wait() == 1 and "another has it" in p.stderr()
    s.p.terminate()
    s.wait()
    p = plug("-u", "stall", f"file:{path},rdwr,setlk,lockfile={lock}")
    until(lock.exists, "plug has its lock")
    other = run("socat", "-u", f"OPEN:{path},rdwr,setlk", "-")
    assert other.wait() == 1
    other = run("socat", "-u", f"OPEN:{path},lockfile={lock}", "-")
    assert other.wait() == 1 and lock.exists()


def test_the_end_goes_to_and_from_socat_by_an_empty_record(plug, run):
    need("socat")
    far = plug("udp-listen://127.0.0.1:0#null-eof,once", "-", ready=1)
    near = run("socat", "-u", "-", f"UDP4:127.0.0.1:{far.port()},shut-null", stdin=subprocess.PIPE)
    assert near.finish(b"from socat")[0] == 0
    assert far.finish()[:2] == (0, b"from socat")
    port = free_port(socket.SOCK_DGRAM)
    far = run("socat", "-u", f"UDP4-LISTEN:{port},bind=127.0.0.1,null-eof", "-")
    until(lambda: f":{port:04X} " in pathlib.Path("/proc/net/udp").read_text(), "socat listens")
    assert plug("-u", "text:from plug", f"udp://127.0.0.1:{port}#shut-null").wait() == 0
    assert far.finish()[:2] == (0, b"from plug")
