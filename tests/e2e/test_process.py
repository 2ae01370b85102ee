# SPDX-License-Identifier: MIT
"""What the process options do to a program that plug starts, and that plug itself stays as it is:
users, groups, roots, namespaces, masks, PATH, names, and the signals that go on to it."""
import os
import signal
import subprocess
import sys

import pytest

from conftest import accept, connect, listener, need, read_all

NOBODY = 65534


def output(plug, address):
    p = plug("-u", address, "-")
    status, out, err = p.finish()
    assert status == 0, err
    return out.decode()


def root():
    if os.geteuid() != 0:
        pytest.skip("not root")


def refused(plug, address, *words, status=2):
    """Refused before anything starts, with a caret below the option."""
    p = plug("-u", address, "-")
    code, out, err = p.finish()
    assert (code, out) == (status, b""), err
    for word in words:
        assert word in err, err
    return err


def caret(err, option):
    lines = err.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip().startswith("^"))
    return lines[at - 1][lines[at].index("^"):].startswith(option)


def test_umask_of_the_program_alone(plug, tmp_path):
    before = os.umask(0o022)
    try:
        assert output(plug, "system:umask,umask=027") == "0027\n"
        copy = tmp_path / "copy"
        p = plug("-u", "system:umask,umask=077", f"create:{copy}")
        assert p.finish()[0] == 0
        assert copy.stat().st_mode & 0o777 == 0o644  # plug's own mask
    finally:
        os.umask(before)


def test_umask_must_be_octal(plug):
    err = refused(plug, "exec:date,umask=888", "888", "umask", "octal")
    assert caret(err, "888")


def test_path_is_where_the_program_is_found(plug, tmp_path):
    tool = tmp_path / "only-here"
    tool.write_text('#!/bin/sh\necho "$PATH"\n')
    tool.chmod(0o755)
    assert output(plug, f"exec:only-here,path={tmp_path}") == f"{tmp_path}\n"
    p = plug("-u", "exec:only-here", "-")
    assert p.finish()[0] == 1


def test_login_puts_a_dash_before_the_name(plug):
    assert output(plug, "system:echo $0,login") == "-sh\n"
    assert output(plug, "system:echo $0") == "sh\n"


def test_chdir_that_is_not_there_is_named(plug):
    p = plug("-u", "exec:date,chdir=/no/such/folder", "-")
    status, out, err = p.finish()
    assert (status, out) == (1, b"")
    assert "chdir: no such file or directory" in err


def test_unknown_user_is_refused(plug):
    for option in ("su", "su-d", "setuid"):
        err = refused(plug, f"exec:date,{option}=no-such-user-here", "no-such-user-here", "no such user")
        assert caret(err, option)


def test_unknown_group_is_refused(plug):
    err = refused(plug, "exec:date,setgid=no-such-group-here", "no such group")
    assert caret(err, "setgid")


def test_two_users_are_refused(plug):
    assert caret(refused(plug, "exec:date,su=root,setuid=root", "both name a user"), "setuid")
    assert caret(refused(plug, "exec:date,su=root,su-d=root", "both name a user"), "su-d")


def test_su_takes_user_groups_and_home(plug):
    root()
    out = output(plug, 'system:id -u; id -g; id -G; echo "$USER $LOGNAME"; echo "$HOME",su=nobody')
    uid, gid, groups, names, home = out.splitlines()
    assert (int(uid), names) == (NOBODY, "nobody nobody")
    assert int(gid) != 0 and "0" not in groups.split()
    assert home == "/nonexistent"


def test_setuid_alone_keeps_no_groups(plug):
    root()
    status = "exec:grep -e ^Uid -e ^Gid -e ^Groups /proc/self/status"
    rows = dict(line.split(":", 1) for line in output(plug, status + ",setuid=nobody").splitlines())
    assert rows["Uid"].split() == [str(NOBODY)] * 4
    assert rows["Gid"].split() == ["0"] * 4
    assert rows["Groups"].split() == []
    rows = dict(line.split(":", 1) for line in output(plug, status + ",setgid=daemon").splitlines())
    assert rows["Uid"].split() == ["0"] * 4
    assert rows["Gid"].split() == ["1"] * 4
    assert rows["Groups"].split() == []


def test_su_without_the_right_is_told(plug, tmp_path):
    if os.geteuid() == 0:
        need("setpriv")
        before = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    else:
        before = ()
    for option, value in (("su", "root"), ("setuid", "root"), ("chroot", "/usr"), ("chroot-early", "/usr")):
        p = plug("-u", f"exec:date,{option}={value}", "-", before=before)
        status, out, err = p.finish()
        assert (status, out) == (7, b""), err
        assert f"{option}: operation not permitted" in err
        assert "privilege" in err


def test_chroot_changes_the_root_of_the_program(plug):
    root()
    for option in ("chroot", "chroot-early"):
        names = output(plug, f"exec:/bin/ls /,{option}=/usr").split()
        assert "share" in names and "proc" not in names
    assert output(plug, "exec:/bin/pwd,chroot=/usr").strip() == "/"
    assert output(plug, "exec:/bin/pwd,chroot=/usr,chdir=/share").strip() == "/share"


