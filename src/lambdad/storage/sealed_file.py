"""Encrypted files that are read at any place: AES-256-GCM in chunks (the STREAM construction).

Layout: MAGIC, a salt, then chunks of CHUNK_BYTES with their tags; the last is shorter, or empty.
The salt makes a key of its own for each file (HKDF-SHA256). A chunk's nonce is its number and
whether it is the last: chunks cannot be swapped, dropped or cut off unnoticed. What is read has
been authenticated.

Source: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance" (2015); the age file format.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lambdad.storage.errors import BlobDamaged

MAGIC = b"lambdad sealed file 1\n"
CHUNK_BYTES = 65_536
_SALT_BYTES = 32
_TAG_BYTES = 16
_START = len(MAGIC) + _SALT_BYTES
_STORED_CHUNK_BYTES = CHUNK_BYTES + _TAG_BYTES


def sealed_chunks(key: bytes, data: bytes) -> Iterator[bytes]:
    """What to write for `data`."""
    salt = os.urandom(_SALT_BYTES)
    cipher = _cipher(key, salt)
    yield MAGIC + salt
    last = len(data) // CHUNK_BYTES
    view = memoryview(data)
    for number in range(last + 1):
        chunk = view[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
        yield cipher.encrypt(_nonce(number, number == last), chunk, None)


def plain_bytes(stored_bytes: int) -> int:
    """The size of the content of a sealed file of this size."""
    body = stored_bytes - _START
    return body - _TAG_BYTES * (body // _STORED_CHUNK_BYTES + 1)


class SealedFile(io.RawIOBase):
    """The content of a sealed file. Wrap it in io.BufferedReader."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Raises FileNotFoundError, BlobDamaged."""
        super().__init__()
        self._path = path
        self._file = path.open("rb")
        head = self._file.read(_START)
        if len(head) < _START or not head.startswith(MAGIC):
            self._file.close()
            raise BlobDamaged(path)
        self._cipher = _cipher(key, head[len(MAGIC) :])
        self.size = plain_bytes(os.fstat(self._file.fileno()).st_size)
        """Bytes of the content."""
        if self.size < 0:
            self._file.close()
            raise BlobDamaged(path)
        self._position = 0
        self._number = -1
        self._chunk = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` from one chunk. Raises BlobDamaged."""
        if self._position >= self.size:
            self._open_chunk(self.size // CHUNK_BYTES)  # its end is authentic too
            return 0
        number, offset = divmod(self._position, CHUNK_BYTES)
        part = self._open_chunk(number)[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _open_chunk(self, number: int) -> bytes:
        if number != self._number:
            last = number == self.size // CHUNK_BYTES
            self._file.seek(_START + number * _STORED_CHUNK_BYTES)
            stored = self._file.read(_STORED_CHUNK_BYTES)
            try:
                self._chunk = self._cipher.decrypt(_nonce(number, last), stored, None)
            except (InvalidTag, ValueError):
                raise BlobDamaged(self._path) from None
            self._number = number
        return self._chunk


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, MAGIC).derive(key))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
