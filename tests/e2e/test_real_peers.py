# SPDX-License-Identifier: MIT
"""Real programs on either side: curl and an HTTP server, ncat, socat, openssl, dig and dnsmasq."""
import hashlib
import os
import socket
import subprocess
import sys

import pytest

from conftest import PATIENCE, find, free_port, need, until

SIZE = 100 * 1000 * 1000
CLIENTS = 64

# The standard library's HTTP server as a program; a path with a slash is a Unix socket.
SERVER = """
import http.server, os, socket, socketserver, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def address_string(self): return "peer"
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128
class UnixServer(Server):
    address_family = socket.AF_UNIX
    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", 80
    def get_request(self):
        s, _ = self.socket.accept()
        return s, ("peer", 0)
where, folder = sys.argv[1:]
server = UnixServer(where, Handler) if "/" in where else Server(("127.0.0.1", 0), Handler)
os.chdir(folder)
print(server.server_address[1] if "/" not in where else where, flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A folder with a file of 100 MB that does not repeat, and its digest."""
    folder = tmp_path_factory.mktemp("www")
    digest = hashlib.sha256()
    with open(folder / "big", "wb") as f:
        left, seed = SIZE, b"plug"
        while left:
            seed = hashlib.sha256(seed).digest()
            piece = hashlib.shake_256(seed).digest(min(left, 1000 * 1000))
            digest.update(piece)
            f.write(piece)
            left -= len(piece)
    return folder, digest.hexdigest()


def http_server(run, where, folder):
    server = run(sys.executable, "-c", SERVER, where, folder)
    return server.p.stdout.readline().decode().strip()


def fetch(run, port, path, clients):
    """Every client compares what it gets with the file, byte by byte."""
    url = f"http://127.0.0.1:{port}/big"
    script = f'curl -sS --fail --max-time 240 "{url}" | cmp - "{path}"'
    jobs = [run("bash", "-o", "pipefail", "-c", script) for _ in range(clients)]
    for job in jobs:
        status, out, err = job.finish(patience=240)
        assert status == 0, (out, err)


@pytest.mark.parametrize("clients", [1, CLIENTS])
def test_curl_through_tcp_to_tcp(plug, run, big, clients):
    need("curl", "cmp")
    target = http_server(run, "tcp", big[0])
    p = plug("tcp-listen://127.0.0.1:0", f"tcp://127.0.0.1:{target}", ready=1)
    fetch(run, p.port(), big[0] / "big", clients)
    assert p.p.poll() is None


@pytest.mark.parametrize("clients", [1, CLIENTS])
def test_curl_through_tcp_to_unix(plug, run, big, short_dir, clients):
    need("curl", "cmp")
    target = http_server(run, short_dir / "www.sock", big[0])
    p = plug("tcp-listen://127.0.0.1:0", f"unix://{target}", ready=1)
    fetch(run, p.port(), big[0] / "big", clients)
    assert p.p.poll() is None


def test_curl_through_socats_grammar(plug, run, big):
    need("curl", "cmp")
    target = http_server(run, "tcp", big[0])
    p = plug("TCP-LISTEN:0,fork,reuseaddr,bind=127.0.0.1", f"TCP:127.0.0.1:{target}", ready=1)
    fetch(run, p.port(), big[0] / "big", 4)


TEXT = b"".join(b"%d said the peer\n" % i for i in range(20000))


def test_ncat_client_through_listener(plug, run):
    need("ncat")
    p = plug("tcp-listen://127.0.0.1:0#once", "exec:cat", ready=1)
    client = run("ncat", "--no-shutdown", "127.0.0.1", p.port(), stdin=subprocess.PIPE)
    client.p.stdin.write(b"hello\n")
    client.p.stdin.flush()
    assert client.p.stdout.readline() == b"hello\n"
    client.end()
    p.wait()


def test_ncat_server_behind_client(plug, run):
    """All is read back before the end: ncat itself loses what is under way at a half-close."""
    need("ncat")
    port = free_port()
    server = run("ncat", "-l", "127.0.0.1", port, "--exec", find("cat"))
    until(lambda: listens(port), "ncat listens")
    p = plug("-", f"tcp://127.0.0.1:{port}", stdin=subprocess.PIPE)
    for start in range(0, len(TEXT), 10000):
        piece = TEXT[start:start + 10000]
        p.p.stdin.write(piece)
        p.p.stdin.flush()
        assert p.p.stdout.read(len(piece)) == piece
    status, out, err = p.finish()
    assert (status, out) == (0, b""), err
    server.wait()


