"""The blob store: whole and durable, or not there; and no way out of its folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.storage.blobs import BlobStore
from lambdad.storage.errors import BlobDamaged, InUse

KEY = bytes(range(32))


@pytest.fixture
def store(tmp_path: Path):
    store = BlobStore(tmp_path / "blobs", KEY)
    yield store
    store.close()


def test_a_blob_comes_back_under_its_digest(store: BlobStore) -> None:
    digest = store.put(b"code")
    assert digest == hashlib.sha256(b"code").hexdigest()
    with store.open(digest) as blob:
        assert blob.read() == b"code"
    assert store.path(digest).parent.name == digest[:2]
    assert store.path(digest).stat().st_mode & 0o777 == 0o400
    assert list(store.digests()) == [digest]
    store.verify(digest)


def test_the_same_bytes_are_stored_once(store: BlobStore) -> None:
    assert store.put(b"code") == store.put(b"code")
    assert len(list(store.digests())) == 1
    assert list((store.path("0" * 64).parents[1] / "tmp").iterdir()) == []


def test_damage_is_found_and_mended_by_storing_again(store: BlobStore) -> None:
    digest = store.put(b"code")
    path = store.path(digest)
    path.chmod(0o600)
    path.write_bytes(b"cod")
    with pytest.raises(BlobDamaged, match=r"damaged.*[Pp]ut back a backup"):
        store.verify(digest)
    store.put(b"code")
    store.verify(digest)


def test_deleting_twice_is_no_error(store: BlobStore) -> None:
    digest = store.put(b"")
    store.delete(digest)
    store.delete(digest)
    assert list(store.digests()) == []
    with pytest.raises(FileNotFoundError):
        store.open(digest)
    with pytest.raises(FileNotFoundError):
        store.verify(digest)


@pytest.mark.parametrize(
    "name",
    ["", "a", "../../etc/passwd", "A" * 64, "g" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n",
     "../" * 20 + "abcd", "٠" * 64, "0" * 32 + "/" + "0" * 31, "tmp", ".", ".."],
)  # fmt: skip
def test_only_digests_are_names(store: BlobStore, name: str) -> None:
    for use in (store.path, store.open, store.verify, store.delete):
        with pytest.raises(ValueError, match="not a SHA-256 digest"):
            use(name)


@settings(max_examples=200)
@given(st.text(alphabet="0123456789abcdef./\\\n\0", min_size=60, max_size=66))
def test_every_accepted_name_stays_inside(name: str) -> None:
    store = BlobStore.__new__(BlobStore)
    store._root = Path("/data/blobs")
    try:
        path = store.path(name)
    except ValueError:
        return
    assert path == Path("/data/blobs") / name[:2] / name
    assert len(path.parts) == 5


def test_half_written_files_of_a_crash_are_cleared(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs", KEY)
    digest = store.put(b"whole")
    store.close()
    (tmp_path / "blobs" / "tmp" / "leftover").write_bytes(b"hal")
    store = BlobStore(tmp_path / "blobs", KEY)
    assert list((tmp_path / "blobs" / "tmp").iterdir()) == []
    assert list(store.digests()) == [digest]
    store.close()


def test_a_failed_write_leaves_nothing(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lambdad.storage.blobs.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.put(b"code")
    monkeypatch.undo()
    assert list(store.digests()) == []
    assert list((store.path("0" * 64).parents[1] / "tmp").iterdir()) == []


def test_one_process_owns_a_store(tmp_path: Path, store: BlobStore) -> None:
    with pytest.raises(InUse, match="in use by another lambdad"):
        BlobStore(tmp_path / "blobs", KEY)
