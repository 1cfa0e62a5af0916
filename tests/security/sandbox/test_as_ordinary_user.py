"""The same tests as somebody without rights, for tiers B and C, when root runs the tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from support.real_sandboxes import run_as_ordinary_user

PLACES = (
    "tests/conformance/sandbox",
    "tests/security/sandbox",
    "tests/system/runtime/test_extensions.py",
    "tests/system/runtime/test_reset.py",
)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs them directly")
@pytest.mark.parametrize("place", PLACES)
def test_as_an_ordinary_user(place: str) -> None:
    chosen = "(rootless or hardened) and not when_root"
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, place]
    with tempfile.TemporaryDirectory(prefix="lambdad-user-") as name:
        done = run_as_ordinary_user(arguments, Path(name))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
