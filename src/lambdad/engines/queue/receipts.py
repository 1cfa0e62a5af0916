"""Receipt handles: which receive of which message of which queue.

Owns their form. The nonce, drawn for each receive and kept beside the message, is what makes a
handle the latest one and one that nobody can guess.
"""

from __future__ import annotations

import binascii
import struct
from base64 import b64decode, b64encode
from typing import NamedTuple

_FORM = struct.Struct(">4sQQQ")
_MARK = b"\x01\x01lq"


class Receipt(NamedTuple):
    """What a handle says."""

    queue: int
    seq: int
    nonce: int
    """63 random bits, never 0."""


def to_handle(receipt: Receipt) -> str:
    return b64encode(_FORM.pack(_MARK, *receipt)).decode()


def from_handle(handle: str, queue: int) -> Receipt | None:
    """None where it is no handle of a message of this queue."""
    try:
        mark, *numbers = _FORM.unpack(b64decode(handle, validate=True))
    except (binascii.Error, ValueError, struct.error):
        return None
    receipt = Receipt(*numbers)
    fits = all(number < 1 << 63 for number in numbers)
    return receipt if mark == _MARK and receipt.queue == queue and fits else None
