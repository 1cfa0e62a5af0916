"""Our static programs: the binaries in the repository are made from the sources in it.

What the first process of a shell does is tried where it is at home: orphans, stopping and killing
in tests/conformance/sandbox. It must never run outside a pid namespace: `kill -1` means everybody.
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
PROGRAMS = ("init", "wait")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_binaries_are_of_this_source(name: str) -> None:
    digest = hashlib.sha256((FOLDER / f"{name}.c").read_bytes()).hexdigest()
    assert (FOLDER / f"{name}.source").read_text().strip() == digest, "run guest/init/build"


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_binary_is_small_and_static(name: str) -> None:
    binary = (FOLDER / f"{name}.x86_64").read_bytes()
    assert binary[:4] == b"\x7fELF"
    assert len(binary) < 4096
    assert b"ld-linux" not in binary


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_sources_build_without_warnings(tmp_path: Path) -> None:
    for file in ("init.c", "wait.c", "build"):
        shutil.copy(FOLDER / file, tmp_path / file)
    subprocess.run([tmp_path / "build"], check=True)
    for name in PROGRAMS:
        built = (tmp_path / f"{name}.{platform.machine()}").read_bytes()
        assert built[:4] == b"\x7fELF"
