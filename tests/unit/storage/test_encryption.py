"""Encryption at rest: data keys under a master key, and sealed files read at any place."""

from __future__ import annotations

import io
import os
import random
from pathlib import Path

import pytest

from lambdad.core.errors import OperatorError
from lambdad.storage.data_keys import DataKeys
from lambdad.storage.errors import BlobDamaged
from lambdad.storage.sealed_file import CHUNK_BYTES, SealedFile, sealed_chunks
from lambdad.storage.sealing import AesGcmSealer, BrokenSeal

KEY = bytes(range(32))
SIZES = [0, 1, 100, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 200_001]


def write(path: Path, data: bytes, key: bytes = KEY) -> Path:
    path.write_bytes(b"".join(sealed_chunks(key, data)))
    return path


def read(path: Path, key: bytes = KEY) -> bytes:
    with io.BufferedReader(SealedFile(path, key)) as file:
        return file.read()


# Sealed files.


@pytest.mark.parametrize("size", SIZES)
def test_a_sealed_file_gives_back_what_it_holds_and_knows_its_size(
    tmp_path: Path, size: int
) -> None:
    data = random.Random(size).randbytes(size)
    path = write(tmp_path / "sealed", data)
    assert read(path) == data
    assert SealedFile(path, KEY).size == size
    if size >= 16:
        assert data[:16] not in path.read_bytes()


def test_it_is_read_at_any_place(tmp_path: Path) -> None:
    chance = random.Random(7)
    data = chance.randbytes(3 * CHUNK_BYTES + 77)
    with io.BufferedReader(SealedFile(write(tmp_path / "sealed", data), KEY)) as file:
        assert file.seek(0, os.SEEK_END) == len(data)
        assert file.read(1) == b""
        for _ in range(200):
            start, count = chance.randrange(len(data)), chance.randrange(100_000)
            assert file.seek(start) == start
            assert file.read(count) == data[start : start + count]


@pytest.mark.parametrize("size", SIZES)
def test_a_file_that_was_cut_off_is_damaged(tmp_path: Path, size: int) -> None:
    whole = write(tmp_path / "sealed", bytes(size)).read_bytes()
    shorter = {len(whole) - 1, len(whole) - 16, len(whole) // 2, 60, 0}
    for length in sorted(n for n in shorter if 0 <= n < len(whole)):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(BlobDamaged):
            read(tmp_path / "cut")


def test_a_file_cut_off_between_two_chunks_is_damaged(tmp_path: Path) -> None:
    path = write(tmp_path / "sealed", bytes(3 * CHUNK_BYTES))
    stored = path.read_bytes()
    for dropped in (16, 16 + CHUNK_BYTES + 16, 16 + 2 * (CHUNK_BYTES + 16)):
        path.write_bytes(stored[:-dropped])
        with pytest.raises(BlobDamaged):
            read(path)


def test_every_changed_byte_and_swapped_chunk_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "sealed", b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES + b"end")
    stored = path.read_bytes()
    chance = random.Random(3)
    for place in [0, 25, 60, len(stored) - 1, *(chance.randrange(len(stored)) for _ in range(20))]:
        changed = bytearray(stored)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(BlobDamaged):
            read(path)
    start, chunk = len(stored) - (2 * (CHUNK_BYTES + 16) + 3 + 16), CHUNK_BYTES + 16
    first, second = stored[start : start + chunk], stored[start + chunk : start + 2 * chunk]
    path.write_bytes(stored[:start] + second + first + stored[start + 2 * chunk :])
    with pytest.raises(BlobDamaged):
        read(path)


def test_another_key_opens_nothing_and_equal_files_differ(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a", b"same"), write(tmp_path / "b", b"same")
    assert first.read_bytes() != second.read_bytes()
    with pytest.raises(BlobDamaged):
        read(first, bytes(32))


# Data keys.


def test_each_owner_has_a_key_that_lasts(tmp_path: Path) -> None:
    master = AesGcmSealer(KEY)
    keys = DataKeys(master, tmp_path / "keys")
    one, other = keys.key("111111111111"), keys.key("222222222222")
    assert one != other
    assert keys.key("111111111111") == one
    assert DataKeys(master, tmp_path / "keys").key("111111111111") == one
    for path in (tmp_path / "keys").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert one not in path.read_bytes()
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_what_one_owner_sealed_another_does_not_open(tmp_path: Path) -> None:
    keys = DataKeys(AesGcmSealer(KEY), tmp_path / "keys")
    sealed = keys.sealer("111111111111").seal(b"secret", "here")
    assert keys.sealer("111111111111").open(sealed, "here") == b"secret"
    with pytest.raises(BrokenSeal):
        keys.sealer("222222222222").open(sealed, "here")
    with pytest.raises(BrokenSeal):
        keys.sealer("111111111111").open(sealed, "there")


def test_a_key_file_under_another_owners_name_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys = DataKeys(AesGcmSealer(KEY), folder)
    keys.key("111111111111")
    (folder / "111111111111.key").rename(folder / "222222222222.key")
    with pytest.raises(OperatorError, match="Restore the master key"):
        keys.key("222222222222")


def test_another_master_key_is_refused_with_the_remedy(tmp_path: Path) -> None:
    DataKeys(AesGcmSealer(KEY), tmp_path).key("code")
    with pytest.raises(OperatorError, match="Restore the master key"):
        DataKeys(AesGcmSealer(bytes(32)), tmp_path).key("code")


def test_a_crash_while_a_key_is_written_leaves_no_half_key(tmp_path: Path) -> None:
    (tmp_path / "code.new").write_bytes(b"half")
    key = DataKeys(AesGcmSealer(KEY), tmp_path).key("code")
    assert DataKeys(AesGcmSealer(KEY), tmp_path).key("code") == key
    assert [path.name for path in tmp_path.iterdir()] == ["code.key"]
