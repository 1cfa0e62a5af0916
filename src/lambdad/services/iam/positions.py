"""Where the statements of a policy document stand in its text, as the policy simulator says it.

Pure. A position is that of a streaming JSON parser between two tokens, which is how AWS comes by
it: a statement in a list begins after what stands before it (`[` or the last statement's `}`), one
without brackets begins after its own `{`; both end after their `}` (recorded; API reference, the
example of SimulatePrincipalPolicy).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from lambdad.core.value import Value

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


class Position(Value):
    line: int
    """From 1."""
    column: int
    """From 1; a line break counts for nothing."""


class Span(Value):
    start: Position
    end: Position


def statement_spans(document: str) -> tuple[Span, ...]:
    """Each statement's place in a valid policy document, in order."""
    for name, start in _members(document):
        if name == "Statement":
            return tuple(
                Span(_position(document, first), _position(document, last))
                for first, last in _statements(document, start)
            )
    return ()


def _members(document: str) -> Iterator[tuple[str, int]]:
    """The name of each member of the outer object, and where its value starts."""
    index = _skip(document, _skip(document, 0) + 1)
    while document[index] != "}":
        name, index = _DECODER.raw_decode(document, index)
        index = _skip(document, _skip(document, index) + 1)
        yield name, index
        index = _skip(document, _DECODER.raw_decode(document, index)[1])
        if document[index] == ",":
            index = _skip(document, index + 1)


def _statements(document: str, start: int) -> Iterator[tuple[int, int]]:
    if document[start] == "{":
        yield start + 1, _DECODER.raw_decode(document, start)[1]
        return
    before = start + 1
    index = _skip(document, before)
    while document[index] != "]":
        index = _DECODER.raw_decode(document, index)[1]
        yield before, index
        before = index
        index = _skip(document, index)
        if document[index] == ",":
            index = _skip(document, index + 1)


def _skip(document: str, index: int) -> int:
    while document[index] in _SPACE:
        index += 1
    return index


def _position(document: str, index: int) -> Position:
    return Position(document.count("\n", 0, index) + 1, index - document.rfind("\n", 0, index))