def test_socat_client_through_listener(plug, run):
    need("socat")
    p = plug("tcp-listen://127.0.0.1:0#once", "exec:cat", ready=1)
    client = run("socat", "-t", "20", "-", f"TCP:127.0.0.1:{p.port()}", stdin=subprocess.PIPE)
    status, out, err = client.finish(TEXT)
    assert (status, out) == (0, TEXT), err
    assert p.wait() == 0


def test_socat_server_behind_client(plug, run, short_dir):
    need("socat")
    path = short_dir / "s"
    run("socat", f"UNIX-LISTEN:{path}", "EXEC:cat")
    until(path.exists, "socat listens")
    p = plug("-", f"unix://{path}", stdin=subprocess.PIPE)
    assert p.finish(TEXT)[:2] == (0, TEXT)


def test_socat_udp_both_ways(plug, run):
    need("socat")
    p = plug("udp-listen://127.0.0.1:0", "exec:cat", ready=1)
    client = run("socat", "-t", "5", "-", f"UDP:127.0.0.1:{p.port()}", stdin=subprocess.PIPE)
    client.p.stdin.write(b"ping\n")
    client.p.stdin.flush()
    assert client.p.stdout.readline() == b"ping\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    need("openssl")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-keyout", folder / "key", "-out", folder / "cert"],
        check=True, capture_output=True)
    return folder


def test_openssl_s_client_to_s_server(plug, run, certificate):
    """TLS is bytes to the relay: client and server are both OpenSSL's, plug stands between."""
    port = free_port()
    server = run("openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert",
                 certificate / "cert", "-key", certificate / "key", "-rev", "-quiet")
    until(lambda: listens(port), "s_server listens")
    p = plug("tcp-listen://127.0.0.1:0#once", f"tcp://127.0.0.1:{port}", ready=1)
    client = run("openssl", "s_client", "-quiet", "-CAfile", certificate / "cert", "-connect",
                 f"127.0.0.1:{p.port()}", stdin=subprocess.PIPE)
    client.p.stdin.write(b"stressed desserts\n")
    client.p.stdin.flush()
    assert client.p.stdout.readline() == b"stressed desserts\n"[-2::-1] + b"\n"
    client.end()
    assert server.p.poll() is None
    p.wait()


def listens(port):
    """Looks without connecting: a connection would use up a server that takes one."""
    want = f"0100007F:{port:04X}"
    with open("/proc/net/tcp") as f:
        return any(want in line and " 0A " in line for line in f)


def listens_udp(port):
    with open("/proc/net/udp") as f:
        return any(f"0100007F:{port:04X}" in line for line in f)


def dnsmasq(run, tmp_path):
    """A resolver on loopback; its port, which another process may take first, is tried again."""
    for _ in range(10):
        port = free_port(socket.SOCK_DGRAM)
        argv = [find("dnsmasq"), "--no-daemon", "--conf-file=/dev/null", f"--port={port}",
                "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts",
                f"--pid-file={tmp_path / 'pid'}", "--address=/plug.test/192.0.2.7"]
        if os.geteuid() == 0:
            argv += ["--user=root", "--group=root"]
        server = run(*argv)
        until(lambda: server.p.poll() is not None or (listens(port) and listens_udp(port)),
              "dnsmasq is bound, or has ended")
        if server.p.poll() is None:
            return port
    raise AssertionError(f"dnsmasq does not start: {server.stderr()}")


def test_dig_through_udp_relay_to_dnsmasq(plug, run, tmp_path):
    need("dig", "dnsmasq")
    port = dnsmasq(run, tmp_path)
    p = plug("udp-listen://127.0.0.1:0", f"udp://127.0.0.1:{port}", ready=1)
    digs = [run("dig", "+short", "+tries=3", "@127.0.0.1", "-p", p.port(), f"n{i}.plug.test")
            for i in range(20)]
    for d in digs:
        status, out, err = d.finish(patience=PATIENCE)
        assert (status, out) == (0, b"192.0.2.7\n"), (out, err, p.stderr())
