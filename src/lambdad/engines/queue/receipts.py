"""Receipt handles: which receive of which message of which queue.

Owns their form. The nonce, drawn for each receive and kept beside the message, is what makes a
handle the latest one and one that nobody can guess.
"""

from __future__ import annotations

import binascii
import struct
from base64 import b64decode, b64encode
from typing import NamedTuple

from lambdad.engines.queue.records import Receipted

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


def from_handle(handle: str, queue: int) -> Receipt | Receipted:
    """What a handle says to this queue; MALFORMED or FOREIGN where it says nothing to it."""
    try:
        mark, *numbers = _FORM.unpack(b64decode(handle, validate=True))
    except (binascii.Error, ValueError, struct.error):
        return Receipted.MALFORMED
    if mark != _MARK or any(number >= 1 << 63 for number in numbers):
        return Receipted.MALFORMED
    receipt = Receipt(*numbers)
    return receipt if receipt.queue == queue else Receipted.FOREIGN
