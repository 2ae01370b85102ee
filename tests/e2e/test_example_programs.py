# SPDX-License-Identifier: MIT
"""The programs of examples/, each against a peer that is not plug: small servers of the standard
library here, real daemons in tests/interop."""
import os
import pathlib
import socket
import threading

import pytest

from conftest import PATIENCE, PLUG, accept, connect, listener, read_all, read_exactly, until

PROGRAMS = pathlib.Path(PLUG).parent / "examples"
MESSAGE = b"Subject: dots\n\n.\n..two\nlast. \n" + b"x" * 5000 + b"\n"


def serve(handler, *sockets):
    """Runs handler(*sockets) beside the test; its failure fails the test at join."""
    failure = []

    def body():
        try:
            handler(*sockets)
        except BaseException as e:  # noqa: BLE001 shown by join
            failure.append(e)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()

    def join():
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the server still runs"
        if failure:
            raise failure[0]

    return join


def where(s):
    return "tcp://127.0.0.1:%d" % s.getsockname()[1]


def first_line(p):
    return p.p.stdout.readline().decode().strip()


def test_echo_server_and_client(run):
    server = run(PROGRAMS / "tcp_echo_server")
    address = first_line(server)
    with connect(int(address.rsplit(":", 1)[1])) as c:  # a client that is not plug
        c.sendall(b"hello")
        c.shutdown(socket.SHUT_WR)
        assert read_all(c) == b"hello"
    client = run(PROGRAMS / "tcp_echo_client", address, stdin=-1)
    assert client.finish(b"one\ntwo\n")[:2] == (0, b"one\ntwo\n")


def test_echo_client_tells_why_it_fails(run):
    s = listener()
    address = "127.0.0.1:%d" % s.getsockname()[1]
    s.close()
    status, out, err = run(PROGRAMS / "tcp_echo_client", address).finish()
    assert status == 1 and not out and "refused" in err


def test_chat_over_tcp_and_unix_seqpacket(run, short_dir):
    path = str(short_dir / "chat")
    server = run(PROGRAMS / "chat", "line+tcp-listen://:0", f"unix-seqpacket-listen:{path}")
    port = int(first_line(server).rsplit(":", 1)[1])
    first_line(server)
    with connect(port) as ann, connect(port) as bob, \
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as eve:
        eve.settimeout(PATIENCE)
        eve.connect(path)
        # who is in is known by an answer only
        until(lambda: try_hear(ann, bob, b"in\n"), "bob is in")
        until(lambda: try_hear(ann, eve, b"in"), "eve is in")
        until(lambda: try_hear(bob, ann, b"in\n"), "ann is in")
        ann.sendall(b"from tcp\n")
        hear(bob, b"from tcp\n")
        hear(eve, b"from tcp")
        eve.sendall(b"from unix")
        hear(ann, b"from unix\n")
        hear(bob, b"from unix\n")
        bob.close()
        ann.sendall(b"after bob\n")
        hear(eve, b"after bob")


def hear(member, saying):
    """Reads on to this saying; what was said before it, to find out who is in, goes by."""
    text = b""
    while not text.endswith(saying):
        piece = member.recv(100)
        assert piece, text
        text += piece


def try_hear(speaker, hearer, word):
    speaker.sendall(b"in\n")
    hearer.settimeout(0.1)
    try:
        return hearer.recv(len(word)) == word
    except TimeoutError:
        return False
    finally:
        hearer.settimeout(PATIENCE)


def test_plug_in_a_poll_loop_of_ones_own(run):
    server = run(PROGRAMS / "poll_loop", "tcp-listen://127.0.0.1:0", stdin=-1)
    port = int(first_line(server).rsplit(":", 1)[1])
    big = os.urandom(1 << 20)
    with connect(port) as a, connect(port) as b:
        sender = serve(lambda s: s.sendall(big), a)
        b.sendall(b"beside it")
        assert read_exactly(b, 9) == b"beside it"
        assert read_exactly(a, len(big)) == big
        sender()
        server.p.stdin.write(b"count\n")
        server.p.stdin.flush()
        assert first_line(server) == "2"
    server.p.stdin.close()
    assert server.wait() == 0


def ftp_server(control, data, passive, content, promise=b"226 done"):
    c = accept(control)
    f = c.makefile("rwb", buffering=0)

    def say(line):
        f.write(line + b"\r\n")

    def hear():
        line = f.readline()
        assert line.endswith(b"\r\n"), line
        return line[:-2]

    say(b"220-many\r\n220-lines\r\n220 ready")
    assert hear() == b"USER ann"
    say(b"331 password")
    assert hear() == b"PASS secret"
    say(b"230 in")
    assert hear() == b"TYPE I"
    say(b"200 ok")
    port = data.getsockname()[1]
    assert hear() == b"EPSV"
    if passive == "PASV":
        say(b"500 what")
        assert hear() == b"PASV"
        say(b"227 Entering Passive Mode (10,9,8,7,%d,%d)" % (port >> 8, port & 255))
    else:
        say(b"229 Entering Extended Passive Mode (|||%d|)" % port)
    d = accept(data)
    assert hear() == b"RETR a file"
    say(b"150 here it comes")
    d.sendall(content)
    d.close()
    say(promise)
    if promise.startswith(b"2"):
        assert hear() == b"QUIT"
        say(b"221 bye")
    c.close()


