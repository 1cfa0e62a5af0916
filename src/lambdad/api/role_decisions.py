"""Decisions about roles that are asked for again and again, kept for as long as they hold.

A poller asks before each look whether its function's role may; between two looks nothing has
changed, nearly always. Owns when a decision no longer holds: when anything in the role's account,
the resource's policy or its tags has changed. One that looked at the time is not kept at all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lambdad.api.requirement import Tags
from lambdad.core.ids import AccountId
from lambdad.core.value import Value
from lambdad.iam.policy import Policy

_TIMES = ("aws:currenttime", "aws:epochtime", "aws:tokenissuetime")
_KEPT = 10_000


class Question(NamedTuple):
    """May the role, in that session, do that to the resource?"""

    role_arn: str
    session: str
    action: str
    resource: str


class Basis(NamedTuple):
    """What an answer rests on, besides the question and the time."""

    version: int
    """Of the role's account (`Directory.version`)."""
    policy: Policy | None
    """The resource's."""
    tags: Tags
    """Likewise."""

    def holds(self, other: Basis) -> bool:
        """A policy is compiled once and replaced as a whole, so it is compared by identity."""
        return (
            self.version == other.version
            and self.policy is other.policy
            and self.tags == other.tags
        )


class Timeless(dict[str, str | tuple[str, ...]]):
    """The context of a request (`iam/matching.py`: only `get` is called), which notes whether a
    condition or a variable asked for a time."""

    asked_for_time = False

    def get(self, key: str, default: Any = None) -> Any:
        self.asked_for_time |= key in _TIMES
        return super().get(key, default)


class Decided(Value):
    """An answer that is kept."""

    account: AccountId
    """The role's."""
    basis: Basis
    refusal: str | None


class RoleDecisions:
    """Those that are kept, by their question."""

    def __init__(self) -> None:
        self._kept: dict[Question, Decided] = {}

    def find(self, question: Question) -> Decided | None:
        """It holds if its basis does."""
        return self._kept.get(question)

    def keep(self, question: Question, decided: Decided) -> None:
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[question] = decided
