"""Scalars as text and numbers: timestamps in AWS's three formats, booleans, floats, blobs.

Readers raise `Malformed`; writers trust their input, which is ours.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from lambdad.wire.codecs.shapes import Malformed
from lambdad.wire.model import Shape

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,30})?([eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_CONTROLS = re.compile("[\x00-\x1f\x7f]")
_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
INTEGER_BOUNDS: Mapping[str, tuple[int, int]] = {
    "integer": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
}


def epoch_seconds(moment: datetime) -> int | float:
    """Unix time with AWS's precision, milliseconds; an integer if there are none."""
    seconds = round(moment.timestamp(), 3)
    whole = int(seconds)
    return whole if whole == seconds else seconds


def iso8601(moment: datetime) -> str:
    """`2026-01-31T12:00:00Z`, with milliseconds if there are any."""
    moment = moment.astimezone(UTC)
    text = moment.isoformat("T", "milliseconds" if moment.microsecond >= 1000 else "seconds")
    return text.removesuffix("+00:00") + "Z"


def rfc822(moment: datetime) -> str:
    """`Sat, 31 Jan 2026 12:00:00 GMT`, whole seconds."""
    moment = moment.astimezone(UTC)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02} {month} {moment.year:04} {moment:%H:%M:%S} GMT"


def from_epoch(seconds: float) -> datetime:
    """The moment of a Unix time."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Malformed("Timestamp is out of range") from error


def timestamp_from_text(text: str) -> datetime:
    """A timestamp in any of the formats; AWS's own front ends are as liberal."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return from_epoch(float(text))
    try:
        if text[:1].isdigit():
            moment = datetime.fromisoformat(text)
        else:
            moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise Malformed("Timestamp is not in a known format") from error
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise Malformed("Timestamp is out of range") from error


def boolean_from_text(text: str) -> bool:
    """`true` or `false`, in any case."""
    lowered = text.strip().lower()
    if lowered == "true":
        return True
    if lowered == "false":
        return False
    raise Malformed("Boolean is neither true nor false")


def bounded_integer(value: int, kind: str) -> int:
    """The integer itself, if a shape of type `kind` can hold it."""
    low, high = INTEGER_BOUNDS[kind]
    if low <= value <= high:
        return value
    raise Malformed(f"Number is out of range for {kind.capitalize()}")


def integer_from_text(text: str, kind: str) -> int:
    """Digits with an optional sign."""
    text = text.strip()
    if not _INTEGER.fullmatch(text):
        raise Malformed(f"STRING_VALUE cannot be converted to {kind.capitalize()}")
    return bounded_integer(int(text), kind)


def float_from_text(text: str) -> float:
    """A decimal number, NaN or an infinity in AWS's spelling."""
    text = text.strip()
    special = _FLOATS.get(text)
    if special is not None:
        return special
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or "_" in text:
        raise Malformed("STRING_VALUE cannot be converted to Double")
    return number


def float_text(value: float) -> str | None:
    """NaN and the infinities in AWS's spelling; None for a number that JSON can hold."""
    if math.isfinite(value):
        return None
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def blob_from_text(text: str) -> bytes:
    """Base64, strict: AWS refuses foreign characters and missing padding."""
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except (binascii.Error, ValueError) as error:
        raise Malformed("Blob is not valid base64") from error


def blob_text(value: bytes) -> str:
    """Base64 in one line."""
    return binascii.b2a_base64(value, newline=False).decode("ascii")


TIMESTAMP_TEXT: Mapping[str, Callable[[datetime], str]] = {
    "iso8601": iso8601,
    "rfc822": rfc822,
    "unixTimestamp": lambda moment: str(epoch_seconds(moment)),
}


def text_reader(shape: Shape) -> Callable[[str], Any]:
    """Text of a header, label, query value, form field or XML element to a value."""
    kind = shape.type
    if kind == "string":
        return json_from_text if shape.has("jsonvalue") else str
    if kind in INTEGER_BOUNDS:
        return lambda text: integer_from_text(text, kind)
    readers: dict[str, Callable[[str], Any]] = {
        "boolean": boolean_from_text,
        "float": float_from_text,
        "double": float_from_text,
        "timestamp": timestamp_from_text,
        "blob": blob_from_text,
    }
    return readers.get(kind, str)


def text_writer(shape: Shape, timestamp_format: str) -> Callable[[Any], str]:
    """The inverse of `text_reader`; `timestamp_format` holds where the shape gives none."""
    kind = shape.type
    if kind == "string":
        return json_text if shape.has("jsonvalue") else str
    if kind == "timestamp":
        return TIMESTAMP_TEXT[shape.traits.get("timestampFormat", timestamp_format)]
    writers: dict[str, Callable[[Any], str]] = {
        "boolean": lambda value: "true" if value else "false",
        "float": lambda value: float_text(value) or repr(float(value)),
        "double": lambda value: float_text(value) or repr(float(value)),
        "blob": blob_text,
    }
    return writers.get(kind, str)


def json_from_text(text: str) -> Any:
    """A `jsonvalue` header: JSON in base64."""
    try:
        return orjson.loads(blob_from_text(text))
    except orjson.JSONDecodeError as error:
        raise Malformed("Header is not JSON in base64") from error


def json_text(value: Any) -> str:
    """The inverse of `json_from_text`."""
    return blob_text(orjson.dumps(value))


def header_text(text: str) -> str:
    """Text as a header's value: control characters, which could end the header, become blanks."""
    return text if text.isprintable() else _CONTROLS.sub(" ", text)
