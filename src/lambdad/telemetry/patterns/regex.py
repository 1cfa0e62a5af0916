"""The regular expressions of filter patterns, matched in linear time.

CloudWatch's dialect has no groups (semantics §7.3; docs "Supported regular expressions"), so an
expression is an alternation of plain sequences: `^`, then characters or classes, each with an
optional quantifier, then `$`. That makes an automaton without backtracking small: a set of
positions, held as the bits of an int, advanced by each character; transitions are remembered.
No message and no expression, however hostile, costs more than length times positions.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable

from lambdad.core.value import Struct, Value, field
from lambdad.telemetry.patterns.lexer import InvalidPattern, invalid_term

POSITIONS = 1_000
"""Places in one expression after `{m,n}` is written out."""
REMEMBERED_TRANSITIONS = 20_000
"""Then the automaton forgets and learns anew."""
REMEMBERED_CHARACTERS = 1_000

LITERALS = frozenset(string.ascii_letters + string.digits + ":_#=@/;,-")
CLASSES = {
    "d": frozenset(string.digits),
    "w": frozenset(string.ascii_letters + string.digits + "_"),
    "s": frozenset(" \t\n\r\f\v"),
}
QUANTIFIER = re.compile(r"\{(\d{1,4})(,?)(\d{0,4})\}")


class Characters(Value):
    """A set of characters, or all but those."""

    members: frozenset[str]
    negated: bool = False

    def __contains__(self, character: str) -> bool:
        return (character in self.members) is not self.negated


ANYTHING = Characters(frozenset(), negated=True)


class Place(Value):
    """One position of a sequence."""

    characters: Characters
    optional: bool
    repeated: bool


class Branch(Struct):
    """One alternative."""

    places: list[Place] = field(default_factory=list)
    at_start: bool = False
    at_end: bool = False


class Regex:
    """A compiled expression. `search` may be called from several threads.

    Bit i of a state says that place i may be matched next. Every branch has one more bit behind
    its places: once that is set, the branch has matched.
    """

    def __init__(self, text: str) -> None:
        """Raises InvalidPattern for what the dialect does not have."""
        branches = parse(text)
        self._literals = literals_of(branches)
        self._places: list[Place | None] = []  # None: a branch's end
        self._optional = self._repeated = 0
        self._anywhere = self._at_start = 0
        self._accepting = self._accepting_at_end = 0
        for branch in branches:
            self._add(branch)
        self._anywhere = self._skip_optional(self._anywhere)
        self._at_start = self._skip_optional(self._at_start)
        self._matching: dict[str, int] = {}
        self._transitions: dict[tuple[int, str], int] = {}

    def search(self, text: str) -> bool:
        """Does the expression match anywhere in the text?"""
        if self._literals is not None:
            return any(literal in text for literal in self._literals)
        state = self._anywhere | self._at_start
        accepting, transitions = self._accepting, self._transitions
        for character in text:
            if state & accepting:
                return True
            key = (state, character)
            following = transitions.get(key)
            if following is None:
                following = self._learn(key)
            state = following
        return bool(state & (accepting | self._accepting_at_end))

    def _add(self, branch: Branch) -> None:
        first = 1 << len(self._places)
        for place in branch.places:
            bit = 1 << len(self._places)
            self._optional |= bit if place.optional else 0
            self._repeated |= bit if place.repeated else 0
            self._places.append(place)
        end = 1 << len(self._places)
        self._places.append(None)
        if branch.at_start:
            self._at_start |= first
        else:
            self._anywhere |= first
        if branch.at_end:
            self._accepting_at_end |= end
        else:
            self._accepting |= end

    def _learn(self, key: tuple[int, str]) -> int:
        """Where a state goes with a character, in a fixed number of operations on ints."""
        state, character = key
        matching = self._matching.get(character)
        if matching is None:
            matching = self._match(character)
        matched = state & matching
        following = self._skip_optional(matched << 1 | matched & self._repeated) | self._anywhere
        if len(self._transitions) >= REMEMBERED_TRANSITIONS:
            self._transitions.clear()
        self._transitions[key] = following
        return following

    def _match(self, character: str) -> int:
        """The places that a character matches."""
        matching = 0
        for index, place in enumerate(self._places):
            if place is not None and character in place.characters:
                matching |= 1 << index
        if len(self._matching) >= REMEMBERED_CHARACTERS:
            self._matching.clear()
        self._matching[character] = matching
        return matching

    def _skip_optional(self, state: int) -> int:
        """The state, and what it reaches by passing over optional places.

        Adding a bit to the run of ones of which it is a member makes a carry run to the run's
        end: the bits that change are the ones passed over, and the one behind them.
        """
        return state | ((self._optional + (state & self._optional)) ^ self._optional)


def literals_of(branches: list[Branch]) -> list[str] | None:
    """The alternatives as plain strings, where they are no more than that."""
    literals = []
    for branch in branches:
        plain = all(
            len(place.characters.members) == 1
            and not (place.characters.negated or place.optional or place.repeated)
            for place in branch.places
        )
        if not plain or branch.at_start or branch.at_end:
            return None
        literals.append("".join(next(iter(place.characters.members)) for place in branch.places))
    return literals


def parse(text: str) -> list[Branch]:
    """The alternatives of an expression."""
    branches = [Branch()]
    places = 0
    index = 0
    while index < len(text):
        branch, character = branches[-1], text[index]
        if character == "|":
            branches.append(Branch())
            index += 1
        elif branch.at_end:
            raise InvalidPattern
        elif character == "^":
            if branch.places or branch.at_start:
                raise InvalidPattern
            branch.at_start = True
            index += 1
        elif character == "$":
            branch.at_end = True
            index += 1
        else:
            characters, index = read_characters(text, index)
            least, most, index = read_quantifier(text, index)
            places += max(least, most or 0) + 1
            if places > POSITIONS:
                raise InvalidPattern
            branch.places += repeat(characters, least, most)
    return branches


def repeat(characters: Characters, least: int, most: int | None) -> list[Place]:
    """`least` to `most` of them (None: without end) as single places."""
    places = [Place(characters, optional=False, repeated=False)] * least
    if most is not None:
        return places + [Place(characters, optional=True, repeated=False)] * (most - least)
    if least:
        return [*places[:-1], Place(characters, optional=False, repeated=True)]
    return [Place(characters, optional=True, repeated=True)]


def read_quantifier(text: str, index: int) -> tuple[int, int | None, int]:
    """Least, most and the index behind, for the quantifier at the index if there is one."""
    simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}
    if index < len(text) and text[index] in simple:
        return *simple[text[index]], index + 1
    if index < len(text) and text[index] == "{":
        match = QUANTIFIER.match(text, index)
        if match is None:
            raise InvalidPattern
        least = int(match[1])
        most = int(match[3]) if match[3] else (None if match[2] else least)
        if most is not None and most < least:
            raise InvalidPattern
        return least, most, match.end()
    return 1, 1, index


def read_characters(text: str, index: int) -> tuple[Characters, int]:
    """The character, class or escape at the index, and the index behind."""
    character = text[index]
    if character == ".":
        return ANYTHING, index + 1
    if character == "\\":
        return read_escape(text, index + 1)
    if character == "[":
        return read_class(text, index + 1)
    if character not in LITERALS:
        raise invalid_term(character) if character not in "*+?{}]" else InvalidPattern()
    return Characters(frozenset(character)), index + 1


def read_escape(text: str, index: int) -> tuple[Characters, int]:
    """What follows a backslash: a class, `xhh`, or a character as itself."""
    if index >= len(text):
        raise InvalidPattern
    character = text[index]
    if character.lower() in CLASSES:
        return Characters(CLASSES[character.lower()], negated=character.isupper()), index + 1
    if character == "x":
        digits = text[index + 1 : index + 3]
        if re.fullmatch("[0-9A-Fa-f]{2}", digits) is None:
            raise InvalidPattern
        return Characters(frozenset(chr(int(digits, 16)))), index + 3
    if character.isascii() and not character.isalnum():
        return Characters(frozenset(character)), index + 1
    raise InvalidPattern


def read_class(text: str, index: int) -> tuple[Characters, int]:
    """The inside of square brackets: characters, ranges, escapes; `^` first negates."""
    negated = text.startswith("^", index)
    index += negated
    members: set[str] = set()
    while index < len(text) and text[index] != "]":
        index = read_member(text, index, members.update)
    if index >= len(text) or not members:
        raise InvalidPattern
    return Characters(frozenset(members), negated), index + 1


def read_member(text: str, index: int, add: Callable[[frozenset[str]], None]) -> int:
    """One character, escape or range of a class; the index behind it."""
    start = text[index]
    if start == "\\":
        characters, index = read_escape(text, index + 1)
        if characters.negated:
            raise InvalidPattern
        add(characters.members)
        return index
    if not start.isascii():
        raise invalid_term(start)
    last = text[index + 2 : index + 3]
    if text[index + 1 : index + 2] == "-" and last not in ("", "]"):
        if not last.isascii() or last < start:
            raise InvalidPattern
        add(frozenset(map(chr, range(ord(start), ord(last) + 1))))
        return index + 3
    add(frozenset(start))
    return index + 1
