# SPDX-License-Identifier: MIT
"""Kinds that are found out or given: gopen, listening descriptors, socket pairs, A!!B."""
import os
import pty
import socket
import stat
import subprocess
import tty

import pytest

from conftest import PLUG, until

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
