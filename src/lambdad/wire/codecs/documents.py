"""Trees of dictionaries and lists, as JSON and CBOR decode to, to values of a shape and back.

The two formats differ only in what they do with blobs, timestamps and special numbers; the
containers are the same. The JSON and CBOR codecs themselves are not here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from lambdad.core.limits import WIRE_LIMITS
from lambdad.wire.codecs import scalars
from lambdad.wire.codecs.shapes import Compiler, Malformed, body_members
from lambdad.wire.model import Shape

Read = Callable[[Any], Any]
Write = Callable[[Any], Any] | None
"""None means that the value travels as it is."""

_FOUND = {bool: "BOOLEAN_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE", str: "STRING_VALUE"}
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def mismatch(value: Any, wanted: str) -> Malformed:
    """A value of the wrong JSON type, in the words of AWS's own serialisation errors."""
    if value is True or value is False:
        found = "TRUE_VALUE" if value else "FALSE_VALUE"
        return Malformed(f"{found} cannot be converted to {wanted}")
    if isinstance(value, dict):
        return Malformed("Start of structure or map found where not expected")
    if isinstance(value, list):
        return Malformed(f"Unrecognized collection type {wanted}")
    if value is None:
        return Malformed("Null found where not expected")
    return Malformed(f"{_FOUND.get(type(value), 'VALUE')} cannot be converted to {wanted}")


def _read_string(value: Any) -> str:
    if type(value) is str:
        return value
    raise mismatch(value, "String")


def _read_boolean(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise mismatch(value, "Boolean")


def _read_double(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError as error:
            raise Malformed("Number is out of range for Double") from error
    if type(value) is str and value in _SPECIAL:
        return _SPECIAL[value]
    raise mismatch(value, "Double")


def _integer_reader(kind: str) -> Read:
    low, high = scalars.INTEGER_BOUNDS[kind]

    def read(value: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise mismatch(value, kind.capitalize())
        if low <= value <= high:
            return value
        raise Malformed(f"Number is out of range for {kind.capitalize()}")

    return read


def read_document(value: Any, depth: int = 0) -> Any:
    """A value without a shape: anything, as long as it is not nested too deeply."""
    if depth >= WIRE_LIMITS.depth:
        raise Malformed("Nesting is too deep")
    if isinstance(value, dict):
        for item in value.values():
            read_document(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            read_document(item, depth + 1)
    return value


class DocumentReader(Compiler[Read]):
    """Decoded trees to values. Unknown members are passed over: newer clients send them."""

    def structure(self, shape: Shape) -> Read:
        if shape.has("document"):
            return read_document
        return self._structure(shape.members)

    def body(self, shape: Shape) -> Read:
        """The members of an input that travel in the body; what is bound elsewhere is not read
        from it, or a body could overrule the path that was authorised."""
        return self._structure(body_members(shape))

    def _structure(self, shapes: dict[str, Shape]) -> Read:
        members = {
            member.wire_name or name: (name, self.compile(member))
            for name, member in shapes.items()
        }

        def read(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise mismatch(value, "Structure")
            result = {}
            for key, item in value.items():
                if item is not None and key in members:
                    name, convert = members[key]
                    result[name] = convert(item)
            return result

        return read

    def list(self, shape: Shape) -> Read:
        convert = self.compile(shape.member)

        def read(value: Any) -> Any:
            if type(value) is not list:
                raise Malformed("Expected list or null")
            return [convert(item) for item in value]

        return read

    def map(self, shape: Shape) -> Read:
        convert = self.compile(shape.value)

        def read(value: Any) -> Any:
            if type(value) is not dict:
                raise Malformed("Expected map or null")
            return {key: convert(item) for key, item in value.items()}

        return read

    def string(self, shape: Shape) -> Read:
        return _read_string

    def boolean(self, shape: Shape) -> Read:
        return _read_boolean

    def integer(self, shape: Shape) -> Read:
        return _integer_reader("integer")

    def long(self, shape: Shape) -> Read:
        return _integer_reader("long")

    def double(self, shape: Shape) -> Read:
        return _read_double

    float = double

    def blob(self, shape: Shape) -> Read:
        def read(value: Any) -> bytes:
            if type(value) is str:
                return scalars.blob_from_text(value)
            raise mismatch(value, "Blob")

        return read

    def timestamp(self, shape: Shape) -> Read:
        def read(value: Any) -> datetime:
            if type(value) is int or type(value) is float:
                return scalars.from_epoch(value)
            if type(value) is str:
                return scalars.timestamp_from_text(value)
            raise mismatch(value, "Timestamp")

        return read


class CborReader(DocumentReader):
    """Decoded CBOR: blobs and timestamps have types of their own."""

    def blob(self, shape: Shape) -> Read:
        def read(value: Any) -> bytes:
            if type(value) is bytes:
                return value
            raise mismatch(value, "Blob")

        return read

    def timestamp(self, shape: Shape) -> Read:
        def read(value: Any) -> datetime:
            if type(value) is datetime:
                return value
            raise mismatch(value, "Timestamp")

        return read


class DocumentWriter(Compiler[Callable[[Any], Any]]):
    """Values to JSON trees. A member that is None is left out; one that the model lacks is a bug.

    Closures that would copy their input are replaced by `None` inside containers, so that lists
    of strings and maps of numbers are not walked.
    """

    def inner(self, shape: Shape) -> Write:
        """The closure for a part, or None if the part travels as it is."""
        closure = self.compile(shape)
        return None if closure is _as_it_is else closure

    def structure(self, shape: Shape) -> Read:
        if shape.has("document"):
            return _as_it_is
        return self._structure(shape, shape.members)

    def body(self, shape: Shape) -> Read:
        """The members of an output that travel in the body; the others are passed over."""
        return self._structure(shape, body_members(shape))

    def _structure(self, shape: Shape, shapes: dict[str, Shape]) -> Read:
        members = {
            name: (member.wire_name or name, self.inner(member)) for name, member in shapes.items()
        }
        elsewhere = shape.members.keys() - shapes.keys()

        def write(value: Any) -> dict[str, Any]:
            result = {}
            for name, item in value.items():
                if item is not None:
                    member = members.get(name)
                    if member is not None:
                        wire_name, convert = member
                        result[wire_name] = item if convert is None else convert(item)
                    elif name not in elsewhere:
                        raise TypeError(f"{shape.name} has no member {name!r}")
            return result

        return write

    def list(self, shape: Shape) -> Read:
        convert = self.inner(shape.member)
        if convert is None:
            return _as_it_is
        return lambda value: [convert(item) for item in value]

    def map(self, shape: Shape) -> Read:
        convert = self.inner(shape.value)
        if convert is None:
            return _as_it_is
        return lambda value: {key: convert(item) for key, item in value.items()}

    def scalar(self, shape: Shape) -> Read:
        return _as_it_is

    def double(self, shape: Shape) -> Read:
        return lambda value: scalars.float_text(value) or value

    float = double

    def blob(self, shape: Shape) -> Read:
        return scalars.blob_text

    def timestamp(self, shape: Shape) -> Read:
        form = shape.traits.get("timestampFormat", "unixTimestamp")
        if form == "unixTimestamp":
            return scalars.epoch_seconds
        return scalars.TIMESTAMP_TEXT[form]


class CborWriter(DocumentWriter):
    """Values to trees that the CBOR encoder takes."""

    def double(self, shape: Shape) -> Read:
        return _as_it_is

    float = double

    def blob(self, shape: Shape) -> Read:
        return _as_it_is

    def timestamp(self, shape: Shape) -> Read:
        return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value
