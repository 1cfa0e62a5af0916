"""The language of space-delimited columns: `[ip, user, ..., status=4*, bytes > 1000]`.

A message is cut at blanks; what stands in square brackets or double quotes is one field. The
columns name the fields in order, `...` stands for any number of them, and each column may carry
conditions. Without `...` the numbers of fields and columns must agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lambdad.telemetry.patterns.conditions import ConditionParser, Predicate
from lambdad.telemetry.patterns.lexer import InvalidPattern, Kind, Token, tokenize

ELLIPSIS = Token(Kind.OPERATOR, "...")
COMMA = Token(Kind.OPERATOR, ",")
WORD = re.compile(r"\S+")
CLOSING = {"[": "]", '"': '"'}


class ColumnPattern:
    """Columns with conditions on fields."""

    def __init__(self, text: str) -> None:
        """`text` is the inside of the square brackets. Raises InvalidPattern."""
        columns = list(split_columns(tokenize(text)))
        if columns == [[]]:  # `[]` matches everything
            columns = [[ELLIPSIS]]
        if columns.count([ELLIPSIS]) > 1:
            raise InvalidPattern
        self._open = [ELLIPSIS] in columns
        place = columns.index([ELLIPSIS]) if self._open else len(columns)
        self._head = [Column(tokens) for tokens in columns[:place]]
        self._tail = [Column(tokens) for tokens in columns[place + 1 :]]

    def matches(self, message: str) -> bool:
        fields = self._fields(message)
        return fields is not None and all(
            column.holds(fields[index]) for index, column in self._placed(len(fields))
        )

    def extract(self, message: str) -> dict[str, str]:
        """Each field under `$<column>`, or `$<number>` (from 1) where no column names it."""
        fields = self._fields(message) or []
        names = {index: column.name for index, column in self._placed(len(fields))}
        return {f"${names.get(index) or index + 1}": field for index, field in enumerate(fields)}

    def _fields(self, message: str) -> list[str] | None:
        """The message's fields, or None where their number does not fit."""
        expected = len(self._head) + len(self._tail)
        fields: list[str] = []
        for field in split_fields(message):
            if len(fields) == expected and not self._open:
                return None
            fields.append(field)
        return fields if len(fields) >= expected else None

    def _placed(self, fields: int) -> Iterator[tuple[int, Column]]:
        yield from enumerate(self._head)
        yield from enumerate(self._tail, start=fields - len(self._tail))


class Column:
    """One column: its name, empty for one without, and what its field must fulfil."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.name = next((token.text for token in tokens if token.kind is Kind.WORD), "")
        bare = len(tokens) <= 1
        if bare and len(tokens) == 1 and not self.name:
            raise InvalidPattern
        self.holds: Predicate[str] = (
            (lambda field: True) if bare else ColumnParser(tokens, self.name).parse()
        )


class ColumnParser(ConditionParser[str]):
    """Single conditions: the column's name, then a comparison."""

    def __init__(self, tokens: Sequence[Token], name: str) -> None:
        super().__init__(tokens)
        self._name = name

    def single(self) -> Predicate[str]:
        if self.take(Kind.WORD).text != self._name:
            raise InvalidPattern
        holds = self.comparison()
        return lambda field: holds(field)


def split_columns(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    column: list[Token] = []
    for token in tokens:
        if token == COMMA:
            yield column
            column = []
        else:
            column.append(token)
    yield column


def split_fields(message: str) -> Iterator[str]:
    """The fields, in one pass: a bracket or quote that is never closed is an ordinary one."""
    last = {"]": message.rfind("]"), '"': message.rfind('"')}
    place = 0
    while (word := WORD.search(message, place)) is not None:
        start, place = word.span()
        closing = CLOSING.get(message[start])
        if closing is not None and last[closing] > start:
            place = message.index(closing, start + 1) + 1
            yield message[start + 1 : place - 1]
        else:
            yield word[0]
