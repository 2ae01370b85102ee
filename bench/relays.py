# SPDX-License-Identifier: MIT
"""The relays that bench/run.py compares: how each is configured and started, what CPU and memory it takes.

All of them stand between a port of their own and `target`, on loopback. CPU is what the system counted for the
processes of the relay (user + system), memory their proportional share (PSS).
"""
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLUG = os.environ.get("PLUG", str(ROOT / "build" / "plug"))
STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"
PATIENCE = 20  # seconds until a relay that does not do as expected is given up

HAPROXY = """
global
    maxconn 4096
    {more_global}
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    {more}
listen relay
    bind 127.0.0.1:{port}
    server target 127.0.0.1:{target}
"""

NGINX = """
load_module {module};
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 16384; }}
stream {{
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        proxy_pass 127.0.0.1:{target};
        proxy_half_close on;
        proxy_timeout 1h;
    }}
}}
"""


def find(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def haproxy(folder, port, target, more_global="", more=""):
    text = HAPROXY.format(port=port, target=target, more_global=more_global, more=more)
    (folder / "haproxy.cfg").write_text(text)
    return [find("haproxy"), "-db", "-q", "-f", str(folder / "haproxy.cfg")]


def haproxy_splice(folder, port, target):
    return haproxy(folder, port, target, "tune.pipesize 1048576",
                   "option splice-request\n    option splice-response")


def nginx(folder, port, target):
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, target=target, module=STREAM))
    return [find("nginx"), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


def socat(folder, port, target, *options):
    listen = f"TCP-LISTEN:{port},fork,reuseaddr,backlog=512,bind=127.0.0.1"
    return [find("socat"), *options, listen, f"TCP:127.0.0.1:{target}"]


def socat_64k(folder, port, target):
    return socat(folder, port, target, "-b", "65536")


def plug(folder, port, target):
    return [PLUG, f"tcp-listen://127.0.0.1:{port}", f"tcp://127.0.0.1:{target}"]


# name: (its command line, what must be there, how to get it, it forks for each connection)
KINDS = {
    "plug": (plug, [PLUG], "make", False),
    "socat": (socat, ["socat"], "apt install socat", True),
    "socat-64k": (socat_64k, ["socat"], "apt install socat", True),
    "haproxy": (haproxy, ["haproxy"], "apt install haproxy", False),
    "haproxy-splice": (haproxy_splice, ["haproxy"], "apt install haproxy", False),
    "nginx": (nginx, ["nginx", STREAM], "apt install nginx-light libnginx-mod-stream", False),
}


def missing(name):
    """What of a relay is not here, and how to get it; None when all is."""
    for need in KINDS[name][1]:
        if not (os.path.exists(need) if need.startswith("/") else find(need)):
            return f"no {need} here ({KINDS[name][2]})"
    return None


def version(name):
    """The first line of what it says of itself."""
    program = PLUG if name == "plug" else find(name.split("-")[0])
    flag = {"plug": "--version", "socat": "-V"}.get(name.split("-")[0], "-v")
    done = subprocess.run([program, flag], capture_output=True, text=True)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if re.search(r"\d+\.\d+", line)]
    return lines[0].strip() if lines else "?"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def adopt_orphans():
    """A process per connection may outlive its parent by a moment; its CPU must be counted too."""
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children(pid):
    try:
        return [int(n) for n in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def process_clock(pid):
    """Seconds of CPU a living process has spent in all its threads, to the nanosecond."""
    SCHEDULED_TIME = 2
    return time.clock_gettime((~pid << 3) | SCHEDULED_TIME)


def share_of_memory(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M).group(1)) * 1024


class Failed(Exception):
    """A relay did not do what every relay does."""


class Relay:
    """One running relay; use it in `with`. Calls come in this order: begin, the load, end (or memory, end)."""

    def __init__(self, name, target):
        command, _, _, self.forks = KINDS[name]
        self.name, self.port, self.cpu = name, free_port(), None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="plug-bench-"))
        self.process = subprocess.Popen(command(self.folder, self.port, target), stderr=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.others = set(children(os.getpid())) - {self.process.pid}
        self.start = 0.0
        try:
            self.wait_listening()
        except Failed:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_listening(self):
        wanted = f"0100007F:{self.port:04X} 00000000:0000 0A"
        until = time.monotonic() + PATIENCE
        while wanted not in pathlib.Path("/proc/net/tcp").read_text():
            if self.process.poll() is not None:
                raise Failed(f"{self.name} ended with status {self.process.returncode} before it listened")
            if time.monotonic() > until:
                raise Failed(f"{self.name} did not listen")
            time.sleep(0.01)

    def rest(self):
        """Waits until it has no child and spends nothing more: the last connection's end is part of the cost."""
        until = time.monotonic() + PATIENCE
        before = -1.0
        while time.monotonic() < until:
            now = process_clock(self.process.pid)
            if now - before < 1e-4 and not (self.forks and children(self.process.pid)):
                return
            before = now
            time.sleep(0.02)

    def begin(self):
        """The load begins: what was spent until now (start, warm-up) does not count."""
        self.rest()
        self.start = process_clock(self.process.pid)
        if self.forks:  # what its ended children spent is only known in whole ticks
            fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            self.start += (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        """The load has ended. Returns the CPU seconds since begin, of all its processes."""
        self.rest()
        spent = process_clock(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + PATIENCE
        pid = 0
        while not pid and time.monotonic() < until:
            pid, _, usage = os.wait4(self.process.pid, os.WNOHANG)
            time.sleep(0.002)
        if not pid:
            self.process.kill()
            pid, _, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        if self.forks:  # its children are in its own account once it has reaped them
            spent = usage.ru_utime + usage.ru_stime
            for orphan in set(children(os.getpid())) - self.others:
                _, _, usage = os.wait4(orphan, 0)
                spent += usage.ru_utime + usage.ru_stime
        return spent - self.start

    def memory(self):
        """Bytes of all its processes; pages that several share count once in all."""
        found, todo = 0, [self.process.pid]
        while todo:
            pid = todo.pop()
            found += share_of_memory(pid)
            todo += children(pid)
        return found
