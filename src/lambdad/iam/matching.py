"""Texts of a policy that match other texts: wildcards, policy variables, ARNs by segment.

Owns how `*`, `?` and `${…}` are read and matched. Knows nothing of statements or effects. Pure.
Everything fixed is compiled once; a match takes time bounded by the product of both lengths,
whatever the pattern (no backtracking over `*`).

Inside, a wildcard is one of two control characters, so that a `*` that came out of a variable
or of `${*}` stays the letter it is: what a caller puts into a tag never becomes a wildcard.

Sources: IAM user guide, "Resource", "Variables and tags", "Condition operators: ARN".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from lambdad.core.value import Value

Context = Mapping[str, str | tuple[str, ...]]
"""The request context. Keys are lower case (AWS: not case-sensitive); a tuple is a multivalued
key, and an empty one is as good as absent. Only `get` is called, only for keys that a matching
statement names, so a mapping may compute its values when asked."""
Test = Callable[[str], bool]
ContextTest = Callable[[str, Context], bool]

RUN = "\x00"
"""Any characters, also none: what `*` becomes."""
ONE = "\x01"
"""Exactly one character: what `?` becomes."""
ARN_SEGMENTS = 6

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_REFERENCE = re.compile(r"\s*(?P<key>[^,']+?)\s*(?:,\s*'(?P<default>[^']*)'\s*)?")
_ESCAPES = {"*": "*", "?": "?", "$": "$"}


class Variable(Value):
    """`${key}` or `${key, 'default'}`."""

    key: str
    """Lower case."""
    default: str | None


class Template(Value):
    """A text with variables; its fixed pieces hold wildcards as RUN and ONE."""

    pieces: tuple[str | Variable, ...]

    def resolve(self, context: Context) -> str | None:
        """The pattern for this request, or None where a variable has not exactly one value."""
        resolved = []
        for piece in self.pieces:
            if isinstance(piece, Variable):
                value = single_value(context, piece.key)
                value = piece.default if value is None else value
                if value is None or RUN in value or ONE in value:
                    return None
                resolved.append(value)
            else:
                resolved.append(piece)
        return "".join(resolved)


def single_value(context: Context, key: str) -> str | None:
    """The value of a single-valued key; None where it is absent or has several."""
    value = context.get(key)
    if isinstance(value, tuple):
        return value[0] if len(value) == 1 else None
    return value


def read_text(text: str, *, wildcards: bool, variables: bool) -> str | Template:
    """A text as a pattern; a Template where it names variables.

    Without `variables` (a policy older than 2012-10-17, or an operator that takes none) `${…}` is
    ordinary text. What is not of a variable's form is ordinary text too.
    """
    if not variables or "${" not in text:
        return _mark(text, wildcards)
    pieces: list[str | Variable] = []
    position = 0
    for found in _VARIABLE.finditer(text):
        pieces.append(_mark(text[position : found.start()], wildcards))
        pieces.append(_read_variable(found, wildcards))
        position = found.end()
    pieces.append(_mark(text[position:], wildcards))
    if any(isinstance(piece, Variable) for piece in pieces):
        return Template(tuple(piece for piece in pieces if piece))
    return "".join(str(piece) for piece in pieces)


def _read_variable(found: re.Match[str], wildcards: bool) -> str | Variable:
    inside = found.group(1)
    if inside in _ESCAPES:
        return _ESCAPES[inside]
    reference = _REFERENCE.fullmatch(inside)
    if reference is None:
        return _mark(found.group(), wildcards)
    return Variable(reference["key"].lower(), reference["default"])


def _mark(text: str, wildcards: bool) -> str:
    if RUN in text or ONE in text:  # or the author's own would turn into wildcards
        text = text.replace(RUN, "\ufffd").replace(ONE, "\ufffd")
    return text.replace("*", RUN).replace("?", ONE) if wildcards else text


def compile_pattern(pattern: str) -> Test:
    """A pattern (with RUN and ONE) as a test of the whole text."""
    if ONE in pattern:
        return _CharacterPattern(pattern)
    head, *middle = pattern.split(RUN)
    if not middle:
        return pattern.__eq__
    tail = middle.pop()
    parts = tuple((part, len(part)) for part in middle if part)
    if not parts and not tail:
        return lambda text: text.startswith(head)
    start, tail_length = len(head), len(tail)

    def match(text: str) -> bool:
        if not text.startswith(head):
            return False
        position = start
        for part, length in parts:  # leftmost is best: what follows has the most room
            position = text.find(part, position)
            if position < 0:
                return False
            position += length
        return not tail or (text.endswith(tail) and position + tail_length <= len(text))

    return match


class _CharacterPattern:
    """A pattern with ONE, as a regular expression made at its first use (making one is slow).

    Each run is atomic: once its part is found leftmost, no other place can do better.
    """

    __slots__ = ("_compiled", "_pattern")

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._compiled: re.Pattern[str] | None = None

    def __call__(self, text: str) -> bool:
        if self._compiled is None:
            self._compiled = re.compile(self._expression(), re.DOTALL)
        return self._compiled.fullmatch(text) is not None

    def _expression(self) -> str:
        head, *middle = (re.escape(part).replace(ONE, ".") for part in self._pattern.split(RUN))
        if not middle:
            return head
        tail = middle.pop()
        return head + "".join(f"(?>.*?{part})" for part in middle if part) + ".*" + tail


def compile_arn(pattern: str) -> Test:
    """A pattern that must match segment by segment, as the Arn operators do.

    Missing segments are `*`, as AWS completes ARNs; the last segment keeps its colons.
    """
    segments = pattern.split(":", ARN_SEGMENTS - 1)
    segments += [RUN] * (ARN_SEGMENTS - len(segments))
    tests = tuple(compile_pattern(segment) for segment in segments)

    def match(text: str) -> bool:
        parts = text.split(":", ARN_SEGMENTS - 1)
        if len(parts) != ARN_SEGMENTS:
            return False
        return all(test(part) for test, part in zip(tests, parts, strict=True))

    return match


def complete_arn(pattern: str) -> str:
    """A resource pattern with its missing segments as wildcards: `arn:aws:sqs` → `arn:aws:sqs:*…`.

    Source: IAM user guide, "Resource": incomplete ARNs.
    """
    missing = ARN_SEGMENTS - 1 - pattern.count(":")
    if missing <= 0 or not pattern.startswith("arn:"):
        return pattern
    return pattern + f":{RUN}" * missing


def any_of(patterns: Iterable[str], compile_one: Callable[[str], Test] = compile_pattern) -> Test:
    """Whether one of the patterns matches."""
    literals, prefixes, others = set(), [], []
    for pattern in patterns:
        if compile_one is compile_pattern and RUN not in pattern and ONE not in pattern:
            literals.add(pattern)
        elif compile_one is compile_pattern and _is_prefix(pattern):
            prefixes.append(pattern[:-1])
        else:
            others.append(compile_one(pattern))
    fixed, starts, tests = frozenset(literals), tuple(prefixes), tuple(others)
    if not tests:
        if not starts:
            return fixed.__contains__
        if not fixed:
            return lambda text: text.startswith(starts)

    def match(text: str) -> bool:
        if text in fixed or text.startswith(starts):
            return True
        for test in tests:  # noqa: SIM110 - a generator here costs a third of the whole match
            if test(text):
                return True
        return False

    return match


def _is_prefix(pattern: str) -> bool:
    return pattern.find(RUN) == len(pattern) - 1 and ONE not in pattern


def compile_texts(
    texts: Iterable[str | Template],
    *,
    unresolved: bool,
    compile_one: Callable[[str], Test] = compile_pattern,
) -> ContextTest:
    """Whether one of the texts matches in a context.

    `unresolved` is what a text counts as when a variable of it has no single value.
    """
    every = tuple(texts)
    test = any_of([text for text in every if isinstance(text, str)], compile_one)
    templates = tuple(text for text in every if isinstance(text, Template))
    if not templates:
        return lambda text, context: test(text)

    def match(text: str, context: Context) -> bool:
        if test(text):
            return True
        for template in templates:
            pattern = template.resolve(context)
            if unresolved if pattern is None else compile_one(pattern)(text):
                return True
        return False

    return match
