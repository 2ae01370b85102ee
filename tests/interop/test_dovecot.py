# SPDX-License-Identifier: MIT
"""dovecot behind plug: POP3 by curl and by the example program, each message as it lies in the box."""
import grp
import os
import pwd

import pytest

from conftest import Daemon, example, find, letters, need

SERVER, PORT = "127.0.0.2", 1110
USER, PASSWORD = "ann", "open-sesame"
TOGETHER = 16

CONF = f"""
protocols = pop3
listen = {SERVER}
base_dir = {{folder}}/run
state_dir = {{folder}}/state
log_path = {{folder}}/log
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:{{folder}}/mail
mail_max_userip_connections = 100
first_valid_uid = 1
first_valid_gid = 1
passdb {{{{
  driver = static
  args = user={USER} password={PASSWORD}
}}}}
userdb {{{{
  driver = static
  args = uid={{user}} gid={{group}} home={{folder}}
}}}}
service anvil {{{{
  unix_listener anvil-auth-penalty {{{{
    mode = 0
  }}}}
}}}}
service pop3-login {{{{
  inet_listener pop3 {{{{
    port = {PORT}
  }}}}
  inet_listener pop3s {{{{
    port = 0
  }}}}
}}}}
"""

ROOTLESS = """
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
service pop3-login {{
  chroot =
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@pytest.fixture(scope="module")
def server(network, folder):
    need("dovecot", "curl")
    root = os.geteuid() == 0
    owner = pwd.getpwnam("mail") if root else pwd.getpwuid(os.geteuid())
    become = [] if root else ["unshare", "-U", f"--map-user={owner.pw_uid}", f"--map-group={owner.pw_gid}"]
    rights = "" if root else ROOTLESS.format(user=owner.pw_name, group=grp.getgrgid(owner.pw_gid).gr_name)
    for name in ("mail", "mail/cur", "mail/new", "mail/tmp"):
        (folder / name).mkdir()
        os.chown(folder / name, owner.pw_uid, owner.pw_gid)
    for i, letter in enumerate(letters(), 1):  # a box is in the order of its files' times
        path = folder / "mail" / "new" / f"{i}.M{i}.plug"
        path.write_bytes(letter.replace(b"\r\n", b"\n"))
        os.utime(path, (1000000 + i, 1000000 + i))
        os.chown(path, owner.pw_uid, owner.pw_gid)
    (folder / "conf").write_text(CONF.format(folder=folder, user=owner.pw_uid, group=owner.pw_gid) + rights)
    daemon = Daemon(network, folder, SERVER, PORT, *become, find("dovecot"), "-F", "-c", folder / "conf")
    yield folder
    daemon.end()


@pytest.fixture
def port(server, inside):
    relay = inside.relay(f"{SERVER}:{PORT}")
    yield relay.port()
    assert relay.p.poll() is None


def command(port, path, *options, password=PASSWORD):
    return ["curl", "-sS", "--max-time", "50", "-u", f"{USER}:{password}", *options,
            f"pop3://127.0.0.1:{port}/{path}"]


def test_list(inside, port):
    out = inside.output(*command(port, "")).decode().split()
    sizes = [len(letter) for letter in letters()]
    assert [int(n) for n in out] == [n for pair in enumerate(sizes, 1) for n in pair]


@pytest.mark.parametrize("number", range(1, len(letters()) + 1))
def test_letter(inside, port, number):
    assert inside.output(*command(port, number)) == letters()[number - 1]


def test_all_letters_at_once_and_again(inside, port):
    numbers = [1 + i % len(letters()) for i in range(TOGETHER)]
    jobs = [inside.run(*command(port, number)) for number in numbers]
    for number, job in zip(numbers, jobs):
        status, out, err = job.finish(patience=60)
        assert status == 0, err
        assert out == letters()[number - 1]


def test_wrong_password_is_told(inside, port):
    assert inside.run(*command(port, "", password="wrong")).finish()[0] == 67


def test_example_list(inside, port):
    out = inside.output(example("pop3_list"), f"tcp://127.0.0.1:{port}", USER, PASSWORD)
    words = out.decode().split()
    for letter in letters():
        assert str(len(letter)) in words


@pytest.mark.parametrize("number", range(1, len(letters()) + 1))
def test_example_letter(inside, port, number):
    out = inside.output(example("pop3_list"), f"tcp://127.0.0.1:{port}", USER, PASSWORD, number)
    assert out == letters()[number - 1].replace(b"\r\n", b"\n")


def test_example_wrong_password(inside, port):
    job = inside.run(example("pop3_list"), f"tcp://127.0.0.1:{port}", USER, "wrong")
    status, out, err = job.finish()
    assert (status, out) == (1, b"") and "-ERR" in err, (status, err)
