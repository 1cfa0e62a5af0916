"""What the JSON and the column language share: comparisons, and `&&`, `||`, parentheses."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import orjson

from lambdad.telemetry.patterns.lexer import InvalidPattern, Kind, Token
from lambdad.telemetry.patterns.regex import Regex

Scalar = str | int | float | bool
T = TypeVar("T")
Predicate = Callable[[T], bool]

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
COMPARISONS = frozenset(ORDER) | {"=", "!="}
NESTING = 50
"""Parentheses inside one another."""
REGEXES = 2
"""Regular expressions in one pattern (CloudWatch's quota)."""


def number_of(value: Scalar) -> float | None:
    """The value as a number, if it is one or reads like one."""
    if isinstance(value, str):
        return float(value) if NUMBER.fullmatch(value) else None
    return None if isinstance(value, bool) else float(value)


def text_of(value: Scalar) -> str:
    """The value as it stands in JSON, strings without their quotes."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def compare(sign: str, literal: Token) -> Predicate[Scalar]:
    """The comparison with a literal. Raises InvalidPattern where the two do not go together."""
    if sign in ORDER:
        if literal.kind is not Kind.WORD or not NUMBER.fullmatch(literal.text):
            raise InvalidPattern
        return in_order(ORDER[sign], float(literal.text))
    equal = regex_match(literal.text) if literal.kind is Kind.REGEX else equals(literal)
    return equal if sign == "=" else lambda value: not equal(value)


def in_order(relation: Callable[[float, float], bool], bound: float) -> Predicate[Scalar]:
    def holds(value: Scalar) -> bool:
        number = number_of(value)
        return number is not None and relation(number, bound)

    return holds


def regex_match(text: str) -> Predicate[Scalar]:
    regex = Regex(text)
    return lambda value: regex.search(text_of(value))


def equals(literal: Token) -> Predicate[Scalar]:
    """Equality of numbers, or of texts where an asterisk at either end stands for anything."""
    if literal.kind not in (Kind.STRING, Kind.WORD):
        raise InvalidPattern
    same_text = wildcard(literal.text)
    if literal.kind is Kind.STRING or not NUMBER.fullmatch(literal.text):
        return lambda value: same_text(text_of(value))
    wanted = float(literal.text)
    return lambda value: number_of(value) == wanted or same_text(text_of(value))


def wildcard(text: str) -> Predicate[str]:
    """`*` counts only at the ends of the text; inside it is an asterisk (user guide)."""
    open_start, open_end = text.startswith("*"), text.endswith("*")
    core = text[open_start : len(text) - (open_end and len(text) > 1)]
    if open_start and open_end:
        return lambda value: core in value
    if open_start:
        return lambda value: value.endswith(core)
    if open_end:
        return lambda value: value.startswith(core)
    return lambda value: value == core


class ConditionParser(Generic[T]):
    """Reads a condition from tokens; a language says how its single conditions look."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        if sum(token.kind is Kind.REGEX for token in tokens) > REGEXES:
            raise InvalidPattern
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def parse(self) -> Predicate[T]:
        """The whole of the tokens as one predicate. Raises InvalidPattern."""
        condition = self._either()
        if self._place < len(self._tokens):
            raise InvalidPattern
        return condition

    def single(self) -> Predicate[T]:
        """One condition of the language, read with `take`."""
        raise NotImplementedError

    def take(self, *kinds: Kind) -> Token:
        """The next token, of one of the kinds (any if none are given)."""
        if self._place >= len(self._tokens):
            raise InvalidPattern
        token = self._tokens[self._place]
        if kinds and token.kind not in kinds:
            raise InvalidPattern
        self._place += 1
        return token

    def accept(self, sign: str) -> bool:
        """Take the operator if it is next."""
        if self._place < len(self._tokens):
            token = self._tokens[self._place]
            if token.kind is Kind.OPERATOR and token.text == sign:
                self._place += 1
                return True
        return False

    def comparison(self) -> Predicate[Scalar]:
        """An operator and its literal."""
        sign = self.take(Kind.OPERATOR).text
        if sign not in COMPARISONS:
            raise InvalidPattern
        return compare(sign, self.take(Kind.STRING, Kind.WORD, Kind.REGEX))

    def _either(self) -> Predicate[T]:
        conditions = [self._both()]
        while self.accept("||"):
            conditions.append(self._both())
        return conditions[0] if len(conditions) == 1 else any_of(conditions)

    def _both(self) -> Predicate[T]:
        conditions = [self._one()]
        while self.accept("&&"):
            conditions.append(self._one())
        return conditions[0] if len(conditions) == 1 else all_of(conditions)

    def _one(self) -> Predicate[T]:
        if not self.accept("("):
            return self.single()
        self._depth += 1
        if self._depth > NESTING:
            raise InvalidPattern
        condition = self._either()
        self._depth -= 1
        if not self.accept(")"):
            raise InvalidPattern
        return condition


def any_of(conditions: Sequence[Predicate[T]]) -> Predicate[T]:
    return lambda value: any(condition(value) for condition in conditions)


def all_of(conditions: Sequence[Predicate[T]]) -> Predicate[T]:
    return lambda value: all(condition(value) for condition in conditions)
