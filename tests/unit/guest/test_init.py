"""Our static programs: the binaries in the repository are made from the sources in it.

What the first process of a shell does is tried where it is at home: orphans, stopping and killing
in tests/conformance/sandbox. It must never run outside a pid namespace: `kill -1` means everybody.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import platform
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

import lambdad.guest
from lambdad.sandbox.seccomp.filters import ARCHITECTURES

FOLDER = Path(lambdad.guest.__file__).parent / "init"
PROGRAMS = ("init", "wait")
MACHINES = {"x86_64": 62, "aarch64": 183}
"""The numbers in an ELF header (EM_*)."""
EACH = [*itertools.product(PROGRAMS, MACHINES)]
LARGEST_PAGE = 0x10000
"""Some kernels for aarch64 have pages of 64 KiB."""


def test_there_is_one_of_each_for_every_architecture_that_has_a_filter() -> None:
    assert ARCHITECTURES.keys() == MACHINES.keys()
    there = {path.name for path in FOLDER.iterdir() if path.suffix[1:] in MACHINES}
    assert there == {f"{name}.{machine}" for name, machine in EACH}


@pytest.mark.parametrize(("name", "machine"), EACH)
def test_the_binaries_are_of_this_source(name: str, machine: str) -> None:
    digest = hashlib.sha256((FOLDER / f"{name}.c").read_bytes()).hexdigest()
    source = (FOLDER / f"{name}.{machine}.source").read_text()
    assert source.split()[0] == digest, "run guest/init/build"


@pytest.mark.parametrize(("name", "machine"), EACH)
def test_the_binary_is_small_and_static(name: str, machine: str) -> None:
    path = FOLDER / f"{name}.{machine}"
    binary = path.read_bytes()
    assert binary[:6] == b"\x7fELF\x02\x01"
    assert struct.unpack_from("<HH", binary, 16) == (2, MACHINES[machine])
    assert len(binary) < 2048
    assert b"ld-linux" not in binary
    assert os.access(path, os.X_OK)


@pytest.mark.parametrize(("name", "machine"), EACH)
def test_it_is_one_piece_that_can_be_mapped_whatever_the_size_of_pages(
    name: str, machine: str
) -> None:
    binary = (FOLDER / f"{name}.{machine}").read_bytes()
    (start,) = struct.unpack_from("<Q", binary, 32)
    size, count = struct.unpack_from("<HH", binary, 54)
    headers = [struct.unpack_from("<IIQQ", binary, start + size * n) for n in range(count)]
    ((flags, offset, address),) = [header[1:] for header in headers if header[0] == 1]
    assert flags == 5  # read and execute: nothing in it can be written
    assert (address - offset) % LARGEST_PAGE == 0


@pytest.mark.parametrize("machine", MACHINES)
def test_the_sources_build_to_these_binaries(machine: str, tmp_path: Path) -> None:
    compiler = shutil.which(f"{machine}-linux-gnu-gcc")
    if compiler is None and machine == platform.machine():
        compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip(f"needs a C compiler for {machine}")
    for file in ("init.c", "wait.c", "build"):
        shutil.copy(FOLDER / file, tmp_path / file)
    subprocess.run([tmp_path / "build", machine], env={**os.environ, "CC": compiler}, check=True)
    for name in PROGRAMS:
        built = tmp_path / f"{name}.{machine}"
        assert struct.unpack_from("<H", built.read_bytes(), 18) == (MACHINES[machine],)
        if said(built) == said(FOLDER / built.name):
            assert built.read_bytes() == (FOLDER / built.name).read_bytes()


def said(binary: Path) -> str:
    """What made it: digest and compiler."""
    return binary.with_name(f"{binary.name}.source").read_text()
