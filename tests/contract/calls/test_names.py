# SPDX-License-Identifier: MIT
"""plug_gethostbyname against a name service of the test's own: a hosts file and a name server that
knows one name, denies others and never answers for one. All in namespaces that end with the test."""
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap

import pytest

FOLDER = pathlib.Path(os.environ["CALLS"])
SERVER = textwrap.dedent("""
    import socket, struct
    KNOWN = {b"\\x04host\\x07example\\x00": {1: [bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])],
                                         28: [bytes.fromhex("20010db8" + "0" * 23 + "1")]}}
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 53))
    print("ready", flush=True)
    while True:
        q, who = s.recvfrom(512)
        end = q.index(b"\\0", 12) + 1
        name, kind = q[12:end], struct.unpack(">H", q[end:end + 2])[0]
        if name.startswith(b"\\x06silent"):
            continue
        found = KNOWN.get(name.lower(), {}).get(kind, [])
        code = 0x8180 if name.lower() in KNOWN else 0x8183
        if name.startswith(b"\\x06broken"):
            code = 0x8182
        head = q[:2] + struct.pack(">HHHHH", code, 1, len(found), 0, 0)
        body = b"".join(b"\\xc0\\x0c" + struct.pack(">HHIH", kind, 1, 60, len(a)) + a for a in found)
        s.sendto(head + q[12:end + 4] + body, who)
    """)


@pytest.fixture
def ask(tmp_path):
    """Runs a program where only that name service is."""
    if subprocess.run(["unshare", "-Urnm", "true"], capture_output=True).returncode:
        pytest.skip("no namespaces here")
    files = {"hosts": "127.0.0.1 localhost\n192.0.2.77 filed.example filed\n::7 filed.example\n",
             "resolv.conf": "nameserver 127.0.0.1\noptions timeout:20 attempts:1\n",
             "nsswitch.conf": "hosts: files dns\n"}
    mounts = []
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        if not os.path.exists(f"/etc/{name}"):
            pytest.skip(f"no /etc/{name} to stand in for")
        mounts.append(f"mount --bind {tmp_path / name} /etc/{name}")
    (tmp_path / "server.py").write_text(SERVER)
    script = " && ".join(["ip link set lo up", *mounts]) + textwrap.dedent(f"""
        coproc {{ exec {sys.executable} {tmp_path}/server.py; }}
        server=$COPROC_PID
        trap 'kill $server' EXIT
        read -r ready <&"${{COPROC[0]}}" || exit 9
        "$@"
        """)

    def call(program, *args):
        done = subprocess.run(["unshare", "-Urnm", "bash", "-c", script, "bash",
                               str(FOLDER / program), *args], capture_output=True, timeout=60,
                              env={k: v for k, v in os.environ.items() if k != "RES_OPTIONS"})
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().splitlines()

    if not shutil.which("ip"):
        pytest.skip("ip is missing")
    return call


def answer(line):
    return line.split(" after ")[0]


def millis(line):
    return int(line.split(" after ")[1].split()[0])


def test_a_name_in_both_families(ask):
    line, = ask("calls_names", "10000", "host.example")
    # RFC 8305: the families alternate, IPv6 first
    assert answer(line).split() == ["[2001:db8::1]:80", "192.0.2.1:80", "192.0.2.2:80"] or \
        answer(line).split() == ["[2001:db8::1]:80", "192.0.2.2:80", "192.0.2.1:80"]
    assert ask("calls_peer", "gethostbyname=host.example")[0] in (
        "gethostbyname 192.0.2.1", "gethostbyname 192.0.2.2")


def test_literals_are_not_asked_for(ask):
    lines = ask("calls_names", "10000", "192.0.2.9", "2001:db8::9", "localhost")
    assert [answer(at) for at in lines] == ["192.0.2.9:80", "[2001:db8::9]:80",
                                            "[::1]:80 127.0.0.1:80"]


def test_the_hosts_file_is_read(ask):
    line, = ask("calls_names", "10000", "filed.example")
    assert answer(line) == "[::7]:80 192.0.2.77:80"


def test_an_unknown_name(ask):
    line, = ask("calls_names", "10000", "nobody.example")
    assert answer(line) == "ENOHOST" and "nobody.example" in line
    assert ask("calls_peer", "gethostbyname=nobody.example") == ["gethostbyname -"]


def test_a_server_that_fails(ask):
    line, = ask("calls_names", "10000", "broken.example")
    assert answer(line) == "EDNS"


def test_a_server_that_never_answers_keeps_the_deadline(ask):
    line, = ask("calls_names", "300", "silent.example")
    assert answer(line) == "ETIMEDOUT"
    assert 300 <= millis(line) < 5000  # far from the 20 s of the resolver itself


def test_a_lookup_is_cancelled_by_close(ask):
    lines = ask("calls_names", "cancel", "silent.example", "silent.example")
    for line in lines:
        assert answer(line) == "EAGAIN"
        assert millis(line) < 5000
