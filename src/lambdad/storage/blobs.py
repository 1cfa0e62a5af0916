"""Content-addressed, encrypted files: a blob's name is the SHA-256 of its bytes.

Layout: `<root>/<first two digits>/<digest>`, and `<root>/tmp` for what is being written. A blob
appears under its name whole and durable, or not at all: written aside, synced, renamed, and the
folder synced. On disk it is a sealed file (`sealed_file.py`). One process owns a root at a time.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path

from lambdad.storage.connection import sync_folder
from lambdad.storage.errors import BlobDamaged
from lambdad.storage.lock import FileLock
from lambdad.storage.sealed_file import SealedFile, sealed_chunks

DIGEST = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """Blobs under one folder. Everything blocks: call it in a thread."""

    def __init__(self, root: Path, key: bytes) -> None:
        """Open the store, making the folder if need be, and clear what a crash left half
        written. `key`: 256 bits. Raises InUse if another process has it."""
        self._root = root
        self._key = key
        self._tmp = root / "tmp"
        self._tmp.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = FileLock(root)
        for leftover in self._tmp.iterdir():
            leftover.unlink()

    def put(self, data: bytes) -> str:
        """Store the bytes; their digest, once they are durable.

        Bytes that are there already are written again: it mends a damaged copy, and the
        answer never relies on a rename of somebody else's that is not durable yet.
        """
        digest = hashlib.sha256(data).hexdigest()
        final = self.path(digest)
        tmp = self._tmp / secrets.token_hex(16)
        try:
            self._write(tmp, sealed_chunks(self._key, data))
            if not final.parent.exists():
                final.parent.mkdir(exist_ok=True, mode=0o700)
            sync_folder(self._root)
            tmp.rename(final)
        except BaseException:
            tmp.unlink(missing_ok=True)
            raise
        sync_folder(final.parent)
        return digest

    def path(self, digest: str) -> Path:
        """Where the blob is or would be. Raises ValueError for what is no digest, so that no
        name from outside can lead elsewhere."""
        if DIGEST.fullmatch(digest) is None:
            raise ValueError(f"not a SHA-256 digest in lower-case hex: {digest!r}")
        return self._root / digest[:2] / digest

    def open(self, digest: str) -> BufferedReader:
        """The blob's bytes for reading, at any place. Raises FileNotFoundError, BlobDamaged; a
        read raises BlobDamaged where the file was changed."""
        return BufferedReader(SealedFile(self.path(digest), self._key))

    def verify(self, digest: str) -> None:
        """Read the blob through. Raises BlobDamaged, FileNotFoundError."""
        with self.open(digest) as blob:
            if hashlib.file_digest(blob, "sha256").hexdigest() != digest:
                raise BlobDamaged(self.path(digest))

    def delete(self, digest: str) -> None:
        """Remove the blob, durably; one that is not there is no error."""
        path = self.path(digest)
        try:
            path.unlink()
        except FileNotFoundError:
            return
        sync_folder(path.parent)

    def digests(self) -> Iterator[str]:
        """Every blob's digest, in no order."""
        for folder in self._root.iterdir():
            if folder.is_dir() and folder != self._tmp:
                for path in folder.iterdir():
                    if DIGEST.fullmatch(path.name):
                        yield path.name

    def close(self) -> None:
        """Let another process have the store."""
        self._lock.release()

    @staticmethod
    def _write(path: Path, parts: Iterable[bytes]) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
