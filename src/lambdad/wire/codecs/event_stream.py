"""Frames of application/vnd.amazon.eventstream.

A frame is a prelude (total length, length of the headers), the prelude's CRC, headers, payload,
and the CRC of everything before it. Only what AWS's clients read of our answers is here: string,
integer, boolean, blob and timestamp headers, written.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from datetime import datetime

HeaderValue = str | bytes | bool | int | datetime

_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
_OVERHEAD = _PRELUDE.size + 2 * _CRC.size


def frame(headers: Iterable[tuple[str, HeaderValue]], payload: bytes) -> bytes:
    """One whole frame. Header names begin with a colon where AWS's own do."""
    packed = b"".join(_header(name, value) for name, value in headers)
    prelude = _PRELUDE.pack(_OVERHEAD + len(packed) + len(payload), len(packed))
    message = b"".join((prelude, _CRC.pack(zlib.crc32(prelude)), packed, payload))
    return message + _CRC.pack(zlib.crc32(message))


def _header(name: str, value: HeaderValue) -> bytes:
    """A header: its name's length, its name, its type, its value."""
    encoded = name.encode()
    return bytes((len(encoded),)) + encoded + _value(value)


def _value(value: HeaderValue) -> bytes:
    if isinstance(value, str):
        text = value.encode()
        return b"\x07" + struct.pack(">H", len(text)) + text
    if isinstance(value, bool):
        return b"\x00" if value else b"\x01"
    if isinstance(value, int):
        return b"\x05" + struct.pack(">q", value)
    if isinstance(value, datetime):
        return b"\x08" + struct.pack(">q", round(value.timestamp() * 1000))
    return b"\x06" + struct.pack(">H", len(value)) + value
