# SPDX-License-Identifier: MIT
"""Ten thousand short UDP sessions: each has its answer, and when they are over nothing is left of them."""
import os
import pathlib
import select
import signal
import socket
import threading

import pytest

from conftest import PATIENCE, sanitized, until

SESSIONS, WAVE, TOGETHER = 10000, 400, 200


@pytest.fixture
def echo():
    """Gives each datagram back to where it came from."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]

    def serve():
        while True:
            data, peer = s.recvfrom(2048)
            if data == b"stop":
                return
            s.sendto(data, peer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield port
    s.sendto(b"stop", ("127.0.0.1", port))
    thread.join()
    s.close()


def ask(port, first):
    """TOGETHER peers with a question each; UDP may lose one, so it is asked again."""
    waiting = {}
    for i in range(TOGETHER):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(("127.0.0.1", port))
        waiting[s] = b"question %d" % (first + i)
    turns = 0
    while waiting:
        assert turns < PATIENCE, f"{len(waiting)} of {TOGETHER} have no answer"
        turns += 1
        for s, question in waiting.items():
            s.send(question)
        while readable := select.select(list(waiting), [], [], 1 if waiting else 0)[0]:
            for s in readable:
                assert s.recv(2048) == waiting.pop(s)
                s.close()


def descriptors(p):
    return len(os.listdir(f"/proc/{p.pid}/fd"))


def memory(p):
    text = pathlib.Path(f"/proc/{p.pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS:"))


def test_ten_thousand_sessions_leave_nothing(plug, echo):
    p = plug("udp-listen://127.0.0.1:0#idle-timeout=0.2", f"udp://127.0.0.1:{echo}", ready=1)
    port = p.port()
    at_first = descriptors(p)
    early = 0
    for first in range(0, SESSIONS, TOGETHER):
        ask(port, first)
        if (first + TOGETHER) % WAVE == 0:
            until(lambda: descriptors(p) <= at_first, "all sessions end")
            early = early if first > 5 * WAVE else memory(p)  # by then the pools are as large as they get
    if not sanitized():  # which keeps freed memory for a while, and looks for leaks itself at the end
        assert memory(p) < early + 512
    p.p.send_signal(signal.SIGTERM)
    assert p.wait() in (0, 128 + signal.SIGTERM), p.stderr()
