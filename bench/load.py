# SPDX-License-Identifier: MIT
"""The two ends of every measurement of bench/run.py: a server in a process of its own, and clients.

Each load checks that what arrived is what was sent, and raises Broken when it is not.
"""
import hashlib
import os
import signal
import socket
import time

PIECE = 128 * 1024
REQUEST, REPLY = b"q" * 100, b"r" * 1024
LATE = b"the reply that comes after the end  ....", 2.0  # what is said late, and how late
TIMEOUT = 120


class Broken(Exception):
    """Bytes did not arrive as they were sent."""


class Server:
    """A child process that gives each connection to `serve`, one after another. Use it in `with`."""

    def __init__(self, serve):
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = listener.getsockname()[1]
        self.pid = os.fork()
        if self.pid == 0:
            try:
                held = []
                while True:
                    peer, _ = listener.accept()
                    peer.settimeout(TIMEOUT)
                    try:
                        if serve(peer):
                            held.append(peer)
                            continue
                    except OSError:
                        pass  # the client sees what is missing
                    peer.close()
            finally:
                os._exit(1)
        listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), TIMEOUT)


def receive(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            break
        data += piece
    return data


# --- bulk -----------------------------------------------------------------------------------------


def count(peer):
    """Counts up to the end, then says how much it was."""
    buffer = bytearray(2 * PIECE)
    total = 0
    while n := peer.recv_into(buffer):
        total += n
    peer.sendall(b"%d" % total)


def bulk(port, size):
    piece = os.urandom(PIECE)
    with connect(port) as s:
        for _ in range(size // PIECE):
            s.sendall(piece)
        s.shutdown(socket.SHUT_WR)
        got = s.recv(64)
    if int(got or 0) != size // PIECE * PIECE:
        raise Broken(f"{int(got or 0)} of {size} bytes arrived")


# --- every byte both ways -------------------------------------------------------------------------


def digest(peer):
    """Answers all that came with its digest and itself, after the end."""
    data = bytearray()
    while piece := peer.recv(PIECE):
        data += piece
    peer.sendall(hashlib.sha256(data).digest() + data)


def check(port, size=4 << 20):
    data = os.urandom(size)
    with connect(port) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        got = receive(s, 32 + size + 1)
    if got != hashlib.sha256(data).digest() + data:
        raise Broken(f"{len(got)} of {32 + size} bytes came back, or not the same")


# --- short connections ----------------------------------------------------------------------------


def answer(peer):
    if receive(peer, len(REQUEST)) == REQUEST:
        peer.sendall(REPLY)


def short(port, amount, together=32):
    """`amount` connections, `together` in flight: a request, a reply, the end."""
    for _ in range(amount // together):
        peers = [connect(port) for _ in range(together)]
        for s in peers:
            s.sendall(REQUEST)
        for s in peers:
            if receive(s, len(REPLY) + 1) != REPLY:
                raise Broken("a reply is not what was sent")
            s.close()


# --- idle connections, late replies ---------------------------------------------------------------


def hold(peer):
    """Says that it is there and keeps the connection."""
    peer.sendall(b"!")
    return True


def idle(port, amount):
    peers = []
    for _ in range(amount):
        s = connect(port)
        peers.append(s)
        if s.recv(1) != b"!":
            raise Broken("an idle connection did not get through")
    return peers


def late(peer):
    while peer.recv(4096):
        pass
    time.sleep(LATE[1])
    peer.sendall(LATE[0])


def late_reply(port):
    """The bytes of a reply that came 2 s after our half-close."""
    with connect(port) as s:
        s.sendall(REQUEST)
        s.shutdown(socket.SHUT_WR)
        try:
            return len(receive(s, len(LATE[0])))
        except OSError:
            return 0
