# SPDX-License-Identifier: MIT
"""The datagram forms beside socat's own: the same command on both sides, in either place; and
many short sessions, which must leave nothing behind."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from conftest import PLUG, find, free_port, need, sanitized, until

UDP = socket.SOCK_DGRAM


def bound(port):
    """A UDP socket is bound to the port, of whatever program."""
    for name in ("udp", "udp6"):
        try:
            with open(f"/proc/net/{name}", encoding="ascii") as f:
                if any(line.split()[1].endswith(":%04X" % port) for line in f.readlines()[1:]):
                    return True
        except FileNotFoundError:
            pass
    return False


@pytest.fixture(params=["plug", "socat"])
def server(request, plug, run):
    """Starts a command line that socat and plug both take, by the one or the other."""
    def start(*args, where):
        if request.param == "socat":
            need("socat")
            p = run(find("socat"), *args, stdin=subprocess.DEVNULL)
        else:
            p = plug(*args, stdin=subprocess.DEVNULL)
        until(lambda: os.path.exists(where) if isinstance(where, str) else bound(where),
              f"{request.param} is there")
        return p
    return start


@pytest.fixture(params=["plug", "socat"])
def client(request, plug, run):
    def start(*args, data=b""):
        if request.param == "socat":
            need("socat")
            p = run(find("socat"), "-T3", *args, stdin=subprocess.PIPE)
        else:
            p = plug(*args, stdin=subprocess.PIPE)
        return p.finish(data)
    return start


def ask(args, server_of, client_of, where, to, data=b"Ask Me\n"):
    server_of(*args, where=where)
    status, out, err = client_of("-", to, data=data)
    assert status == 0, err
    return out


def test_recvfrom_answers_each_with_fork(server, client):
    port = free_port(UDP)
    server(f"UDP4-RECVFROM:{port},fork", "EXEC:'tr a-z A-Z'", where=port)
    for word in (b"one", b"two"):
        status, out, err = client("-", f"UDP4-SENDTO:127.0.0.1:{port}", data=word)
        assert (status, out) == (0, word.upper()), err


def test_recvfrom_without_fork_serves_one(server, client):
    port = free_port(UDP)
    p = server(f"UDP4-RECVFROM:{port}", "EXEC:'tr a-z A-Z'", where=port)
    assert client("-", f"UDP4-SENDTO:127.0.0.1:{port}", data=b"x")[:2] == (0, b"X")
    assert p.wait() == 0, p.stderr()


def test_recv_takes_from_all(server, client, tmp_path):
    port, out = free_port(UDP), tmp_path / "out"
    server("-u", f"UDP4-RECV:{port}", f"OPEN:{out},creat,append", where=port)
    for word in (b"one ", b"two "):
        assert client("-u", "-", f"UDP4-SENDTO:127.0.0.1:{port}", data=word)[0] == 0
    until(lambda: out.exists() and out.read_bytes() == b"one two ", "both came")


def test_recv_keeps_to_its_range(server, client, tmp_path):
    port, out = free_port(UDP), tmp_path / "out"
    server("-u", f"UDP4-RECV:{port},range=127.0.0.8/29", f"OPEN:{out},creat,append", where=port)
    for host, word in (("127.0.0.5", b"no "), ("127.0.0.9", b"yes "), ("127.0.0.16", b"no "),
                       ("127.0.0.15", b"yes ")):
        assert client("-u", "-", f"UDP4-SENDTO:127.0.0.1:{port},bind={host}", data=word)[0] == 0
    until(lambda: out.exists() and out.read_bytes() == b"yes yes ", "the two came")


def test_datagram_of_a_group_on_loopback(server, client, tmp_path):
    port, out = free_port(UDP), tmp_path / "out"
    server("-u", f"UDP4-RECV:{port},reuseaddr,ip-add-membership=239.1.2.4:127.0.0.1",
           f"OPEN:{out},creat,append", where=port)
    assert client("-u", "-", f"UDP4-DATAGRAM:239.1.2.4:{port},bind=127.0.0.1,"
                  "ip-multicast-if=127.0.0.1,ip-multicast-ttl=0", data=b"to the group")[0] == 0
    until(lambda: out.exists() and out.read_bytes() == b"to the group", "it came")


def test_datagram_hears_whom_it_did_not_name(server, client):
    """Asked at one port, it is answered from another, which sendto would not hear."""
    port, other = free_port(UDP), free_port(UDP)
    server(f"UDP4-RECVFROM:{port},fork", f"UDP4-SENDTO:127.0.0.1:{other},bind=127.0.0.1",
           where=port)
    with socket.socket(socket.AF_INET, UDP) as s:
        s.bind(("127.0.0.1", other))
        s.settimeout(20)
        assert client("-u", "-", f"UDP4-DATAGRAM:127.0.0.1:{port}", data=b"hello")[0] == 0
        data, peer = s.recvfrom(100)
        assert data == b"hello"
        s.sendto(b"back", peer)


def test_unix_recvfrom_and_sendto(server, client, short_dir):
    server(f"UNIX-RECVFROM:{short_dir}/s,fork", "EXEC:'tr a-z A-Z'", where=f"{short_dir}/s")
    for word in (b"one", b"two"):
        status, out, err = client("-", f"UNIX-SENDTO:{short_dir}/s,bind={short_dir}/c", data=word)
        assert (status, out) == (0, word.upper()), err


def test_unix_recv_and_client(server, client, short_dir, tmp_path):
    out = tmp_path / "out"
    server("-u", f"UNIX-RECV:{short_dir}/s", f"OPEN:{out},creat,append", where=f"{short_dir}/s")
    for kind in ("UNIX-SENDTO", "UNIX-CLIENT"):
        assert client("-u", "-", f"{kind}:{short_dir}/s", data=b"told ")[0] == 0
    until(lambda: out.exists() and out.read_bytes() == b"told told ", "both came")


def test_abstract_names(server, client, tmp_path):
    out, name = tmp_path / "out", f"plug-e2e-{os.getpid()}"

    def there():
        with open("/proc/net/unix", encoding="ascii", errors="replace") as f:
            return f"@{name}" in f.read()

    server("-u", f"ABSTRACT-RECV:{name}", f"OPEN:{out},creat,append", where="/")
    until(there, "the name is there")
    assert client("-u", "-", f"ABSTRACT-SENDTO:{name}", data=b"told")[0] == 0
    until(lambda: out.exists() and out.read_bytes() == b"told", "it came")


def test_both_spellings_are_one(plug):
    p = plug("udp4-recvfrom://127.0.0.1:0", "exec:cat", ready=1)
    for address in (f"udp4-sendto://127.0.0.1:{p.port()}", f"UDP4-SENDTO:127.0.0.1:{p.port()}",
                    f"udp-datagram://127.0.0.1:{p.port()}"):
        q = plug("-", address, stdin=subprocess.PIPE)
        assert q.finish(b"there and back")[:2] == (0, b"there and back"), q.stderr()


def test_broadcast_needs_its_option(plug):
    """On loopback's own address, so that no other network is needed."""
    p = plug("-u", "text:x", "udp4-datagram://127.255.255.255:9")
    assert p.wait() == 8
    assert "permission denied" in p.stderr() and "broadcast" in p.stderr()