def test_chroot_and_user_together(plug):
    root()
    assert output(plug, "exec:/bin/id -u,chroot=/usr,su-d=nobody") == f"{NOBODY}\n"  # /usr has no passwd


def test_chroot_that_is_not_there_is_named(plug):
    root()
    status, _, err = plug("-u", "exec:date,chroot=/no/such/root", "-").finish()
    assert status == 1
    assert "chroot: no such file or directory" in err


def test_netns_of_the_program(plug, run):
    root()
    need("unshare", "ip")
    holder = run("unshare", "-n", "sh", "-c", "echo up; cat", stdin=subprocess.PIPE)
    assert holder.p.stdout.readline() == b"up\n"
    path = f"/proc/{holder.pid}/ns/net"
    here = os.stat("/proc/self/ns/net").st_ino
    there = os.stat(path).st_ino
    assert here != there
    out = output(plug, f"exec:readlink /proc/self/ns/net,netns={path}")
    assert out.strip() == f"net:[{there}]"
    assert output(plug, "exec:readlink /proc/self/ns/net").strip() == f"net:[{here}]"


def test_netns_that_is_not_there_is_named(plug):
    status, _, err = plug("-u", "exec:date,netns=no-such-namespace", "-").finish()
    assert status == 1
    assert "netns: no such file or directory" in err


CATCHER = """
import os, signal
n = getattr(signal, "SIG%s")
signal.signal(n, lambda *_: os.write(1, b"caught\\n"))
os.write(1, b"up\\n")
while os.read(0, 100):
    pass
os.write(1, b"end\\n")
"""


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT"])
def test_signal_goes_on_to_the_program(plug, tmp_path, name):
    script = tmp_path / "catcher.py"
    script.write_text(CATCHER % name)
    number = getattr(signal, f"SIG{name}")
    p = plug("-", f"exec:{sys.executable} -B {script},sig{name.lower()}", stdin=subprocess.PIPE)
    assert p.p.stdout.readline() == b"up\n"
    for _ in range(2):
        p.p.send_signal(number)
        assert p.p.stdout.readline() == b"caught\n"
    assert p.finish(b"")[:2] == (0, b"end\n")


def test_other_signals_still_end_it(plug, tmp_path):
    script = tmp_path / "catcher.py"
    script.write_text(CATCHER % "INT")
    p = plug("--drain=0.2", "-", f"exec:{sys.executable} -B {script},sigint", stdin=subprocess.PIPE)
    assert p.p.stdout.readline() == b"up\n"
    p.p.send_signal(signal.SIGTERM)
    assert p.wait() == 128 + signal.SIGTERM


def test_nofork_takes_the_place_of_plug(plug):
    p = plug("-", "system:echo $$; cat,nofork", stdin=subprocess.PIPE)
    pid = p.pid
    status, out, err = p.finish(b"through\n")
    assert (status, out) == (0, b"%d\nthrough\n" % pid), err


def test_nofork_gets_a_connection(plug):
    p = plug("tcp-listen://127.0.0.1:0#once", "system:read x; echo $x $$; exit 7,nofork", ready=1)
    c = connect(p.port())
    c.sendall(b"hello\n")
    assert read_all(c) == b"hello %d\n" % p.pid
    assert p.wait() == 7  # the program's own


def test_nofork_one_way_and_with_options(plug):
    with listener() as s:
        p = plug("-U", f"tcp://127.0.0.1:{s.getsockname()[1]}", "system:umask; pwd,nofork,umask=077,chdir=/")
        assert read_all(accept(s)) == b"0077\n/\n"
        assert p.wait() == 0


def test_nofork_where_it_cannot_be(plug):
    for args, why in (
            (("exec:date,nofork", "-"), "second address"),
            (("tcp-listen://127.0.0.1:0", "exec:date,nofork"), "more than one connection"),
            (("-v", "-", "exec:date,nofork"), "work on what passes"),
            (("line+tcp://127.0.0.1:1", "exec:date,nofork"), "work on what passes"),
            (("-", "exec:date,nofork", "--", "-", "exec:date"), "other relays"),
            (("-", "exec:date,nofork,pty"), "leaves nobody to relay")):
        status, out, err = plug(*args).finish()
        assert (status, out) == (2, b""), err
        assert why in err and caret(err, "nofork")


def test_nofork_without_a_descriptor_is_told(plug):
    status, out, err = plug("text:abc", "exec:cat,nofork").finish()
    assert status == 1 and "not one plain descriptor" in err, err


def test_nofork_failing_is_told(plug):
    status, out, err = plug("-", "exec:/no/such/program,nofork").finish()
    assert status == 1 and "no such file" in err, err


def test_help_and_explain_know_them(plug):
    out = plug("help", "exec").finish()[1].decode()
    for name in ("umask", "su", "su-d", "chroot", "chroot-early", "setuid", "setgid", "netns", "path", "login",
                 "sighup", "sigint", "sigquit"):
        assert f"  {name}" in out, name
    out = plug("explain", "exec:date,umask=027,su=root").finish()[1].decode()
    assert "umask=027" in out and "su=root" in out
