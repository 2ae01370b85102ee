# SPDX-License-Identifier: MIT
"""Installs into a temporary prefix and uses what is there as its user would: pkg-config, CMake, nm,
man, completion of three shells."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ["BUILD"]
CC = os.environ.get("CC", "cc")
VERSION = os.environ["VERSION"]
SO = VERSION.rsplit(".", 1)[0]


def run(*argv, **kwargs):
    done = subprocess.run([str(a) for a in argv], capture_output=True, timeout=120, check=False,
                          **kwargs)
    assert done.returncode == 0, (argv, done.stdout.decode(), done.stderr.decode())
    return done.stdout.decode()


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    where = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", where)
    return where


@pytest.fixture(scope="module")
def libdir(prefix):
    return next(prefix.glob("lib*/**/libplug.so")).parent


@pytest.fixture(scope="module")
def pkg(libdir):
    def call(*args):
        return run("pkg-config", *args, "plug",
                   env=dict(os.environ, PKG_CONFIG_PATH=str(libdir / "pkgconfig"))).split()

    return call


def echo_works(server, client, libdir):
    """An example server and client that were built outside of the tree."""
    env = dict(os.environ, LD_LIBRARY_PATH=str(libdir))
    with subprocess.Popen([str(server)], stdout=subprocess.PIPE, env=env) as p:
        try:
            where = p.stdout.readline().decode().strip()
            assert run(client, where, input=b"hello\n", env=env) == "hello\n"
        finally:
            p.kill()


def test_pkg_config_builds_an_example(prefix, libdir, pkg, tmp_path):
    assert pkg("--modversion") == [VERSION]
    built = []
    for name in ("tcp_echo_server", "tcp_echo_client"):
        built.append(tmp_path / name)
        run(CC, "-std=c11", ROOT / "examples" / f"{name}.c", "-o", built[-1],
            *pkg("--cflags", "--libs"))
    assert f"libplug.so.{SO}" in run("readelf", "-d", built[0])
    echo_works(*built, libdir)


def test_the_static_library_is_enough(prefix, libdir, pkg, tmp_path):
    flags = [str(libdir / "libplug.a") if f == "-lplug" else f
             for f in pkg("--cflags", "--libs", "--static")]
    for name in ("tcp_echo_server", "tcp_echo_client"):
        run(CC, "-std=c11", ROOT / "examples" / f"{name}.c", "-o", tmp_path / name, *flags)
    assert "libplug" not in run("readelf", "-d", tmp_path / "tcp_echo_server")
    echo_works(tmp_path / "tcp_echo_server", tmp_path / "tcp_echo_client", libdir)


def test_cmake_builds_the_examples(prefix, libdir, tmp_path):
    sources = tmp_path / "examples"
    shutil.copytree(ROOT / "examples", sources)
    run("cmake", "-S", sources, "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_C_COMPILER={CC}")
    run("cmake", "--build", tmp_path / "b")
    assert (tmp_path / "b" / "ftp_get").exists()
    echo_works(tmp_path / "b" / "tcp_echo_server", tmp_path / "b" / "tcp_echo_client", libdir)


def test_only_the_listed_symbols_are_exported(libdir):
    lines = run("nm", "-D", "--defined-only", libdir / "libplug.so").splitlines()
    found = sorted(line.split()[-1] for line in lines)
    listed = (ROOT / "packaging" / "libplug.symbols").read_text().split()
    assert [s for s in found if not re.match(r"plug_[a-z]", s)] == []
    assert found == sorted(listed), "packaging/libplug.symbols: see docs/api-stability.md"


def test_the_library_is_named_by_its_version(libdir):
    assert f"[libplug.so.{SO}]" in run("readelf", "-d", libdir / "libplug.so")
    assert (libdir / "libplug.so").resolve().name == f"libplug.so.{VERSION}"


def test_every_declared_call_is_exported(prefix):
    listed = set((ROOT / "packaging" / "libplug.symbols").read_text().split())
    for header in ("plug.h", "loop.h", "layer.h"):
        text = (prefix / "include" / "plug" / header).read_text()
        for name in re.findall(r"^PLUG_API [^;(]*?(plug_\w+)\(", text, re.M):
            assert name in listed, (header, name)


def test_the_headers_stand_alone(prefix, tmp_path):
    for header in sorted((prefix / "include" / "plug").glob("*.h")):
        source = tmp_path / "x.c"
        source.write_text(f"#include <plug/{header.name}>\nint main(void) {{ return 0; }}\n")
        run(CC, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
            f"-I{prefix}/include", source)


def pages(prefix):
    found = sorted((prefix / "share" / "man").glob("man*/*"))
    assert found, "no manual was installed"
    return found


def test_there_is_a_page_for_each_call(prefix):
    names = {p.name for p in pages(prefix)}
    assert {"plug.1", "plug-addresses.7", "plug-options.7", "libplug.3"} <= names
    for header in ("plug.h", "loop.h"):
        text = (prefix / "include" / "plug" / header).read_text()
        for call in re.findall(r"^PLUG_API [^;(]*?(plug_\w+)\(", text, re.M):
            assert f"{call}.3" in names


def test_the_pages_are_clean(prefix):
    """By what is there: mandoc, else groff; man itself always."""
    for page in pages(prefix):
        if shutil.which("mandoc"):
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(page)],
                                  capture_output=True, timeout=60)
            assert done.returncode == 0, done.stdout.decode()
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-rLL=100n", "-z", str(page)],
                                  capture_output=True, timeout=60)
            complaints = [at for at in done.stderr.decode().splitlines()
                          if "cannot adjust" not in at and "can't break" not in at]
            assert not complaints, complaints


def test_man_shows_what_the_tables_say(prefix):
    text = (prefix / "share" / "man" / "man7" / "plug-options.7").read_text()
    assert "nodelay" in text and "SO_KEEPALIVE" not in text
    text = (prefix / "share" / "man" / "man7" / "plug-addresses.7").read_text()
    for kind in ("tcp\\-listen:PORT", "unix\\-seqpacket", "exec:COMMAND", "len32+ADDRESS"):
        assert kind in text
    text = (prefix / "share" / "man" / "man3" / "plug_send.3").read_text()
    assert "PLUG_EMSGSIZE" in text and "a record too long for the kind" in text


def complete_bash(prefix, line):
    script = prefix / "share" / "bash-completion" / "completions" / "plug"
    return run("bash", "--norc", "-c",
               f'. {script}; COMP_LINE="$1"; COMP_POINT=${{#1}}; _plug; '
               'printf "%s\\n" "${COMPREPLY[@]}"', "bash", line).split()


def test_completion_of_bash(prefix):
    assert "tcp-listen:" in complete_bash(prefix, "plug tcp-l")
    assert "explain" in complete_bash(prefix, "plug ex")
    assert "--ready-fd=" in complete_bash(prefix, "plug --re")
    assert complete_bash(prefix, "plug help nodela") == ["nodelay"]
    assert "//localhost:80,nodelay" in complete_bash(prefix, "plug tcp://localhost:80,nodela") or \
        "80,nodelay" in complete_bash(prefix, "plug tcp://localhost:80,nodela")
    assert "len32+tcp4:" in complete_bash(prefix, "plug len32+tcp4")


def test_completion_of_zsh(prefix):
    script = prefix / "share" / "zsh" / "site-functions" / "_plug"
    if not shutil.which("zsh"):
        pytest.skip("zsh is missing")
    stub = ("compadd() { print -rl -- $@ }; compset() { : }; _describe() { print -rl -- $plug_rows };"
            "_files() { : }; words=(plug); CURRENT=2; PREFIX=$1; . " + str(script))
    assert "tcp-listen:" in run("zsh", "-f", "-c", stub, "zsh", "tcp-l").split()
    assert "nodelay" in run("zsh", "-f", "-c", stub, "zsh", "tcp:h:1,no").split()
    assert "--ready-fd:" in run("zsh", "-f", "-c", stub, "zsh", "--re")


def test_completion_of_fish(prefix):
    script = prefix / "share" / "fish" / "vendor_completions.d" / "plug.fish"
    if not shutil.which("fish"):
        pytest.skip("fish is missing")

    def fish(command):
        out = run("fish", "--no-config", "-c", f"source {script}; {command}")
        return [at.split("\t")[0] for at in out.splitlines()]

    # fish knows no command line where nobody types; it is the one argument of this function
    assert "tcp-listen:" in fish("__plug_address tcp-l")
    assert "tcp:h:1,nodelay" in fish("__plug_address tcp:h:1,nod")
    assert "nodelay" in fish("complete -C 'plug help nodela'")
    assert fish("complete -C 'plug --re'")[0] in ("--ready-fd", "--ready-fd=")
