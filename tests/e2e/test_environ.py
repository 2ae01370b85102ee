# SPDX-License-Identifier: MIT
"""What a program that serves a session finds in its environment, under socat's names and plug's."""
import os
import re
import socket
import subprocess

import pytest

from conftest import PLUG, connect, need, read_all


def environ_of(data):
    pairs = (line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
    return {k: v for k, v in pairs if k.startswith(("SOCAT_", "PLUG_"))}


def asked(plug, address, family=socket.AF_INET, host="127.0.0.1"):
    p = plug(address, "exec:env", ready=1, env={"SOCAT_PID": "stale", "PLUG_PID": "stale"})
    with socket.socket(family) as c:
        c.settimeout(30)
        c.connect((host, p.port()))
        return p, c.getsockname(), environ_of(read_all(c))


def test_of_a_caller(plug):
    p, caller, env = asked(plug, "tcp-listen://127.0.0.1:0#once")
    for prefix in ("SOCAT", "PLUG"):
        assert env[f"{prefix}_PEERADDR"] == "127.0.0.1"
        assert env[f"{prefix}_PEERPORT"] == str(caller[1])
        assert env[f"{prefix}_SOCKADDR"] == "127.0.0.1"
        assert env[f"{prefix}_SOCKPORT"] == str(p.port())
        assert env[f"{prefix}_PID"] == str(p.pid) == env[f"{prefix}_PPID"]
        assert re.fullmatch(r"\d+\.\d+\.\d+", env[f"{prefix}_VERSION"])
    assert env["PLUG_SESSION"] == "1"


def test_of_a_caller_by_ipv6(plug):
    p, caller, env = asked(plug, "tcp-listen://[::1]:0#once", socket.AF_INET6, "::1")
    assert env["SOCAT_PEERADDR"] == "[0000:0000:0000:0000:0000:0000:0000:0001]"
    assert env["PLUG_PEERADDR"] == "[::1]"
    assert env["SOCAT_PEERPORT"] == str(caller[1])


def test_of_a_caller_by_udp(plug):
    p = plug("udp-listen://127.0.0.1:0#once", "exec:env", ready=1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
        c.settimeout(30)
        c.connect(("127.0.0.1", p.port()))
        c.send(b"x")
        data = c.recv(65536)
        while b"PLUG_PEERPORT=" not in data:
            data += c.recv(65536)
        assert environ_of(data)["PLUG_PEERPORT"] == str(c.getsockname()[1])


def test_of_a_caller_by_a_path(plug, short_dir):
    p = plug(f"unix-listen://{short_dir}/s", "exec:env", ready=1)
    with socket.socket(socket.AF_UNIX) as c:
        c.settimeout(30)
        c.connect(f"{short_dir}/s")
        env = environ_of(read_all(c))
    assert env["SOCAT_SOCKADDR"] == f"{short_dir}/s"
    assert "SOCAT_PEERPORT" not in env


def test_each_session_has_its_own(plug):
    p = plug("tcp-listen://127.0.0.1:0", "exec:env", ready=1)
    for n in (1, 2):
        with connect(p.port()) as c:
            env = environ_of(read_all(c))
            assert env["PLUG_SESSION"] == str(n)
            assert env["PLUG_PEERPORT"] == str(c.getsockname()[1])


def test_a_program_alone_has_no_peer(plug):
    p = plug("-u", "exec:env", "-", stdin=subprocess.DEVNULL)
    _, out, _ = p.finish()
    env = environ_of(out)
    assert env["SOCAT_PID"] == str(p.pid) and "SOCAT_PEERADDR" not in env


@pytest.mark.parametrize("name", ["SOCKADDR", "SOCKPORT", "PEERADDR"])
def test_socats_names_have_socats_values(plug, run, name):
    """The same line through both programs: the program sees the same."""
    need("socat")
    value = f"exec:printenv SOCAT_{name}"
    said = []
    for program, more in ((PLUG, []), ("socat", [])):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        p = run(program, *more, f"TCP4-LISTEN:{port},reuseaddr,bind=127.0.0.1", value,
                env=dict(os.environ))
        for _ in range(3000):
            try:
                c = connect(port, 30)
                break
            except ConnectionRefusedError:
                assert p.p.poll() is None, p.stderr()
        with c:
            said.append(read_all(c).decode().strip().replace(str(port), "PORT"))
    assert said[0] == said[1]
