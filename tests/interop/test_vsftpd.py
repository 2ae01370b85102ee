# SPDX-License-Identifier: MIT
"""vsftpd behind plug: the control connection and the one passive port are relayed; PASV, EPSV and active mode."""
import os
import pwd

import pytest

from conftest import Daemon, example, find, need, noise

SERVER = "127.0.0.2"  # curl sees only 127.0.0.1, where plug listens
CONTROL, PASSIVE = 21, 5021
USER, PASSWORD = "ftp", "open sesame"
SIZE = 3 * 1000 * 1000 + 1

CONF = f"""
listen=YES
background=NO
listen_address={SERVER}
listen_port={CONTROL}
pasv_min_port={PASSIVE}
pasv_max_port={PASSIVE}
pasv_address=127.0.0.1
anonymous_enable=YES
local_enable=NO
secure_email_list_enable=YES
email_password_file={{folder}}/passwords
anon_root={{folder}}/ftp
ftp_username={{user}}
anon_upload_enable=YES
anon_umask=022
write_enable=YES
connect_from_port_20=YES
secure_chroot_dir={{folder}}/empty
xferlog_enable=NO
seccomp_sandbox=NO
"""


@pytest.fixture(scope="module")
def server(network, folder):
    need("vsftpd", "curl")
    user = pwd.getpwnam("daemon")  # vsftpd wants one whose home exists
    for name in ("ftp", "ftp/in", "empty"):
        (folder / name).mkdir(mode=0o755)
    rights = ""
    if os.geteuid() == 0:
        os.chown(folder / "ftp" / "in", user.pw_uid, user.pw_gid)
    else:
        rights = "run_as_launching_user=YES\n"
    (folder / "ftp" / "file").write_bytes(noise(SIZE))
    (folder / "ftp" / "empty").write_bytes(b"")
    (folder / "passwords").write_text(PASSWORD + "\n")
    (folder / "conf").write_text(CONF.format(folder=folder, user=user.pw_name) + rights)
    daemon = Daemon(network, folder, SERVER, CONTROL, find("vsftpd"), folder / "conf")
    yield folder / "ftp"
    daemon.end()


@pytest.fixture
def port(server, inside):
    """Where plug relays the control connection; the passive port is relayed too."""
    control = inside.relay(f"{SERVER}:{CONTROL}")
    passive = inside.relay(f"{SERVER}:{PASSIVE}", f"127.0.0.1:{PASSIVE}")
    yield control.port()
    assert control.p.poll() is None and passive.p.poll() is None, control.stderr() + passive.stderr()


def curl(inside, port, path, *options):
    return inside.output("curl", "-sS", "--max-time", "50", "-u", f"{USER}:{PASSWORD}", *options,
                         f"ftp://127.0.0.1:{port}/{path}")


MODES = {
    "pasv": ["--disable-epsv"],
    "epsv": [],
    "port": ["--disable-eprt", "--ftp-port", "127.0.0.1"],
    "eprt": ["--ftp-port", "127.0.0.1"],
}


@pytest.mark.parametrize("mode", MODES)
def test_get(inside, port, mode):
    assert curl(inside, port, "file", *MODES[mode]) == noise(SIZE)


@pytest.mark.parametrize("mode", MODES)
def test_put(inside, port, server, tmp_path, mode):
    data = noise(SIZE, mode.encode())
    (tmp_path / "up").write_bytes(data)
    curl(inside, port, f"in/{mode}", *MODES[mode], "-T", tmp_path / "up")
    assert (server / "in" / mode).read_bytes() == data


def test_many_files_in_one_session(inside, port):
    """The passive port is opened anew for each."""
    options = []
    for _ in range(20):
        options += ["-w", "|", f"ftp://127.0.0.1:{port}/file", "-r", "0-9"]
    out = inside.output("curl", "-sS", "--max-time", "50", "-u", f"{USER}:{PASSWORD}", *options)
    assert out.split(b"|")[:-1] == [noise(SIZE)[:10]] * 20


def test_empty_file_and_listing(inside, port):
    assert curl(inside, port, "empty") == b""
    assert set(curl(inside, port, "", "-l").decode().split()) == {"file", "empty", "in"}


def test_refusals_come_through(inside, port):
    """A wrong password is curl's status 67, a missing file 78."""
    url = f"ftp://127.0.0.1:{port}/file"
    assert inside.run("curl", "-sS", "-u", f"{USER}:wrong", url).finish()[0] == 67
    assert inside.run("curl", "-sS", "-u", f"{USER}:{PASSWORD}", url + "s").finish()[0] == 78


def test_passive_data_goes_through_plug(server, inside):
    """Without the second relay there is no data: curl never reaches the server by itself."""
    control = inside.relay(f"{SERVER}:{CONTROL}")
    url = f"ftp://127.0.0.1:{control.port()}/file"
    status, out, _ = inside.run("curl", "-sS", "--max-time", "50", "-u", f"{USER}:{PASSWORD}", url).finish()
    assert (status, out) == (7, b"")


def test_example_ftp_get(inside, port):
    where = f"tcp://127.0.0.1:{port}"
    assert inside.output(example("ftp_get"), where, USER, PASSWORD, "file") == noise(SIZE)
    assert inside.output(example("ftp_get"), where, USER, PASSWORD, "empty") == b""
    status, out, err = inside.run(example("ftp_get"), where, USER, PASSWORD, "missing").finish()
    assert (status, out) == (1, b"") and "550" in err, (status, err)