# ---- many short sessions ----

def live_of(p):
    """Asks by USR1; sessions so far and alive."""
    before = p.stderr().count("STATISTICS: relay 1:")
    p.p.send_signal(signal.SIGUSR1)
    until(lambda: p.stderr().count("STATISTICS: relay 1:") > before, "statistics")
    found = re.findall(r"STATISTICS: relay 1: (\d+) sessions, (\d+) live", p.stderr())
    return tuple(map(int, found[-1]))


def memory_of(p):
    with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1])


def short_sessions(port, n, batch=100):
    for _ in range(n // batch):
        peers = [socket.socket(socket.AF_INET, UDP) for _ in range(batch)]
        for i, s in enumerate(peers):
            s.settimeout(20)
            s.connect(("127.0.0.1", port))
            s.send(b"session %d" % i)
        for i, s in enumerate(peers):
            assert s.recv(100) == b"session %d" % i
            s.close()


def test_ten_thousand_short_sessions_leave_nothing(plug):
    p = plug("udp-listen://127.0.0.1:0#idle-timeout=0.1", "echo:", ready=1)
    handles = len(os.listdir(f"/proc/{p.pid}/fd"))
    after = []
    for total in range(500, 10001, 500):  # never more at once, which is what memory grows by
        short_sessions(p.port(), 500)
        until(lambda: live_of(p)[1] == 0, "all sessions have ended")
        after.append((total, memory_of(p)))
    assert live_of(p)[0] > 9000  # a port that the system gives again soon meets its session
    assert len(os.listdir(f"/proc/{p.pid}/fd")) <= handles + 2
    if not sanitized():  # that keeps what was freed for a while, and tells leaks itself at the end
        assert after[-1][1] - after[len(after) // 2][1] < 256, after
    p.p.send_signal(signal.SIGTERM)
    assert p.wait() == 143
    assert "LeakSanitizer" not in p.stderr()


def test_a_thousand_single_records_leave_nothing(plug):
    p = plug("udp-recvfrom://127.0.0.1:0", "echo:", ready=1)
    short_sessions(p.port(), 1000, batch=50)
    until(lambda: live_of(p) == (1000, 0), "all sessions have ended")
    p.p.send_signal(signal.SIGTERM)
    assert p.wait() == 143


def test_a_record_that_comes_as_silence_ends_its_session(plug):
    """-T has run out and a record is there when plug runs again: it begins the next session."""
    p = plug("-T", "0.1", "udp-listen://127.0.0.1:0", "exec:cat", ready=1)
    s = socket.socket(socket.AF_INET, UDP)
    s.settimeout(20)
    s.connect(("127.0.0.1", p.port()))
    for i in range(5):
        s.send(b"first %d" % i)
        assert s.recv(100) == b"first %d" % i
        p.p.send_signal(signal.SIGSTOP)
        over = time.monotonic() + 0.2
        s.send(b"late %d" % i)
        until(lambda: time.monotonic() > over, "the silence is over")
        p.p.send_signal(signal.SIGCONT)
        assert s.recv(100) == b"late %d" % i
    p.p.send_signal(signal.SIGTERM)
    assert p.wait() == 143


# ---- between network namespaces ----

@pytest.fixture
def two_hosts(run):
    """Two namespaces with a cable: 10.77.0.1 and 10.77.0.2 on eth0."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    need("ip", "nsenter", "unshare")
    holders = []
    for _ in range(2):
        p = run("unshare", "-n", "sleep", "300")
        until(lambda q=p: os.readlink(f"/proc/{q.pid}/ns/net") !=
              os.readlink("/proc/self/ns/net"), "the namespace")
        holders.append(p)
    into = [["nsenter", "-t", str(p.pid), "-n"] for p in holders]

    def ip(*args, at):
        subprocess.run([*into[at], "ip", *args], check=True, timeout=20)

    ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns",
       str(holders[1].pid), at=0)
    for i in range(2):
        ip("link", "set", "lo", "up", at=i)
        ip("addr", "add", f"10.77.0.{i + 1}/24", "dev", "eth0", at=i)
        ip("addr", "add", f"fd77::{i + 1}/64", "dev", "eth0", "nodad", at=i)
        ip("link", "set", "eth0", "up", at=i)
        ip("route", "add", "224.0.0.0/4", "dev", "eth0", at=i)
    return into


def receiver(plug, into, address, out):
    p = plug("-d", "-d", "-u", address, f"open:{out},creat,append", before=into)
    until(lambda: "session 1 opened" in p.stderr(), "the receiver is there")
    return p


def test_multicast_between_namespaces(plug, two_hosts, tmp_path):
    """A group, one sender of it, a sender that is another, and who is no member."""
    here, there = two_hosts
    outs = {}
    for name, more in (
            ("member", "ip-add-membership=239.7.7.7:10.77.0.2"),
            ("of-this-sender", "ip-add-source-membership=239.7.7.7:eth0:10.77.0.1"),
            ("of-another", "ip-add-source-membership=239.7.7.7:eth0:10.77.0.9"),
            ("nobody", "ttl=1")):
        outs[name] = tmp_path / name
        receiver(plug, there, f"udp4-recv:7707,reuseaddr,ip-multicast-all=0,{more}", outs[name])
    p = plug("-u", "text:to the group", "udp4-datagram:239.7.7.7:7707,ip-multicast-ttl=2,"
             "ip-multicast-if=eth0", before=here)
    assert p.wait() == 0, p.stderr()
    for name in ("member", "of-this-sender"):
        until(lambda n=name: outs[n].exists() and outs[n].read_bytes() == b"to the group", name)
    p = plug("-u", "text:to all here", "udp4-datagram:10.77.0.255:7707,broadcast", before=here)
    assert p.wait() == 0, p.stderr()
    for name in ("of-another", "nobody"):  # what came behind the group's record came alone
        until(lambda n=name: b"to all here" in outs[n].read_bytes(), name)
        assert outs[name].read_bytes() == b"to all here"


def test_multicast_of_ip6_between_namespaces(plug, two_hosts, tmp_path):
    here, there = two_hosts
    out, other = tmp_path / "out", tmp_path / "other"
    receiver(plug, there, "udp6-recv:7708,reuseaddr,ipv6-join-group=[ff02::7707]:eth0", out)
    receiver(plug, there, "udp6-recv:7708,reuseaddr,"
             "ipv6-join-source-group=[ff02::7707]:eth0:[fd77::1]", other)
    p = plug("-u", "text:six", "udp6-datagram:[ff02::7707]:7708,multicast-if=eth0,bind=[fd77::1]",
             before=here)
    assert p.wait() == 0, p.stderr()
    for o in (out, other):
        until(lambda f=o: f.exists() and f.read_bytes() == b"six", "it came")


def test_multicast_time_to_live_on_the_wire(plug, two_hosts):
    """Seen by a program of its own on the other side."""
    here, there = two_hosts
    code = ("import socket,sys;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
            "s.bind(('',7709));s.setsockopt(0,12,1);"
            "s.setsockopt(0,socket.IP_ADD_MEMBERSHIP,socket.inet_aton('239.7.7.8')+socket.inet_aton('10.77.0.2'));"
            "print('ready',flush=True);d,a,f,p=s.recvmsg(99,64);"
            "print(d.decode(),a[0][2][0],p[0],flush=True)")
    q = subprocess.Popen([*there, "/usr/bin/python3", "-c", code], stdout=subprocess.PIPE,
                         text=True)
    try:
        assert q.stdout.readline() == "ready\n"
        p = plug("-u", "text:ttl", "udp4-datagram:239.7.7.8:7709,multicast-ttl=9,"
                 "multicast-if=10.77.0.1", before=here)
        assert p.wait() == 0, p.stderr()
        assert q.stdout.readline() == "ttl 9 10.77.0.1\n"
    finally:
        q.kill()
        q.wait()


# ---- what comes with a datagram ----

@pytest.mark.parametrize("kind", ["udp4-recv", "udp4-listen", "udp4-recvfrom", "udp4-datagram"])
def test_what_comes_with_a_datagram_is_shown(plug, kind):
    port = free_port(UDP)
    where = {"udp4-listen": f"{port},bind=127.0.0.1", "udp4-recvfrom": f"{port}",
             "udp4-recv": f"{port}", "udp4-datagram": f"127.0.0.1:9,bind=:{port}"}[kind]
    p = plug("-v", "-u", f"{kind}:{where},recvttl,ip-recvtos,ip-pktinfo,so-timestamp",
             "create:/dev/null")
    until(lambda: bound(port), "it is bound")
    with socket.socket(socket.AF_INET, UDP) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 33)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 16)
        s.sendto(b"hello\n", ("127.0.0.1", port))
    until(lambda: "hello" in p.stderr(), "the record")
    (line,) = [x for x in p.stderr().splitlines() if "ttl=33" in x]
    assert "tos=16" in line and "to=127.0.0.1 by=lo" in line and re.search(r"at=\d{10}\.\d{6}", line)


def test_nothing_is_shown_that_was_not_asked_for(plug):
    p = plug("-v", "-u", "udp4-listen://127.0.0.1:0", "create:/dev/null", ready=1)
    with socket.socket(socket.AF_INET, UDP) as s:
        s.sendto(b"hello\n", ("127.0.0.1", p.port()))
    until(lambda: "hello" in p.stderr(), "the record")
    assert "ttl=" not in p.stderr() and "to=127" not in p.stderr()
