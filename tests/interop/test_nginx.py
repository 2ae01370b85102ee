# SPDX-License-Identifier: MIT
"""nginx behind plug: a 100 MB file over TCP and over a Unix socket, for 64 curls at once, uploads and keep-alive."""
import hashlib
import subprocess

import pytest

from conftest import find, need, noise, until

SIZE = 100 * 1000 * 1000
CLIENTS = 64

CONF = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/www/body;
    client_max_body_size 200m;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen unix:{folder}/www.sock;
        root {folder}/www;
        dav_methods PUT;
    }}
}}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    need("nginx", "curl")
    import shutil
    import tempfile
    import pathlib

    folder = pathlib.Path(tempfile.mkdtemp(prefix="plug-nginx-"))
    (folder / "www").mkdir()
    folder.chmod(0o755)
    digest = hashlib.sha256()
    with open(folder / "www" / "big", "wb") as f:
        seed = b"plug"
        for _ in range(SIZE // 1000000):
            seed = hashlib.sha256(seed).digest()
            piece = hashlib.shake_256(seed).digest(1000000)
            digest.update(piece)
            f.write(piece)
    (folder / "www" / "part").write_bytes(noise(SIZE // 5))
    (folder / "conf").write_text(CONF.format(folder=folder))
    server = subprocess.Popen([find("nginx"), "-c", folder / "conf", "-p", folder], stderr=subprocess.DEVNULL)
    try:
        until((folder / "www.sock").exists, "nginx listens")
        yield folder
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def curl(run, port, clients, site, name="big"):
    script = f"curl -sS --fail --max-time 240 http://127.0.0.1:{port}/{name} | cmp - {site}/www/{name}"
    jobs = [run("bash", "-o", "pipefail", "-c", script) for _ in range(clients)]
    for job in jobs:
        status, out, err = job.finish(patience=240)
        assert status == 0, (out, err)


@pytest.mark.parametrize("clients", [1, CLIENTS])
def test_file_through_tcp_to_unix(plug, run, site, clients):
    p = plug("tcp-listen://:0", f"unix://{site}/www.sock", ready=1)
    curl(run, p.port(), clients, site)
    assert p.p.poll() is None


@pytest.mark.parametrize("clients", [1, CLIENTS])
def test_file_through_tcp_to_tcp(plug, run, site, clients):
    inner = plug("tcp-listen://127.0.0.1:0", f"unix://{site}/www.sock", ready=1)
    outer = plug("tcp-listen://127.0.0.1:0", f"tcp://127.0.0.1:{inner.port()}", ready=1)
    curl(run, outer.port(), clients, site, "big" if clients == 1 else "part")


def test_one_connection_carries_many_requests(plug, run, site):
    (site / "www" / "small").write_bytes(b"small\n")
    p = plug("tcp-listen://127.0.0.1:0", f"unix://{site}/www.sock", ready=1)
    url = f"http://127.0.0.1:{p.port()}/small"
    job = run("curl", "-sS", "--fail", "-w", "%{num_connects}\\n", *[url] * 50)
    status, out, err = job.finish()
    assert status == 0, err
    lines = out.decode().split()
    assert lines.count("small") == 50
    assert sum(int(x) for x in lines if x.isdigit()) == 1


@pytest.mark.parametrize("clients", [1, CLIENTS])
def test_upload(plug, run, site, tmp_path, clients):
    p = plug("tcp-listen://127.0.0.1:0", f"unix://{site}/www.sock", ready=1)
    jobs = []
    for i in range(clients):
        (tmp_path / str(i)).write_bytes(noise(SIZE // 50 // clients, b"%d" % i) * 50)
        url = f"http://127.0.0.1:{p.port()}/up-{clients}-{i}"
        jobs.append(run("curl", "-sS", "--fail", "--max-time", "240", "-T", tmp_path / str(i), url))
    for i, job in enumerate(jobs):
        status, _, err = job.finish(patience=240)
        assert status == 0, err
        assert (site / "www" / f"up-{clients}-{i}").read_bytes() == (tmp_path / str(i)).read_bytes()
