# SPDX-License-Identifier: MIT
"""example_driver.py SHELL LINE FOLDER: runs one example as a person would, in namespaces of its own
(test_examples.py makes them): its hosts exist here, and something answers on its ports.

It ends with 0 when the command did, or when it listens, or when it goes on without a complaint."""
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time

SETTLED = 3.0     # a command that runs so long without a complaint is meant to run
PATIENCE = 30.0

HOST = re.compile(r"[a-z0-9.-]+\.(?:org|example|com|net)\b|(?<=//)host\b")
IPV4 = re.compile(r"(?<![\d.])(\d+\.\d+\.\d+\.\d+)(?![\d.])")
IPV6 = re.compile(r"\[([0-9a-f:]*:[0-9a-f:]+)\]")


def quietly(*argv):
    subprocess.run(argv, check=False, capture_output=True)


def make_world(line, folder):
    quietly("ip", "link", "set", "lo", "up")
    for address in IPV4.findall(line):
        if not address.startswith(("127.", "0.", "22", "23")):
            quietly("ip", "address", "add", f"{address}/32", "dev", "lo")
    for address in IPV6.findall(line):
        quietly("ip", "address", "add", f"{address}/128", "dev", "lo", "nodad")
    quietly("ip", "route", "add", "224.0.0.0/4", "dev", "lo")
    hosts = os.path.join(folder, "hosts")
    with open(hosts, "w", encoding="ascii") as f:
        f.write("127.0.0.1 localhost\n::1 localhost\n")
        for name in set(HOST.findall(line)):
            f.write(f"127.0.0.1 {name}\n::1 {name}\n")
    quietly("mount", "--bind", hosts, "/etc/hosts")
    quietly("mount", "-t", "tmpfs", "tmpfs", "/run")


def answer_tcp(s):
    framed = re.search(r"(len16|len32|netstring|cobs)\+", sys.argv[2])

    def one(c):
        c.settimeout(0.3)
        try:
            c.sendall(b"" if framed else b"hello\r\n")
            while c.recv(4096):
                pass
        except OSError:
            pass
        c.close()

    while True:
        c, _ = s.accept()
        threading.Thread(target=one, args=(c,), daemon=True).start()


def answer_udp(s):
    while True:
        data, who = s.recvfrom(65536)
        if who:
            s.sendto(data, who)


def serve(family, kind, address):
    s = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(address)
    except OSError:
        return  # the same address twice in a line
    if kind != socket.SOCK_DGRAM:
        s.listen()
    target = answer_udp if kind == socket.SOCK_DGRAM else answer_tcp
    threading.Thread(target=target, args=(s,), daemon=True).start()


def serve_all(line):
    """Whoever the clients of the line will call."""
    for word in re.findall(r"[^\s'\"]+", line):
        for part in word.split("!!"):
            kind = part.split(":", 1)[0].split("+")[-1].lower()
            if "listen" in kind or "recv" in kind or kind.endswith("-l"):
                continue
            port = re.search(r":(\d+)(?=$|[#,])", part)
            path = re.search(r":(/[^,#]+)", part.replace("://", ":", 1))
            if kind.startswith(("tcp", "inet")) and port:
                serve(socket.AF_INET6, socket.SOCK_STREAM, ("::", int(port.group(1))))
            elif kind.startswith("udp") and port:
                serve(socket.AF_INET6, socket.SOCK_DGRAM, ("::", int(port.group(1))))
            elif (kind.startswith(("unix", "local")) or kind == "gopen") and path:
                kinds = {"dgram": socket.SOCK_DGRAM, "sendto": socket.SOCK_DGRAM,
                         "seqpacket": socket.SOCK_SEQPACKET}
                serve(socket.AF_UNIX, next((v for k, v in kinds.items() if k in kind),
                                           socket.SOCK_STREAM), path.group(1))
            elif kind.startswith("abstract"):
                kinds = {"dgram": socket.SOCK_DGRAM, "sendto": socket.SOCK_DGRAM,
                         "seqpacket": socket.SOCK_SEQPACKET}
                serve(socket.AF_UNIX, next((v for k, v in kinds.items() if k in kind),
                                           socket.SOCK_STREAM),
                      "\0" + re.split(r"[,#]", part.split(":", 1)[1])[0])


def third(line):
    """What the starter of plug leaves open as descriptor 3."""
    if "accept" not in line:
        return os.open(os.devnull, os.O_RDWR)
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()
    return s.detach()


def start(shell, line, folder, fd):
    env = {"PATH": f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder, "SHELL": "/bin/sh",
           "TERM": "dumb", "PS1": "", "PS2": "", "LISTEN_FDNAMES": "http"}
    argv = ["bash", "--norc", "--noprofile", "-i"] if shell == "bash" else ["dash", "-c", line]
    given = "3<&%d" % fd
    argv = ["sh", "-c", f'exec "$@" {given}', "sh", *argv]
    p = subprocess.Popen(argv, cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, pass_fds=[fd])
    if shell == "bash":  # typed, as history expansion and comments are only of an interactive one
        p.stdin.write(f"{line}\nexit $?\n".encode())
    p.stdin.close()
    return p


def watch(p):
    """Returns (why it ended, what it said)."""
    said, begin = {p.stdout: b"", p.stderr: b""}, time.monotonic()
    left = [p.stdout, p.stderr]
    while left:
        readable, _, _ = select.select(left, [], [], 0.1)
        for f in readable:
            piece = os.read(f.fileno(), 4096)
            said[f] += piece
            if not piece:
                left.remove(f)
        if b"plug: listening on" in said[p.stderr]:
            return "listens", said[p.stderr]
        complaint = any(at.startswith(b"plug: ") for at in said[p.stderr].splitlines())
        if time.monotonic() - begin > (PATIENCE if complaint else SETTLED):
            return "goes on", said[p.stderr]
    return p.wait(PATIENCE), said[p.stderr]


def main():
    shell, line, folder = sys.argv[1:]
    make_world(line, folder)
    serve_all(line)
    why, said = watch(start(shell, line, folder, third(line)))
    if why in (0, "listens", "goes on"):
        return 0
    sys.stderr.write(f"{why}: {said.decode(errors='replace')}")
    return 1


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)
