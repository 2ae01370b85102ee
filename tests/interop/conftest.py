# SPDX-License-Identifier: MIT
"""The fixtures of tests/e2e, for peers that are daemons: each runs on a configuration of the test's own, as a
child of the test, on loopback."""
import importlib.util
import pathlib

_path = pathlib.Path(__file__).resolve().parents[1] / "e2e" / "conftest.py"
_spec = importlib.util.spec_from_file_location("e2e_fixtures", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
globals().update({k: v for k, v in vars(_module).items() if not k.startswith("__")})
