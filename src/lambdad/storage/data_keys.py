"""Data keys under a master key: what encrypts at rest, one key for each owner of data.

Owns the hierarchy: the master key encrypts nothing but data keys, and a data key lies beside the
data only in that encrypted form. So the master key can be kept elsewhere, changed, or become a
key of KMS, without a byte of the data being written again.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock

from lambdad.core.errors import OperatorError
from lambdad.storage.connection import sync_folder
from lambdad.storage.sealing import AesGcmSealer, BrokenSeal, Sealer

_KEY_BYTES = 32


class DataKeys:
    """The data keys in one folder, each made when it is first asked for. Any thread may ask."""

    def __init__(self, master: Sealer, folder: Path) -> None:
        self._master = master
        self._folder = folder
        self._keys: dict[str, bytes] = {}
        self._sealers: dict[str, Sealer] = {}
        self._making = Lock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def key(self, owner: str) -> bytes:
        """256 bits that belong to `owner`: an account, or a store of the server's. Durable before
        it is returned. Raises OperatorError where the master key does not open it."""
        with self._making:
            known = self._keys.get(owner)
            if known is None:
                known = self._keys[owner] = self._load_or_create(owner)
            return known

    def sealer(self, owner: str) -> Sealer:
        """Seals small things with the key of `owner`. Raises like `key`."""
        known = self._sealers.get(owner)
        if known is None:
            known = self._sealers[owner] = AesGcmSealer(self.key(owner))
        return known

    def _load_or_create(self, owner: str) -> bytes:
        path = self._folder / f"{owner}.key"
        try:
            return self._master.open(path.read_bytes(), _context(owner))
        except FileNotFoundError:
            key = os.urandom(_KEY_BYTES)
            _write(path, self._master.seal(key, _context(owner)))
            return key
        except BrokenSeal:
            raise OperatorError(
                f"{path} cannot be decrypted with this server's master key (sealing.key). Restore "
                "the master key that belongs to this data directory."
            ) from None


def _context(owner: str) -> str:
    return f"data key of {owner}"


def _write(path: Path, content: bytes) -> None:
    """Whole and durable, or not at all."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    sync_folder(path.parent)
