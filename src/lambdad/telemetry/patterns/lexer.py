"""Tokens of the JSON and the column language, and the one error of all patterns.

The texts of the errors are CloudWatch's (seen in the reports of its users): an unexpected
character is named, anything else is just an invalid pattern.
"""

from __future__ import annotations

import re
from enum import StrEnum

from lambdad.core.value import Value


class InvalidPattern(ValueError):
    """A filter pattern that CloudWatch refuses, with its text."""

    def __init__(self, message: str = "Invalid filter pattern") -> None:
        super().__init__(message)


def invalid_term(text: str) -> InvalidPattern:
    """What CloudWatch says of a character that may not stand outside of quotes."""
    return InvalidPattern(f"Invalid character(s) in term '{text}'")


class Kind(StrEnum):
    STRING = "string"
    REGEX = "regex"
    SELECTOR = "selector"
    OPERATOR = "operator"
    WORD = "word"


class Token(Value):
    kind: Kind
    text: str
    """Without the quotes of a string and the percent signs of a regex."""


TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | "(?P<string>(?:[^"\\]|\\.)*)"
    | %(?P<regex>[^%]*)%
    | (?P<selector>\$(?:\.[\w\-]+|\.\*|\.?\[(?:\d+|\*|'[^']*')\])*)
    | (?P<operator>&&|\|\||!=|<=|>=|\.\.\.|[=<>(),])
    | (?P<word>[\w.*+\-]+)
    """,
    re.VERBOSE | re.DOTALL,
)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def tokenize(text: str) -> list[Token]:
    """The tokens of a condition. Raises InvalidPattern."""
    tokens = []
    place = 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise invalid_term(text[place])
        place = match.end()
        kind = match.lastgroup
        if kind == "space" or kind is None:
            continue
        value = match[kind]
        tokens.append(Token(Kind(kind), unescape(value) if kind == "string" else value))
    return tokens


def unescape(quoted: str) -> str:
    """The inside of a quoted string: a backslash keeps the next character as it is."""
    return ESCAPE.sub(r"\1", quoted) if "\\" in quoted else quoted
