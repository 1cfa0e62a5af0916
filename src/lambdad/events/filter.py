"""Filter criteria of an event source mapping: which records reach the function.

Owns how the language of `patterns.py` applies to a record: filters are OR, and the source's data
(SQS's `body`, Kinesis's `data`) is looked into only as far as its format and the pattern's agree.
Pure. What happens to a record that is not accepted is its source's business.

Source: Lambda developer guide, "Using event filtering with …" (one page per source, with the
table of formats); semantics §4.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import orjson

from lambdad.core.value import Value
from lambdad.events.patterns import InvalidPattern, Node, compile_node, parse_pattern

__all__ = ["DataKey", "Filters", "InvalidPattern", "compile_filters"]

Record = Mapping[str, object]


class DataKey(Value):
    """Where a source's records hold what was sent."""

    name: str
    """The member of the record and the key of the pattern: `body`, `data` …"""
    text_of: Callable[[object], str | None] = lambda value: (
        value if isinstance(value, str) else None
    )
    """The member's value as text, for example out of base64; None where it is none."""
    plain_patterns: bool = True
    """Whether a pattern may ask for a text as a whole; streams only match JSON."""


class Filters:
    """Compiled. A record passes if one of the filters accepts it, or if there are none."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = tuple(nodes)

    def __bool__(self) -> bool:
        return bool(self._nodes)

    def accept(self, record: Record) -> bool:
        return not self._nodes or any(node(record) for node in self._nodes)


def compile_filters(patterns: Iterable[str], data: DataKey) -> Filters:
    """The filters with these patterns, JSON each. Raises InvalidPattern."""
    return Filters([_filter(parse_pattern(pattern), data) for pattern in patterns])


def _filter(pattern: Mapping[str, object], data: DataKey) -> Node:
    """One pattern: its metadata as they are, its data by the table of formats."""
    metadata = {key: value for key, value in pattern.items() if key != data.name}
    accepts_metadata = compile_node(metadata)
    if data.name not in pattern:
        return accepts_metadata
    wanted = pattern[data.name]
    if not isinstance(wanted, dict) and not data.plain_patterns:
        raise InvalidPattern(f"{data.name} is JSON and cannot be matched as a text")
    accepts_data = _json_data(wanted) if isinstance(wanted, dict) else _plain_data(wanted)

    def accepts(record: Record) -> bool:
        text = data.text_of(record.get(data.name))
        return text is not None and accepts_metadata(record) and accepts_data(text)

    return accepts


def _json_data(wanted: dict[str, object]) -> Callable[[str], bool]:
    """A pattern for JSON: data that is a plain text is dropped."""
    node = compile_node({"data": wanted})

    def accepts(text: str) -> bool:
        document = _document(text)
        return document is not None and node({"data": document})

    return accepts


def _plain_data(wanted: object) -> Callable[[str], bool]:
    """A pattern for plain text: data that is JSON is dropped."""
    node = compile_node({"data": wanted})
    return lambda text: _document(text) is None and node({"data": text})


def _document(text: str) -> object:
    """The object or array that a text is; None where it is plain. A number or a quoted word is a
    plain text: nothing says that its sender meant JSON."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
