"""The JSON language: `{ $.user.id = 1 && ($.tags[0] = "a*" || $.flag IS TRUE) }`.

A comparison holds only for strings, numbers and booleans: a selector that leads to an object or
an array matches with neither `=` nor `!=` (user guide). `[*]` and `.*` select any element.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from lambdad.telemetry.patterns.conditions import ConditionParser, Predicate
from lambdad.telemetry.patterns.lexer import InvalidPattern, Kind, tokenize

STEP = re.compile(
    r"\.?\[(?:(?P<index>\d+)|(?P<all>\*)|'(?P<quoted>[^']*)')\]|\.(?P<name>[\w\-]+|\*)"
)
EVERY = object()


class JsonPattern:
    """A condition on JSON messages; other messages never match."""

    def __init__(self, condition: str) -> None:
        """`condition` is the inside of the braces. Raises InvalidPattern."""
        self._holds = SelectorParser(tokenize(condition)).parse()

    def matches(self, message: str) -> bool:
        if not message.lstrip().startswith(("{", "[")):
            return False
        try:
            document = orjson.loads(message)
        except orjson.JSONDecodeError:
            return False
        return self._holds(document)

    def extract(self, message: str) -> dict[str, str]:
        """Only the column language extracts (user guide)."""
        return {}


class SelectorParser(ConditionParser[Any]):
    """Single conditions: a selector, then a comparison, `IS …` or `NOT EXISTS`."""

    def single(self) -> Predicate[Any]:
        select = selector(self.take(Kind.SELECTOR).text)
        if (word := self._word()) is None:
            holds = self.comparison()
            return lambda document: any(
                isinstance(value, str | int | float) and holds(value) for value in select(document)
            )
        if word == "NOT" and self._word() == "EXISTS":
            return lambda document: next(select(document), EVERY) is EVERY
        if word == "IS":
            constants = {"NULL": None, "TRUE": True, "FALSE": False}
            if (name := self._word()) in constants:
                constant = constants[name]
                return lambda document: any(value is constant for value in select(document))
        raise InvalidPattern

    def _word(self) -> str | None:
        """The next token in upper case if it is a word; otherwise it stays."""
        if self._place < len(self._tokens) and self._tokens[self._place].kind is Kind.WORD:
            return self.take().text.upper()
        return None


def selector(text: str) -> Callable[[Any], Iterator[Any]]:
    """The values that `$.a.b[0]` leads to: none, one, or with a wildcard several."""
    steps: list[Any] = []
    place = 1
    while place < len(text):
        match = STEP.match(text, place)
        if match is None:
            raise InvalidPattern
        place = match.end()
        if match["index"] is not None:
            steps.append(int(match["index"]))
        elif match["all"] or match["name"] == "*":
            steps.append(EVERY)
        else:
            steps.append(match["name"] if match["name"] is not None else match["quoted"])
    if not steps:
        raise InvalidPattern

    def select(document: Any) -> Iterator[Any]:
        values = iter((document,))
        for step in steps:
            values = descend(values, step)
        return values

    return select


def descend(values: Iterator[Any], step: Any) -> Iterator[Any]:
    for value in values:
        yield from children(value, step)


def children(value: Any, step: Any) -> Iterator[Any]:
    if step is EVERY:
        if isinstance(value, list):
            yield from value
        elif isinstance(value, dict):
            yield from value.values()
    elif isinstance(step, int):
        if isinstance(value, list) and step < len(value):
            yield value[step]
    elif isinstance(value, dict) and step in value:
        yield value[step]
