"""Sealing small secrets at rest: authenticated encryption, bound to what the secret belongs to.

Owns the cipher and the form of what it writes. Where the key comes from is the caller's business:
the master key of this machine (`iam/secrets_at_rest.py`), or a data key under it (`data_keys.py`).
"""

from __future__ import annotations

import os
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class BrokenSeal(Exception):
    """What was to be opened was not sealed here, not for this, or has been changed."""


class Sealer(Protocol):
    """Seals for a context; opens only in the same context."""

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt. `context` says what the secret belongs to; it is not stored."""
        ...

    def open(self, sealed: bytes, context: str) -> bytes:
        """What was sealed. Raises BrokenSeal."""
        ...


class AesGcmSealer:
    """AES-256-GCM with a random nonce before the ciphertext and the context authenticated."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, context: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        try:
            return self._cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise BrokenSeal(context) from error
