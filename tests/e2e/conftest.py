# SPDX-License-Identifier: MIT
"""Fixtures of the end-to-end tests: the command under test, real programs beside it, deadlines.

No fixed ports (port 0 and --ready-fd), no sleeps but the poll of `until`, processes are killed by
their own id. A skip that tests/skips.txt does not name fails the run.
"""
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUG = os.environ.get("PLUG", str(ROOT / "build" / "plug"))
PATIENCE = 30.0  # seconds until a test gives up waiting
SANITIZER = re.compile(r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:)")


def until(condition, what="condition", patience=PATIENCE):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"timed out: {what}"
        time.sleep(0.005)


class Process:
    """A running program; its stderr goes to a file, so that it never blocks."""

    def __init__(self, argv, folder, **kwargs):
        self.argv = argv
        self.errfile = folder / f"stderr-{len(list(folder.iterdir()))}-{id(self)}"
        self.err = open(self.errfile, "wb")
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        kwargs.setdefault("stdout", subprocess.PIPE)
        self.p = subprocess.Popen(argv, stderr=self.err, **kwargs)

    @property
    def pid(self):
        return self.p.pid

    def stderr(self):
        return self.errfile.read_text(errors="replace")

    def wait(self, patience=PATIENCE):
        try:
            return self.p.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.argv} still runs; stderr: {self.stderr()}") from None

    def finish(self, data=None, patience=PATIENCE):
        """Feeds stdin, reads stdout to its end and waits. Returns (status, stdout, stderr)."""
        try:
            out, _ = self.p.communicate(data, timeout=patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.argv} still runs; stderr: {self.stderr()}") from None
        return self.p.returncode, out, self.stderr()

    def end(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()
        for f in (self.p.stdin, self.p.stdout, self.err):
            if f:
                try:
                    f.close()
                except BrokenPipeError:
                    pass


class Plug(Process):
    """The command. ready=N waits until N addresses listen; `where` holds them."""

    def __init__(self, args, folder, ready=0, **kwargs):
        self.where = []
        argv = [*kwargs.pop("before", ()), PLUG]
        r = w = None
        if ready:
            r, w = os.pipe()
            argv.append(f"--ready-fd={w}")
            kwargs["pass_fds"] = (*kwargs.get("pass_fds", ()), w)
        env = dict(os.environ, **kwargs.pop("env", {}))
        super().__init__([*argv, *map(str, args)], folder, env=env, **kwargs)
        if ready:
            os.close(w)
            try:
                self.where = self.read_ready(r, ready)
            finally:
                os.close(r)

    def read_ready(self, r, n):
        text = b""
        end = time.monotonic() + PATIENCE
        while text.count(b"\n") < n:
            readable, _, _ = select.select([r], [], [], max(0, end - time.monotonic()))
            assert readable, f"{self.argv} does not listen; stderr: {self.stderr()}"
            piece = os.read(r, 4096)
            assert piece, f"{self.argv} ended before it listened; stderr: {self.stderr()}"
            text += piece
        lines = text.decode().splitlines()
        assert all(line.startswith("plug: listening on ") for line in lines), lines
        return [line.removeprefix("plug: listening on ") for line in lines]

    def port(self, i=0):
        return int(self.where[i].rsplit(":", 1)[1])

    def end(self):
        super().end()
        assert not SANITIZER.search(self.stderr()), self.stderr()


@pytest.fixture
def run(tmp_path_factory):
    """Starts a plain program; ended with the test."""
    folder = tmp_path_factory.mktemp("run")
    started = []

    def start(*argv, **kwargs):
        p = Process([str(a) for a in argv], folder, **kwargs)
        started.append(p)
        return p

    yield start
    for p in started:
        p.end()


@pytest.fixture
def plug(tmp_path_factory):
    """Starts the command under test; ended with the test, and sanitizer reports fail it."""
    folder = tmp_path_factory.mktemp("plug")
    started = []

    def start(*args, **kwargs):
        p = Plug(args, folder, **kwargs)
        started.append(p)
        return p

    yield start
    errors = []
    for p in started:
        try:
            p.end()
        except AssertionError as e:
            errors.append(e)
    if errors:
        raise errors[0]


@pytest.fixture
def short_dir():
    """A folder whose path is short enough for a Unix socket."""
    import tempfile

    path = pathlib.Path(tempfile.mkdtemp(prefix="plug-e2e-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def need(*programs):
    """Skips by name where a peer program is missing."""
    for name in programs:
        if not find(name):
            pytest.skip(f"{name} is missing")


def find(name):
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def free_port(kind=socket.SOCK_STREAM):
    """A port nobody has now, for programs that cannot be given port 0."""
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect(port, patience=PATIENCE):
    s = socket.create_connection(("127.0.0.1", port), patience)
    s.settimeout(patience)
    return s


def listener(backlog=128):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind(("127.0.0.1", 0))
    s.listen(backlog)
    s.settimeout(PATIENCE)
    return s


def accept(s):
    c, _ = s.accept()
    c.settimeout(PATIENCE)
    return c


def read_all(s):
    pieces = []
    while True:
        piece = s.recv(1 << 16)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        assert piece, f"end after {len(data)} of {n} bytes"
        data += piece
    return data


def sanitized():
    """True when the command under test is a sanitizer build."""
    return b"__asan_init" in pathlib.Path(PLUG).read_bytes()


def allowed_skips():
    names = set()
    for line in (ROOT / "tests" / "skips.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            names.add(line.partition(":")[0].strip())
    return names


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    names = {item.name, item.path.stem}  # one test, or all of a file
    if report.skipped and not names & allowed_skips() and not hasattr(report, "wasxfail"):
        reason = call.excinfo.value if call.excinfo else ""
        print(f"SKIPPED {item.name}: {reason}")
        report.outcome = "failed"
        report.longrepr = f"{item.name} was skipped ({reason}); tests/skips.txt does not name it"


def signal_name(n):
    return signal.Signals(n).name