@pytest.mark.parametrize("passive", ["EPSV", "PASV"])
def test_ftp_get(run, passive):
    content = os.urandom(300000)
    control, data = listener(), listener()
    join = serve(ftp_server, control, data, passive, content)
    p = run(PROGRAMS / "ftp_get", where(control), "ann", "secret", "a file")
    status, out, err = p.finish()
    join()
    assert (status, err) == (0, "")
    assert out == content


def test_ftp_get_believes_only_the_last_word(run):
    control, data = listener(), listener()
    join = serve(ftp_server, control, data, "EPSV", b"half", b"426 broken off")
    status, _, err = run(PROGRAMS / "ftp_get", where(control), "ann", "secret", "a file").finish()
    join()
    assert status == 1 and "426" in err


def test_ftp_get_refuses_a_second_command(run):
    control = listener()

    def server(s):
        c = accept(s)
        c.sendall(b"220 hi\r\n")
        assert read_all(c) == b""
        c.close()

    join = serve(server, control)
    status, _, err = run(PROGRAMS / "ftp_get", where(control), "a\r\nDELE x", "s", "f").finish()
    join()
    assert status == 1 and "line end" in err


def smtp_server(s, got, refuse=None):
    c = accept(s)
    f = c.makefile("rwb", buffering=0)
    f.write(b"220 hi\r\n")
    while True:
        line = f.readline()
        if not line:
            break
        verb = line[:4]
        if refuse == verb:
            f.write(b"550 not here\r\n")
        elif verb == b"EHLO":
            f.write(b"250-me\r\n250 SIZE\r\n")
        elif verb == b"DATA":
            f.write(b"354 go\r\n")
            body = b""
            while not body.endswith(b"\r\n.\r\n"):
                body += f.readline()
            got.append(body)
            f.write(b"250 taken\r\n")
        else:
            got.append(line)
            f.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
    c.close()


def test_smtp_send(run):
    s, got = listener(), []
    join = serve(smtp_server, s, got)
    p = run(PROGRAMS / "smtp_send", where(s), "me@a.example", "you@b.example", stdin=-1)
    assert p.finish(MESSAGE) == (0, b"", "")
    join()
    assert got[0] == b"MAIL FROM:<me@a.example>\r\n" and got[1] == b"RCPT TO:<you@b.example>\r\n"
    lines = got[2][:-3].split(b"\r\n")
    plain = b"\n".join(line[1:] if line.startswith(b".") else line for line in lines)
    assert plain == MESSAGE
    assert got[3] == b"QUIT\r\n"


def test_smtp_send_ends_a_message_without_a_last_line_end(run):
    s, got = listener(), []
    join = serve(smtp_server, s, got)
    p = run(PROGRAMS / "smtp_send", where(s), "a@x", "b@x", stdin=-1)
    assert p.finish(b"Subject: x\r\n\r\nno end")[0] == 0
    join()
    assert got[2] == b"Subject: x\r\n\r\nno end\r\n.\r\n"


def test_smtp_send_tells_a_refusal(run):
    s = listener()
    join = serve(smtp_server, s, [], b"RCPT")
    status, _, err = run(PROGRAMS / "smtp_send", where(s), "a@x", "b@x").finish()
    join()
    assert status == 1 and "550 not here" in err


def pop3_server(s):
    c = accept(s)
    f = c.makefile("rwb", buffering=0)
    f.write(b"+OK hi\r\n")
    while True:
        line = f.readline()
        verb = line.split()[0] if line else b"QUIT"
        if verb == b"LIST":
            f.write(b"+OK 2\r\n1 120\r\n2 %d\r\n.\r\n" % len(MESSAGE))
        elif verb == b"RETR" and line.split()[1] == b"2":
            body = b"".join(b"." + at if at.startswith(b".") else at
                            for at in MESSAGE.splitlines(keepends=True))
            f.write(b"+OK\r\n" + body.replace(b"\n", b"\r\n") + b".\r\n")
        elif verb == b"RETR":
            f.write(b"-ERR no such message\r\n")
        else:
            f.write(b"+OK\r\n")
        if verb == b"QUIT":
            break
    c.close()


def test_pop3_list(run):
    s = listener()
    join = serve(pop3_server, s)
    p = run(PROGRAMS / "pop3_list", where(s), "me", "secret")
    assert p.finish() == (0, b"1 120\n2 %d\n" % len(MESSAGE), "")
    join()


def test_pop3_message_is_byte_identical(run):
    s = listener()
    join = serve(pop3_server, s)
    assert run(PROGRAMS / "pop3_list", where(s), "me", "secret", "2").finish()[1] == MESSAGE
    join()


def test_pop3_tells_a_refusal(run):
    s = listener()
    join = serve(pop3_server, s)
    status, out, err = run(PROGRAMS / "pop3_list", where(s), "me", "secret", "9").finish()
    join()
    assert (status, out) == (1, b"") and "no such message" in err
