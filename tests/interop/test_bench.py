# SPDX-License-Identifier: MIT
"""The benchmark at its smallest: every relay that is installed gets through and has every figure."""
import json
import sys

from conftest import PLUG, ROOT, sanitized

FIGURES = {"CPU s/GB", "GB/s", "CPU us/connection", "connections/s", "bytes/idle connection", "bytes of a late reply"}


def test_every_relay_has_every_figure(run, tmp_path):
    small = ["--rounds", "1", "--size", "8", "--connections", "32", "--idle", "10"]
    job = run(sys.executable, "-B", ROOT / "bench" / "run.py", *small, "--out", tmp_path / "results.json")
    status, out, err = job.finish(patience=120)
    assert status == 0, (out, err)
    results = json.loads((tmp_path / "results.json").read_text())
    for name in results["versions"]:
        assert {f for f, row in results["figures"].items() if name in row["values"]} == FIGURES, out.decode()
    assert "plug" in results["versions"], PLUG
    assert results["figures"]["bytes of a late reply"]["values"]["plug"][0] == 40
    if not sanitized():
        assert results["figures"]["CPU s/GB"]["values"]["plug"][0] < 5
