"""The same tests as somebody without rights, for tier B, when root runs the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.real_sandboxes import run_as_ordinary_user

FOLDERS = ("tests/conformance/sandbox", "tests/security/sandbox")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs them directly")
@pytest.mark.parametrize("folder", FOLDERS)
def test_tier_b_as_an_ordinary_user(folder: str, tmp_path: Path) -> None:
    for parent in (tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "rootless", folder]
    arguments += ["--basetemp", str(tmp_path / "base")]
    done = run_as_ordinary_user(arguments, tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
