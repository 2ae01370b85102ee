# SPDX-License-Identifier: MIT
"""postfix behind plug: letters sent by curl and by the example program lie in the box as they were sent."""
import os
import pathlib
import pwd
import re
import shutil
import subprocess

import pytest

from conftest import Daemon, example, find, letters, need, until

SERVER, PORT = "127.0.0.2", 25
FROM, TO = "bob@plug.test", "ann@plug.test"
PARTS = pathlib.Path("/usr/lib/postfix/sbin")
TRACE = re.compile(rb"(Return-Path|X-Original-To|Delivered-To|Received):|[ \t]")
TOGETHER = 16

MAIN = f"""
compatibility_level = 3.6
queue_directory = {{folder}}/queue
data_directory = {{folder}}/data
command_directory = /usr/sbin
daemon_directory = {PARTS}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {{folder}}/log
maillog_file_prefixes = {{folder}}
myhostname = mail.plug.test
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
smtputf8_enable = no
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 100
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
message_size_limit = 4000000
alias_maps =
virtual_mailbox_domains = plug.test
virtual_mailbox_base = {{folder}}/mail
virtual_mailbox_maps = inline:{{{{ {{{{ {TO} = box/ }}}} }}}}
virtual_mailbox_limit = 0
virtual_minimum_uid = 1
virtual_uid_maps = static:{{user}}
virtual_gid_maps = static:{{group}}
"""

MASTER = f"""
{SERVER}:{PORT} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
error     unix  - - n - - error
retry     unix  - - n - - error
proxymap  unix  - - n - - proxymap
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

QUEUE = "incoming active deferred bounce defer corrupt hold flush saved trace private"


@pytest.fixture(scope="module")
def server(network, folder):
    need("postfix", "curl")
    if os.geteuid() != 0:
        pytest.skip("postfix keeps its parts apart as other users: only root may")
    keeper, owner = pwd.getpwnam("postfix"), pwd.getpwnam("mail")
    for name in ("conf", "queue", "queue/pid", "data", "mail", *(f"queue/{q}" for q in QUEUE.split())):
        (folder / name).mkdir()
    for name in ("data", *(f"queue/{q}" for q in QUEUE.split())):
        os.chown(folder / name, keeper.pw_uid, 0)
        (folder / name).chmod(0o700)
    for name in ("public", "maildrop"):
        (folder / "queue" / name).mkdir()
        shutil.chown(folder / "queue" / name, "postfix", "postdrop")
        (folder / "queue" / name).chmod(0o710 if name == "public" else 0o730)
    os.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
    text = MAIN.format(folder=folder, user=owner.pw_uid, group=owner.pw_gid)
    (folder / "conf" / "main.cf").write_text(text)
    (folder / "conf" / "master.cf").write_text(MASTER)
    daemon = Daemon(network, folder, SERVER, PORT, PARTS / "master", "-c", folder / "conf", "-d")
    yield folder
    daemon.end()


@pytest.fixture
def box(server):
    """The box; empty when a test starts."""
    shutil.rmtree(server / "mail" / "box", ignore_errors=True)
    return server / "mail" / "box" / "new"


@pytest.fixture
def port(server, inside):
    relay = inside.relay(f"{SERVER}:{PORT}")
    yield relay.port()
    assert relay.p.poll() is None


def arrived(box, server, count):
    """The letters in the box without what the servers on the way wrote in front, with the line ends of the wire."""

    def full():
        return box.is_dir() and len(list(box.iterdir())) >= count

    try:
        until(full, f"{count} letters")
    except AssertionError as e:
        raise AssertionError(f"{e}: {(server / 'log').read_text()}") from None
    return sorted(plain(path.read_bytes()) for path in box.iterdir())


def plain(stored):
    lines = stored.split(b"\n")
    while TRACE.match(lines[0]):
        lines.pop(0)
    return b"\r\n".join(lines)


def command(port, path, to=TO):
    return ["curl", "-sS", "--max-time", "50", "--mail-from", FROM, "--mail-rcpt", to, "-T", path,
            f"smtp://127.0.0.1:{port}/client.plug.test"]


@pytest.mark.parametrize("number", range(len(letters())))
def test_letter(inside, port, box, server, tmp_path, number):
    (tmp_path / "letter").write_bytes(letters()[number])
    inside.output(*command(port, tmp_path / "letter"))
    assert arrived(box, server, 1) == [letters()[number]]


def test_many_at_once(inside, port, box, server, tmp_path):
    sent = [letters()[i % len(letters())] for i in range(TOGETHER)]
    jobs = []
    for i, letter in enumerate(sent):
        (tmp_path / str(i)).write_bytes(letter)
        jobs.append(inside.run(*command(port, tmp_path / str(i))))
    for job in jobs:
        status, _, err = job.finish(patience=60)
        assert status == 0, err
    assert arrived(box, server, TOGETHER) == sorted(sent)


def test_refusals_come_through(inside, port, server, tmp_path):
    """Who is not known there is refused before the letter: curl's status 55."""
    (tmp_path / "letter").write_bytes(letters()[0])
    status, _, err = inside.run(*command(port, tmp_path / "letter", "eve@plug.test")).finish()
    assert status == 55 and "550" in err, (status, err)


@pytest.mark.parametrize("number", range(len(letters())))
def test_example(inside, port, box, server, number):
    inside.output(example("smtp_send"), f"tcp://127.0.0.1:{port}", FROM, TO, data=letters()[number])
    assert arrived(box, server, 1) == [letters()[number]]


def test_example_refused(inside, port):
    job = inside.run(example("smtp_send"), f"tcp://127.0.0.1:{port}", FROM, "eve@plug.test")
    status, _, err = job.finish()
    assert status == 1 and "550" in err, (status, err)
