"""CBOR (RFC 8949), as much of it as smithy-rpc-v2-cbor uses.

Own code and not `cbor2`: the protocol needs a tenth of CBOR, a hundred lines hold it, and the
decoder reads what strangers send, so it has a depth limit, makes no room before the bytes are
there, and knows no tag but the timestamp's. The tests compare it with `cbor2`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime
from typing import Any

from lambdad.core.limits import WIRE_LIMITS
from lambdad.wire.codecs.scalars import epoch_seconds, from_epoch
from lambdad.wire.codecs.shapes import Malformed

_INDEFINITE = 31
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: struct.Struct(">e"), 26: struct.Struct(">f"), 27: struct.Struct(">d")}
_DOUBLE = _FLOATS[27]
_EPOCH = 1


def encode(value: Any) -> bytes:
    """A tree of plain values as CBOR: definite lengths, shortest heads, doubles for floats.

    Raises TypeError on a value that has no place in CBOR.
    """
    out = bytearray()
    _encode(out, value)
    return bytes(out)


def _encode(out: bytearray, value: Any) -> None:
    if isinstance(value, str):
        text = value.encode()
        _head(out, 3, len(text))
        out += text
    elif value is True or value is False or value is None:
        out.append(0xF5 if value else 0xF6 if value is None else 0xF4)
    elif isinstance(value, int):
        major, argument = (0, value) if value >= 0 else (1, -1 - value)
        _head(out, major, argument)
    elif isinstance(value, float):
        out.append(0xFB)
        out += _DOUBLE.pack(value)
    elif isinstance(value, bytes | bytearray | memoryview):
        _head(out, 2, len(value))
        out += value
    elif isinstance(value, dict):
        _head(out, 5, len(value))
        for key, item in value.items():
            _encode(out, key)
            _encode(out, item)
    elif isinstance(value, list | tuple):
        _head(out, 4, len(value))
        for item in value:
            _encode(out, item)
    elif isinstance(value, datetime):
        out.append(0xC1)
        _encode(out, epoch_seconds(value))
    else:
        raise TypeError(f"CBOR has no form for {type(value).__name__}")


def _head(out: bytearray, major: int, argument: int) -> None:
    """A major type and its argument in the fewest bytes."""
    major <<= 5
    if argument < 24:
        out.append(major | argument)
    elif argument < 1 << 8:
        out += bytes((major | 24, argument))
    elif argument < 1 << 16:
        out += struct.pack(">BH", major | 25, argument)
    elif argument < 1 << 32:
        out += struct.pack(">BI", major | 26, argument)
    else:
        out += struct.pack(">BQ", major | 27, argument)


def decode(data: bytes) -> Any:
    """The one value that `data` holds. Raises Malformed on anything else."""
    decoder = _Decoder(data)
    value = decoder.item(0)
    if value is _BREAK or decoder.position != len(data):
        raise Malformed("CBOR body does not hold exactly one item")
    return value


_BREAK = object()


class _Decoder:
    """A cursor over the bytes; each method consumes what it returns."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0
        self._readers: tuple[Callable[[int, int], Any], ...] = (
            self._positive,
            self._negative,
            self._bytes,
            self._text,
            self._array,
            self._map,
            self._tag,
            self._special,
        )

    def item(self, depth: int) -> Any:
        """The next item, or the break mark."""
        if depth > WIRE_LIMITS.depth:
            raise Malformed("Nesting is too deep")
        head = self._take(1)[0]
        return self._readers[head >> 5](head & 0x1F, depth)

    def _take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self._data):
            raise Malformed("CBOR body ends early")
        taken = self._data[self.position : end]
        self.position = end
        return taken

    def _argument(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise Malformed("CBOR head is not valid")
        return int.from_bytes(self._take(1 << (info - 24)), "big")

    def _count(self, info: int) -> int:
        """How many items follow: each takes a byte at least, so no more than bytes are left."""
        count = self._argument(info)
        if count > len(self._data) - self.position:
            raise Malformed("CBOR body ends early")
        return count

    def _string(self, info: int, major: int) -> bytes:
        if info != _INDEFINITE:
            return self._take(self._argument(info))
        chunks = []
        while (head := self._take(1)[0]) != 0xFF:
            if head >> 5 != major or head & 0x1F == _INDEFINITE:
                raise Malformed("CBOR string is made of something else")
            chunks.append(self._take(self._argument(head & 0x1F)))
        return b"".join(chunks)

    def _positive(self, info: int, depth: int) -> int:
        return self._argument(info)

    def _negative(self, info: int, depth: int) -> int:
        return -1 - self._argument(info)

    def _bytes(self, info: int, depth: int) -> bytes:
        return self._string(info, 2)

    def _text(self, info: int, depth: int) -> str:
        try:
            return self._string(info, 3).decode()
        except UnicodeDecodeError as error:
            raise Malformed("CBOR text is not UTF-8") from error

    def _value(self, depth: int) -> Any:
        value = self.item(depth)
        if value is _BREAK:
            raise Malformed("CBOR break is out of place")
        return value

    def _array(self, info: int, depth: int) -> list[Any]:
        if info != _INDEFINITE:
            return [self._value(depth + 1) for _ in range(self._count(info))]
        items = []
        while (item := self.item(depth + 1)) is not _BREAK:
            items.append(item)
        return items

    def _map(self, info: int, depth: int) -> dict[str, Any]:
        left = None if info == _INDEFINITE else self._count(info)
        items: dict[str, Any] = {}
        while left is None or left > 0:
            key = self.item(depth + 1)
            if key is _BREAK and left is None:
                break
            if type(key) is not str:
                raise Malformed("CBOR map has a key that is not text")
            items[key] = self._value(depth + 1)
            left = None if left is None else left - 1
        return items

    def _tag(self, info: int, depth: int) -> Any:
        tag = self._argument(info)
        value = self._value(depth + 1)
        if tag == _EPOCH and type(value) in (int, float):
            return from_epoch(value)
        raise Malformed(f"CBOR tag {tag} is not supported here")

    def _special(self, info: int, depth: int) -> Any:
        if info in _SIMPLE:
            return _SIMPLE[info]
        if info in _FLOATS:
            layout = _FLOATS[info]
            return layout.unpack(self._take(layout.size))[0]
        if info == _INDEFINITE:
            return _BREAK
        raise Malformed("CBOR simple value is not valid")
