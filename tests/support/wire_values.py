"""Random values of botocore's shapes, as an AWS client could be given them.

Every draw comes from one `random.Random`, so that a seed repeats a value and hypothesis, which can
stand in for the generator, can shrink it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

WORDS = ("a", "B7", "name-1", "x_y", "2026", "arn:aws:lambda:us-east-1:123456789012:function:f")
ODD = ("ü", "日本", "😀", "&<>\"'", "a b", "50%", "a+b=c&d", "\n", "\t", "{}", "\\", "/", ",", "#?")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_DEPTH = 5


@dataclass(frozen=True)
class Medium:
    """What a protocol can and cannot carry, in one direction."""

    empty_containers: bool = True
    """Whether an empty list or map arrives as such."""
    empty_structures: bool = True
    special_floats: bool = True
    timestamp_format: str = "unixTimestamp"


def value(shape: Any, draw: random.Random, medium: Medium, depth: int = 0) -> Any:
    """A value of the shape; None if the medium cannot carry any that was drawn."""
    maker = _MAKERS.get(shape.type_name)
    if maker is None:
        raise AssertionError(f"no values for {shape.type_name}")
    return maker(shape, draw, medium, depth)


def structure(shape: Any, draw: random.Random, medium: Medium, depth: int = 0) -> Any:
    """Members chosen at random, required ones always; one member of a union."""
    if shape.is_document_type:
        return {"any": [1, "x", {"deep": None}]}
    members = {
        name: member
        for name, member in shape.members.items()
        if not member.serialization.get("eventstream")
    }
    required = set(shape.required_members)
    payload = shape.serialization.get("payload")
    share = 0.7 if depth == 0 else 0.5 if depth < 3 else 0.2
    chosen = [name for name in members if name in required or draw.random() < share]
    if depth >= MAX_DEPTH:
        chosen = [name for name in chosen if name in required]
    if shape.is_tagged_union:
        simple = [name for name in members if members[name].type_name not in ("list", "map")]
        chosen = [draw.choice(simple if depth >= MAX_DEPTH and simple else list(members))]
    result = {}
    for name in chosen:
        made = value(members[name], draw, medium, depth + 1)
        if made is None or (name == payload and made in (b"", "")):
            continue  # HTTP does not tell an empty body from none
        result[name] = made
    if shape.is_tagged_union and not result:
        return None
    if not result and depth and not medium.empty_structures:
        return None
    return result


def _list(shape: Any, draw: random.Random, medium: Medium, depth: int) -> Any:
    low = min(shape.metadata.get("min", 0), 3)
    if not medium.empty_containers or "location" in shape.serialization:
        low = max(low, 1)  # an empty list in the query string or a header is no list
    count = draw.randint(low, low + 2)
    if shape.serialization.get("location") == "header" and shape.member.type_name == "string":
        # Space around the items of a header is not kept, and an empty item is none.
        return [draw.choice((*shape.member.metadata.get("enum", WORDS),)) for _ in range(count)]
    items = [value(shape.member, draw, medium, depth + 1) for _ in range(count)]
    items = [item for item in items if item is not None]
    return items if items or medium.empty_containers else None


def _map(shape: Any, draw: random.Random, medium: Medium, depth: int) -> Any:
    low = 0 if medium.empty_containers and "location" not in shape.serialization else 1
    result = {}
    for number in range(draw.randint(low, low + 2)):
        made = value(shape.value, draw, medium, depth + 1)
        if made == [] and "location" in shape.serialization:
            made = ["x"]  # a parameter without a value is none
        if made is not None:
            if shape.serialization.get("location") == "headers":
                key, made = f"key-{number}", draw.choice(WORDS)
            elif shape.serialization.get("location") == "querystring":
                key = f"free {number}&"
            else:
                key = _string(shape.key, draw, medium, depth) or "key"
            result[key] = made
    return result if result or medium.empty_containers else None


def _string(shape: Any, draw: random.Random, medium: Medium, depth: int) -> Any:
    if shape.serialization.get("jsonvalue"):
        return {"json": [draw.randint(0, 9), None, "ü"]}
    if shape.metadata.get("enum"):
        return draw.choice(shape.metadata["enum"])
    location = shape.serialization.get("location")
    words = WORDS if location in ("header", "headers") else WORDS + ODD
    text = "".join(draw.choice(words) for _ in range(draw.randint(0, 3)))
    low = shape.metadata.get("min", 0)
    if location == "uri":
        low = max(low, 1)
    if shape.serialization.get("hostLabel"):
        return "label"
    if location == "header":
        low = max(low, 1)  # an empty header is no header
        text = text.strip()
    return text + "x" * (low - len(text))


def _integer(shape: Any, draw: random.Random, medium: Medium, depth: int) -> int:
    if shape.serialization.get("location") == "statusCode":
        return draw.choice((200, 201, 202))
    size = 31 if shape.type_name == "integer" else 63
    edges = (0, 1, -1, 23, 24, 255, 256, 65536, 2**size - 1, -(2**size))
    return draw.choice(edges) if draw.random() < 0.3 else draw.randint(-1000, 100_000)


def _float(shape: Any, draw: random.Random, medium: Medium, depth: int) -> float:
    if medium.special_floats and draw.random() < 0.1:
        return draw.choice((float("inf"), float("-inf")))
    return draw.randint(-8000, 8000) / 8  # what single precision holds exactly


def _boolean(shape: Any, draw: random.Random, medium: Medium, depth: int) -> bool:
    return draw.random() < 0.5


def _blob(shape: Any, draw: random.Random, medium: Medium, depth: int) -> bytes:
    return bytes(draw.randint(0, 255) for _ in range(draw.randint(0, 6)))


def _timestamp(shape: Any, draw: random.Random, medium: Medium, depth: int) -> datetime:
    form = shape.serialization.get("timestampFormat", medium.timestamp_format)
    if shape.serialization.get("location") == "header":
        form = "rfc822"
    millis = 0 if form == "rfc822" else draw.choice((0, 1, 500, 999))
    return EPOCH + timedelta(seconds=draw.randint(0, 4_102_444_799), milliseconds=millis)


_MAKERS = {
    "structure": structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "character": _string,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "boolean": _boolean,
    "blob": _blob,
    "timestamp": _timestamp,
}
