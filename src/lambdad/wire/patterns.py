r"""The models' regular expressions, which are Java's, as Python's.

Java matches the whole value, its \w, \d and \s are ASCII, it knows \p{...} classes, lets a hyphen
stand after a class escape inside brackets, and writes characters beyond U+FFFF as surrogates.
Everything else that the models use means the same in both.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping

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

_HEADER_VALUE = r"[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*"
LINEAR: Mapping[str, str] = {
    rf"^{_HEADER_VALUE}$": r"\t*[\x20-\x7E][\t\x20-\x7E]*",
    r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$": (
        r"\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*"
    ),
    rf"{_HEADER_VALUE}|(\$(\.[\w/_-]+(\[(\d+|\*)\])*)*)": r"\t*[\x20-\x7E][\t\x20-\x7E]*",
    r"^[a-z0-9A-Z]+[\.\-\w]*[a-z0-9A-Z]+$": r"[a-z0-9A-Z][.\-\w]*[a-z0-9A-Z]",
    r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": r"[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*",
}
"""Patterns of AWS's with which a short value keeps a matcher busy for years, and what to match
instead: the same values, without a second way to read any of them."""


def matcher(pattern: str, max_chars: int | None) -> Callable[[str], bool]:
    """Whether a whole value matches. The pattern is compiled when it is first asked.

    A long value is not matched at all, because many of AWS's patterns take quadratic time: one
    beyond its own maximum passes, for its length is a violation of its own; one that has no
    maximum does not.
    """
    compiled: re.Pattern[str] | None = None
    if max_chars is None:
        bound, beyond = WIRE_LIMITS.open_pattern_chars, False
    else:
        bound, beyond = max(max_chars, WIRE_LIMITS.pattern_chars), True

    def matches(value: str) -> bool:
        nonlocal compiled
        if len(value) > bound:
            return beyond
        if compiled is None:
            compiled = compile_pattern(LINEAR.get(pattern, pattern))
        return compiled.fullmatch(value) is not None

    return matches


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A Java pattern compiled. Raises re.error if it means nothing to Python either."""
    return re.compile("".join(_translate(_SURROGATES.sub(_astral, pattern))), re.ASCII)


def _translate(pattern: str) -> Iterator[str]:
    """Python's spelling, piece by piece."""
    position, in_class, after_class = 0, False, False
    while position < len(pattern):
        piece = pattern[position]
        width, was_class = 1, False
        if piece == "\\":
            named = _PROPERTY.match(pattern, position)
            piece = pattern[position : position + 2] if named is None else named[0]
            width = len(piece)
            was_class = named is not None or piece[1:] in _CLASS_ESCAPES
            if named is not None:
                piece = _property(named, in_class)
        elif in_class and (piece in "[&~|" or (piece == "-" and after_class)):
            piece = "\\" + piece
        elif piece == "[":
            in_class = True
        elif piece == "]":
            in_class = False
        yield piece
        position += width
        after_class = was_class


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
