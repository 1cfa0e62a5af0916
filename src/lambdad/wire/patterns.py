r"""The models' regular expressions, which are Java's, as Python's.

Java matches the whole value, its \w, \d and \s are ASCII, it knows \p{...} classes, lets a hyphen
stand after a class escape inside brackets, and writes characters beyond U+FFFF as surrogates.
Everything else that the models use means the same in both.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator

from lambdad.core.limits import WIRE_LIMITS

_POSIX = {
    "ASCII": r"\x00-\x7f",
    "Alnum": "A-Za-z0-9",
    "Alpha": "A-Za-z",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "Digit": "0-9",
    "Graph": r"\x21-\x7e",
    "Lower": "a-z",
    "Print": r"\x20-\x7e",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0b\f\r",
    "Upper": "A-Z",
    "XDigit": "0-9A-Fa-f",
}
_CATEGORIES = frozenset("LMNPSZC")
_SURROGATES = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
    r"-\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
_PROPERTY = re.compile(r"\\([pP])(?:\{(?:Is)?(\w+)\}|(\w))")
_CLASS_ESCAPES = frozenset("wdsWDS")


def matcher(pattern: str, max_chars: int | None) -> Callable[[str], bool]:
    """Whether a whole value matches. The pattern is compiled when it is first asked.

    Some of AWS's patterns backtrack, so a value longer than its own maximum and than the limit is
    not matched at all: True, for its length is a violation of its own. Where the model gives no
    maximum, what is longer than the limit does not match.
    """
    compiled: re.Pattern[str] | None = None
    bound = max(max_chars or 0, WIRE_LIMITS.pattern_chars)
    bounded = max_chars is not None

    def matches(value: str) -> bool:
        nonlocal compiled
        if len(value) > bound:
            return bounded
        if compiled is None:
            compiled = compile_pattern(pattern)
        return compiled.fullmatch(value) is not None

    return matches


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A Java pattern compiled. Raises re.error if it means nothing to Python either."""
    return re.compile("".join(_translate(_SURROGATES.sub(_astral, pattern))), re.ASCII)


def _translate(pattern: str) -> Iterator[str]:
    """Python's spelling, piece by piece."""
    position, in_class, after_escape = 0, False, False
    while position < len(pattern):
        piece = pattern[position]
        if piece == "\\":
            found = _PROPERTY.match(pattern, position)
            if found is not None:
                piece = _property(found, in_class)
                position += len(found[0])
            else:
                piece = pattern[position : position + 2]
                position += 2
            yield piece
            after_escape = found is not None or piece[1:] in _CLASS_ESCAPES
            continue
        if in_class and piece == "-" and after_escape:
            piece = r"\-"
        elif in_class and piece in "[&~|":
            piece = "\\" + piece
        elif piece == "[":
            in_class = True
            opening = re.compile(r"\[\^?\]?").match(pattern, position)
            piece = opening[0] if opening else piece
        elif piece == "]":
            in_class = False
        position += len(piece.removeprefix("\\")) if piece[0] == "\\" else len(piece)
        after_escape = False
        yield piece


def _astral(found: re.Match[str]) -> str:
    """A range of surrogate pairs as a range of the characters that they stand for."""
    high, low, last_high, last_low = (int(digits, 16) for digits in found.groups())
    first = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
    last = 0x10000 + ((last_high - 0xD800) << 10) + (last_low - 0xDC00)
    return f"\\U{first:08x}-\\U{last:08x}"


def _property(found: re.Match[str], in_class: bool) -> str:
    r"""A \p{...} as the inside of a bracket, with brackets if it stands alone."""
    name = found[2] or found[3]
    inside = _POSIX.get(name)
    if inside is None:
        if name[0] not in _CATEGORIES or len(name) > 2:
            raise re.error(f"unknown property {name}")
        inside = _category(name)
    if found[1] == "P":
        if in_class:
            raise re.error("a negated property inside brackets")
        return f"[^{inside}]"
    return inside if in_class else f"[{inside}]"


@functools.cache
def _category(name: str) -> str:
    """All characters of a Unicode category as ranges. A scan of a tenth of a second, once."""
    ranges: list[str] = []
    start = previous = -2
    for code in (*range(0x33480), *range(0xE0000, 0xE01F0)):
        if not unicodedata.category(chr(code)).startswith(name):
            continue
        if code != previous + 1:
            if start >= 0:
                ranges.append(f"\\U{start:08x}-\\U{previous:08x}")
            start = code
        previous = code
    ranges.append(f"\\U{start:08x}-\\U{previous:08x}")
    return "".join(ranges)
