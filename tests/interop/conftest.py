# SPDX-License-Identifier: MIT
"""The fixtures of tests/e2e, for peers that are daemons: each runs on a configuration of the test's own, as a
child of the test, on loopback; one that cannot take port 0 or a Unix socket runs in a network of its own."""
import functools
import hashlib
import importlib.util
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

_path = pathlib.Path(__file__).resolve().parents[1] / "e2e" / "conftest.py"
_spec = importlib.util.spec_from_file_location("e2e_fixtures", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
globals().update({k: v for k, v in vars(_module).items() if not k.startswith("__")})

UP = "ip link set lo up && echo up && exec cat"


class Network:
    """A network namespace that has only loopback: any port is free there. It lives as long as this object.
    One that is to be joined to another by a cable is made beside that one."""

    def __init__(self, beside=None):
        user = [] if os.geteuid() == 0 else ["-U", "-r"]
        make = [*beside.enter, "unshare"] if beside else ["unshare", *user]
        self.holder = subprocess.Popen([*make, "-n", "sh", "-c", UP], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
        if self.holder.stdout.readline() != b"up\n":
            self.end()
            pytest.skip("no network namespace may be made here")
        enter = ["-U", "--preserve-credentials"] if user else []
        self.enter = ["nsenter", *enter, "-n", "-t", str(self.holder.pid)]

    def listens(self, address, port):
        """True when somebody listens there."""
        wanted = "".join(f"{int(n):02X}" for n in reversed(address.split("."))) + f":{port:04X} 00000000:0000 0A"
        return wanted in self.file("tcp")

    def file(self, name):
        """What /proc/net/NAME says in there."""
        return pathlib.Path(f"/proc/{self.holder.pid}/net/{name}").read_text()

    def ip(self, *args):
        subprocess.run([*self.enter, "ip", *args], check=True)

    def end(self):
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()


class Daemon(Process):
    """A server in a network of the test's own, under a shell that is the first process of a namespace: when that
    is killed the system ends and reaps all the server's processes, whatever they do. They end with the test, too."""

    WRAP = ["setpriv", "--pdeathsig", "KILL", "unshare", "-p", "-f", "--kill-child", "sh", "-c", '"$@"; exit $?', "sh"]

    def __init__(self, network, folder, address, port, *argv):
        super().__init__([*network.enter, *self.WRAP, *map(str, argv)], folder, stdout=subprocess.DEVNULL,
                         start_new_session=True)
        try:
            until(lambda: self.p.poll() is not None or network.listens(address, port), f"{argv[0]} listens")
            assert self.p.poll() is None, f"{argv} ended: {self.stderr()}"
        except AssertionError:
            self.end()
            raise

    def end(self):
        if self.p.poll() is None:
            children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            for child in children:
                os.kill(int(child), signal.SIGKILL)
            if children:
                self.wait()
        super().end()


@pytest.fixture(scope="module")
def network():
    need("unshare", "nsenter", "setpriv", "ip")
    net = Network()
    yield net
    net.end()


@pytest.fixture(scope="module")
def folder():
    """A folder that a daemon's own user may pass through."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="plug-interop-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def inside(network, plug, run):
    """plug and plain programs inside the network: inside.plug(...), inside.run(...), inside.relay(...)."""

    class Inside:
        @staticmethod
        def plug(*args, **kwargs):
            return plug(*args, before=network.enter, **kwargs)

        @staticmethod
        def run(*argv, **kwargs):
            return run(*network.enter, *argv, **kwargs)

        @staticmethod
        def relay(target, listen="127.0.0.1:0", *options):
            """The TCP relay under test; returns it. Its port is relay.port()."""
            return plug(*options, f"tcp-listen://{listen}", f"tcp://{target}", before=network.enter, ready=1)

        @staticmethod
        def output(*argv, data=None, patience=60):
            """Runs a program to its good end and returns what it wrote."""
            kwargs = {} if data is None else {"stdin": subprocess.PIPE}
            status, out, err = run(*network.enter, *argv, **kwargs).finish(data, patience)
            assert status == 0, (argv, status, err)
            return out

    return Inside


def example(name):
    """An example program of this build."""
    return pathlib.Path(PLUG).parent / "examples" / name


def noise(size, seed=b"plug"):
    """Bytes of all values, the same in every run."""
    return hashlib.shake_256(seed).digest(size)


@functools.cache
def letters():
    """Letters that a careless relay or client would spoil, with the line ends of the wire."""
    head = b"From: Bob <bob@plug.test>\r\nTo: Ann <ann@plug.test>\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
    bodies = [
        b"Hello.\r\n",
        b".\r\n..\r\n.one\r\n...\r\n\r\n.\r\n",  # the end mark of SMTP and POP3, and what looks like it
        b"QUIT\r\nDATA\r\n+OK\r\n-ERR\r\n250 ok\r\n",
        bytes(c for c in range(1, 256) if c not in b"\r\n") + b"\r\n",
        b"x" * 5000 + b"\r\n" + b"\r\n" * 500,
        b"".join(noise(36, b"%d" % i).hex().encode() + b"\r\n" for i in range(20000)),  # 1.5 MB
    ]
    return [head + b"Message-Id: <%d@plug.test>\r\nSubject: %d\r\n\r\n" % (i, i) + b for i, b in enumerate(bodies)]
