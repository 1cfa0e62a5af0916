"""The language of terms: `ERROR "exact phrase" -debug`, `?WARN ?ERROR`, `%regex%`.

Terms are case-sensitive parts of the message and must all be there; one behind `-` must not.
Terms behind `?` are alternatives, and are ignored beside any other term (user guide).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lambdad.telemetry.patterns.lexer import InvalidPattern, invalid_term, unescape
from lambdad.telemetry.patterns.regex import Regex

TERM = re.compile(
    r"""\s*(?P<sign>[-?]?)\s*
    (?: "(?P<phrase>(?:[^"\\]|\\.)*)" | %(?P<regex>[^%]*)% | (?P<word>\w+) )""",
    re.VERBOSE | re.DOTALL,
)


class TermPattern:
    """A pattern of terms; of none, it matches everything."""

    def __init__(self, text: str) -> None:
        """Raises InvalidPattern."""
        self._tests: dict[str, list[Callable[[str], bool]]] = {"": [], "-": [], "?": []}
        text = text.rstrip()
        place = 0
        while place < len(text):
            match = TERM.match(text, place)
            if match is None:
                raise invalid_term(text[place:].lstrip()[:1])
            place = match.end()
            self._tests[match["sign"]].append(term_test(match))

    def matches(self, message: str) -> bool:
        required, excluded, optional = self._tests[""], self._tests["-"], self._tests["?"]
        if required or excluded:
            return all(test(message) for test in required) and not any(
                test(message) for test in excluded
            )
        return not optional or any(test(message) for test in optional)

    def extract(self, message: str) -> dict[str, str]:
        """Terms name no values."""
        return {}


def term_test(match: re.Match[str]) -> Callable[[str], bool]:
    if match["regex"] is not None:
        if not match["regex"]:
            raise InvalidPattern
        return Regex(match["regex"]).search
    if match["phrase"] == "":
        raise invalid_term('""')
    term = match["word"] if match["word"] is not None else unescape(match["phrase"])
    return lambda message: term in message
