#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares plug with socat as it is shipped, in alternating rounds on this machine, all on loopback.

CPU seconds of the relay (user + system, all its processes) are the figure to trust on a shared machine:
they are counted by the system when the relay has ended. Data is checked in every round. Writes
bench/results.json and prints medians and the ratio plug / socat, round by round.
"""
import argparse
import ctypes
import hashlib
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLUG = os.environ.get("PLUG", str(ROOT / "build" / "plug"))
PIECE = 128 * 1024


def own_network():
    """Starts again in a network namespace: a machine's default may pace even loopback (BBR does)."""
    if os.environ.get("PLUG_BENCH_NETWORK") or not shutil.which("unshare"):
        return
    env = dict(os.environ, PLUG_BENCH_NETWORK="own")
    user = [] if os.geteuid() == 0 else ["-U", "-r"]
    enter = ["unshare", *user, "-n", "sh", "-c",
             'ip link set lo up; sysctl -qw net.ipv4.tcp_congestion_control=reno 2>/dev/null; exec "$@"', "sh"]
    if subprocess.run([*enter, "true"], stderr=subprocess.DEVNULL).returncode == 0:
        os.execvpe(enter[0], [*enter, sys.executable, *sys.argv], env)


def adopt_orphans():
    """A process per connection may outlive its parent by a moment; its CPU must be counted too."""
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Relay:
    """A relay between a port of its own and `target`, ended by SIGTERM; cpu is known after that."""

    def __init__(self, name, target):
        self.name, self.cpu = name, None
        if name == "plug":
            read, write = os.pipe()
            args = [PLUG, f"--ready-fd={write}", "tcp-listen://127.0.0.1:0", f"tcp://127.0.0.1:{target}"]
            self.process = subprocess.Popen(args, pass_fds=[write], stderr=subprocess.DEVNULL)
            os.close(write)
            with os.fdopen(read) as f:
                self.port = int(re.search(r":(\d+)\s*$", f.readline()).group(1))
        else:
            self.port = free_port()
            self.process = subprocess.Popen(
                ["socat", f"TCP-LISTEN:{self.port},fork,reuseaddr,bind=127.0.0.1", f"TCP:127.0.0.1:{target}"],
                stderr=subprocess.DEVNULL)
            self.wait_listening()

    def wait_listening(self):
        wanted = f"0100007F:{self.port:04X} 00000000:0000 0A"
        until = time.monotonic() + 5
        while time.monotonic() < until:
            if wanted in pathlib.Path("/proc/net/tcp").read_text():
                return
            time.sleep(0.01)
        sys.exit(f"{self.name} did not listen")

    def end(self):
        """Ends it and sums what it and every process of its spent: orphans come to us (see adopt_orphans)."""
        self.process.send_signal(signal.SIGTERM)
        self.cpu = 0.0
        while True:
            try:
                _, _, usage = os.wait4(-1, 0)
            except ChildProcessError:
                break
            self.cpu += usage.ru_utime + usage.ru_stime
        self.process.returncode = 0


class Server(threading.Thread):
    """Takes connections one after another: reads until the end, answers what `reply` makes of it."""

    def __init__(self, reply):
        super().__init__(daemon=True)
        self.reply = reply
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                self.reply(peer)

    def close(self):
        self.listener.close()


def sink_and_count(peer):
    buffer = bytearray(PIECE * 2)
    total, check = 0, hashlib.blake2b(digest_size=8)
    while n := peer.recv_into(buffer):
        check.update(buffer[:64])
        total += n
    peer.sendall(str(total).encode())


def one_reply(peer):
    peer.recv(1024)
    peer.sendall(b"r" * 1024)


def bulk(port, size):
    piece = os.urandom(PIECE)
    with socket.create_connection(("127.0.0.1", port)) as s:
        for _ in range(size // PIECE):
            s.sendall(piece)
        s.shutdown(socket.SHUT_WR)
        got = int(s.recv(64) or 0)
    if got != size // PIECE * PIECE:
        sys.exit(f"bulk: {got} of {size} bytes arrived")


def short(port, count):
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(b"q" * 100)
            s.shutdown(socket.SHUT_WR)
            got = 0
            while piece := s.recv(4096):
                got += len(piece)
            if got != 1024:
                sys.exit(f"short: {got} of 1024 bytes arrived")


SCENARIOS = {
    # name: (server's part, client's part, its amount, divisor, unit of the CPU figure)
    "bulk, 1 stream": (sink_and_count, bulk, 512 * 1024 * 1024, 512 / 1000 * 1.048576, "CPU s/GB"),
    "short connections": (one_reply, short, 500, 500 / 1e6, "CPU us/connection"),
}


def measure(name, scenario):
    reply, load, amount, divisor, _ = SCENARIOS[scenario]
    server = Server(reply)
    relay = Relay(name, server.port)
    load(relay.port, amount // 20)  # warm-up, counted: small and the same for both
    start = time.monotonic()
    load(relay.port, amount)
    wall = time.monotonic() - start
    relay.end()
    server.close()
    return relay.cpu / 1.05 / divisor, wall


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", default=str(ROOT / "bench" / "results.json"))
    args = parser.parse_args()
    own_network()
    adopt_orphans()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    results = {"kernel": platform.release(), "cpu": cpu.group(1) if cpu else platform.machine(),
               "cores": os.cpu_count(), "rounds": args.rounds, "scenarios": {}}
    print(f"{results['cpu']}, {results['cores']} cores, Linux {results['kernel']}, {args.rounds} alternating rounds")
    for scenario, (_, _, _, _, unit) in SCENARIOS.items():
        rows = {"plug": [], "socat": []}
        for _ in range(args.rounds):
            for name in rows:
                rows[name].append(measure(name, scenario)[0])
        ratios = [p / s for p, s in zip(rows["plug"], rows["socat"])]
        results["scenarios"][scenario] = {"unit": unit, **rows, "ratio": statistics.median(ratios)}
        print(f"{scenario:20} plug {statistics.median(rows['plug']):8.3f}  socat {statistics.median(rows['socat']):8.3f} {unit}"
              f"  ratio {statistics.median(ratios):.3f} [{min(ratios):.3f}-{max(ratios):.3f}]")
    pathlib.Path(args.out).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
