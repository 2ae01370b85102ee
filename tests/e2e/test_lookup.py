# SPDX-License-Identifier: MIT
"""How names are looked up: a name server of the test's own, asked by its address, and the ai-*
options. Nothing here asks the machine's real name servers."""
import socket
import struct
import subprocess
import threading

import pytest

from conftest import accept, connect, listener, read_all, read_exactly

A, CNAME, AAAA = 1, 5, 28
NXDOMAIN = 3


def encoded(name):
    return b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0"


def record(name, kind, data):
    return encoded(name) + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


class Server:
    """Answers from a table {(name, type): [records]} by UDP and TCP and keeps what was asked."""

    def __init__(self, table):
        self.table = table
        self.asked = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        while True:  # the same port for both
            self.udp.bind(("127.0.0.1", 0))
            try:
                self.tcp.bind(self.udp.getsockname())
                break
            except OSError:
                self.udp.close()
                self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp.listen(8)
        self.port = self.udp.getsockname()[1]
        for serve in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def answer(self, question, how):
        end, labels = 12, []
        while question[end]:
            labels.append(question[end + 1:end + 1 + question[end]].decode())
            end += 1 + question[end]
        name, kind = ".".join(labels), struct.unpack("!H", question[end + 1:end + 3])[0]
        self.asked.append((name, kind, how, bool(question[2] & 1)))
        known = any(name == n for n, _ in self.table)
        records = self.table.get((name, kind), [])
        flags = 0x8180 | (0 if known else NXDOMAIN)
        head = question[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        return head + question[12:end + 5] + b"".join(records)

    def serve_udp(self):
        try:
            while True:
                data, peer = self.udp.recvfrom(4096)
                self.udp.sendto(self.answer(data, "udp"), peer)
        except OSError:
            pass

    def serve_tcp(self):
        try:
            while True:
                c, _ = self.tcp.accept()
                with c:
                    n = struct.unpack("!H", read_exactly(c, 2))[0]
                    a = self.answer(read_exactly(c, n), "tcp")
                    c.sendall(struct.pack("!H", len(a)) + a)
        except OSError:
            pass

    def close(self):
        self.udp.close()
        self.tcp.close()


@pytest.fixture
def names():
    v4 = socket.inet_aton("127.0.0.1")
    s = Server({
        ("here.example", A): [record("here.example", A, v4)],
        ("alias.example", A): [record("alias.example", CNAME, encoded("here.example")),
                               record("here.example", A, v4)],
        ("six.example", AAAA): [record("six.example", AAAA,
                                       socket.inet_pton(socket.AF_INET6, "::1"))],
    })
    yield s
    s.close()


@pytest.fixture
def has_res(plug):
    p = plug("explain", "tcp:a:1,res-nsaddr=127.0.0.1")
    if p.wait() != 0:
        assert "this system has no" in p.stderr()
        pytest.skip("the C library asks no name servers by itself")


@pytest.mark.parametrize("name", ["here.example", "alias.example"])
def test_a_name_server_of_ones_own(plug, names, has_res, name):
    with listener() as s:
        p = plug("-u", "text:found", f"tcp:{name}:{s.getsockname()[1]},"
                 f"res-nsaddr=127.0.0.1:{names.port}")
        assert read_all(accept(s)) == b"found"
        assert p.wait() == 0, p.stderr()
    assert (name, A, "udp", True) in names.asked and (name, AAAA, "udp", True) in names.asked


def test_a_name_server_of_ones_own_for_udp_and_ip6(plug, names, has_res):
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.bind(("::1", 0))
        s.settimeout(20)
        p = plug("-u", "text:found", f"udp://six.example:{s.getsockname()[1]}#"
                 f"dns=127.0.0.1:{names.port}")
        assert s.recv(100) == b"found"
        assert p.wait() == 0, p.stderr()


def test_a_name_that_its_server_does_not_know(plug, names, has_res):
    p = plug("-", f"tcp:nobody.example:1,res-nsaddr=127.0.0.1:{names.port}")
    assert p.wait() == 3
    assert "no such host" in p.stderr()


def test_a_name_server_that_is_not_there(plug, has_res):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    p = plug("-", f"tcp:here.example:1,res-nsaddr=127.0.0.1:{port}")
    assert p.wait() == 3
    assert "name service failed" in p.stderr()


def test_name_servers_asked_by_tcp_and_not_to_recurse(plug, names, has_res):
    with listener() as s:
        p = plug("-u", "text:found", f"tcp4:here.example:{s.getsockname()[1]},res-usevc,"
                 f"res-recurse=0,nsaddr=127.0.0.1:{names.port}")
        assert read_all(accept(s)) == b"found"
        assert p.wait() == 0, p.stderr()
    assert names.asked == [("here.example", A, "tcp", False)]


@pytest.mark.parametrize("value", ["nowhere", "::1", "[::1]:53", "1.2.3.4:x", "1.2.3.4:70000"])
def test_a_wrong_name_server_is_pointed_at(plug, has_res, value):
    p = plug("-", f"tcp:here.example:1,res-nsaddr={value}")
    assert p.wait() == 2
    line, caret = p.stderr().splitlines()[1:3]
    assert line.index(value, line.index("nsaddr")) == caret.index("^")


@pytest.mark.parametrize("address,heard", [
    ("TCP4-LISTEN:0,ai-passive=0", "127.0.0.1"),
    ("TCP4-LISTEN:0,ai-passive", "0.0.0.0"),
    ("tcp4-listen://:0#ai-passive", "0.0.0.0"),
    ("tcp4-listen://:0#passive=0", "127.0.0.1"),
])
def test_passive_says_where_a_listener_without_a_host_is(plug, address, heard):
    p = plug(address, "echo:", ready=1)
    assert p.where[0].rsplit("//")[1].startswith(heard + ":"), p.where
    c = connect(p.port())
    c.sendall(b"x")
    assert read_exactly(c, 1) == b"x"


def test_ip4_addresses_as_ip6(plug, tmp_path):
    """A name of the hosts file that has IPv4 only; asked for IPv6."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    name = socket.gethostname()
    try:
        found = {a[4][0] for a in socket.getaddrinfo(name, None, socket.AF_INET)}
    except OSError:
        pytest.skip("the machine does not know its own name")
    try:
        if socket.getaddrinfo(name, None, socket.AF_INET6):
            pytest.skip("its name has an IPv6 address")
    except OSError:
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.bind((sorted(found)[0], 0))
        s.listen(4)
        s.settimeout(20)
        port = s.getsockname()[1]
        assert plug("-", f"tcp6:{name}:{port}").wait() == 3
        p = plug("-u", "text:mapped", f"tcp6:{name}:{port},ai-v4mapped,ai-all,ai-addrconfig=0")
        assert read_all(accept(s)) == b"mapped"
        assert p.wait() == 0, p.stderr()


def test_name_of_a_listener_is_asked_of_the_server_too(plug, names, has_res):
    p = plug(f"tcp-listen://here.example:0#res-nsaddr=127.0.0.1:{names.port}", "exec:cat", ready=1,
             stdin=subprocess.DEVNULL)
    c = connect(p.port())
    c.sendall(b"x")
    assert read_exactly(c, 1) == b"x"
