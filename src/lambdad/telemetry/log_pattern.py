"""Filter patterns of CloudWatch Logs: from their text to a predicate over messages.

Pure. Used by FilterLogEvents, Live Tail and TestMetricFilter, later by metric and subscription
filters. Rules: semantics §7.3 and the user guide's "Filter pattern syntax".
"""

from __future__ import annotations

from typing import Protocol

from lambdad.telemetry.patterns.columns import ColumnPattern
from lambdad.telemetry.patterns.lexer import InvalidPattern
from lambdad.telemetry.patterns.selectors import JsonPattern
from lambdad.telemetry.patterns.terms import TermPattern

__all__ = ["InvalidPattern", "Pattern", "compile_pattern"]


class Pattern(Protocol):
    """A compiled filter pattern; usable from any thread."""

    def matches(self, message: str) -> bool:
        """Is the message one that the pattern selects?"""
        ...

    def extract(self, message: str) -> dict[str, str]:
        """The values that the pattern names in a message that matches."""
        ...


def compile_pattern(text: str) -> Pattern:
    """The pattern of a text; an empty one matches everything. Raises InvalidPattern."""
    text = text.strip()
    if text.startswith("{"):
        return JsonPattern(inside(text, "{", "}"))
    if text.startswith("["):
        return ColumnPattern(inside(text, "[", "]"))
    return TermPattern(text)


def inside(text: str, opening: str, closing: str) -> str:
    if len(text) < 2 or not text.endswith(closing):
        raise InvalidPattern(
            f"If a filter pattern starts with '{opening}' it must end with '{closing}'"
        )
    return text[1:-1]
