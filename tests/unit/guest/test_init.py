"""The first process of a shell: the binaries in the repository are made from the source in it.

What it does is tried where it is at home: orphans, stopping and killing in
tests/conformance/sandbox. It must never run outside a pid namespace: `kill -1` means everybody.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

import lambdad.guest

FOLDER = Path(lambdad.guest.__file__).parent / "init"


def test_the_binaries_are_of_this_source() -> None:
    digest = hashlib.sha256((FOLDER / "init.c").read_bytes()).hexdigest()
    assert (FOLDER / "init.source").read_text().strip() == digest, "run guest/init/build"


def test_the_binary_is_small_and_static() -> None:
    binary = (FOLDER / "init.x86_64").read_bytes()
    assert binary[:4] == b"\x7fELF"
    assert len(binary) < 4096
    assert b"ld-linux" not in binary


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_source_builds_without_warnings(tmp_path: Path) -> None:
    for name in ("init.c", "build"):
        shutil.copy(FOLDER / name, tmp_path / name)
    subprocess.run([tmp_path / "build"], check=True)
    built = (tmp_path / f"init.{platform.machine()}").read_bytes()
    assert built[:4] == b"\x7fELF"
