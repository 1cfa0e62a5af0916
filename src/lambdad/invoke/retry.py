"""What becomes of an asynchronous event after a run: pure rules of semantics §3.

A function error uses up an attempt; a throttle or a fault of the platform does not, it only
waits longer each time. An event whose next run would come after its maximum age is over now.
"""

from __future__ import annotations

from enum import Enum, StrEnum

from lambdad.core.limits import Limits
from lambdad.core.value import Value, replace

_RETRY_DELAYS_MS = (60_000, 120_000)
_FIRST_BACKOFF_MS = 1_000
_LONGEST_BACKOFF_MS = 300_000


class Outcome(Enum):
    """How a run ended, as far as retries care."""

    SUCCESS = "success"
    FUNCTION_ERROR = "function error"
    NOT_RUN = "not run"
    """Throttled, or the platform failed."""
    ZERO_CONCURRENCY = "zero concurrency"
    """The function is switched off."""
    LOOP = "loop"
    """The function has called itself too often in a row (`lineage.py`)."""
    BEGUN = "begun"
    """A durable execution goes on with it, and has its own rules."""
    GONE = "gone"
    """There is no such function, version or alias any more."""


class Condition(StrEnum):
    """Why an event is over, in the words of AWS's destination record."""

    SUCCESS = "Success"
    RETRIES_EXHAUSTED = "RetriesExhausted"
    EVENT_AGE_EXCEEDED = "EventAgeExceeded"
    ZERO_RESERVED_CONCURRENCY = "ZeroReservedConcurrency"
    RECURSIVE_INVOCATION = "RecursiveInvocation"
    """Ours: AWS sends such an event on as well, and does not publish its word."""
    FUNCTION_NOT_FOUND = "FunctionNotFound"
    """Ours: AWS drops such an event without a record."""


class Progress(Value):
    """What an event has behind it."""

    accepted_ms: int
    attempts: int = 0
    """Runs that reached the function."""
    refusals: int = 0
    """Runs in a row that did not."""


class Again(Value):
    """Run it once more, at `due_ms`."""

    due_ms: int
    progress: Progress


class Over(Value):
    """It is done with."""

    condition: Condition
    progress: Progress


def decide(progress: Progress, outcome: Outcome, now_ms: int, limits: Limits) -> Again | Over:
    """What follows from a run that ended now."""
    if outcome is Outcome.ZERO_CONCURRENCY:
        return Over(Condition.ZERO_RESERVED_CONCURRENCY, progress)
    if outcome is Outcome.LOOP:
        return Over(Condition.RECURSIVE_INVOCATION, progress)
    if outcome is Outcome.GONE:
        return Over(Condition.FUNCTION_NOT_FOUND, progress)
    if outcome is Outcome.NOT_RUN:
        refused = replace(progress, refusals=progress.refusals + 1)
        delay_ms = min(_FIRST_BACKOFF_MS << min(progress.refusals, 30), _LONGEST_BACKOFF_MS)
        return _again(refused, now_ms + delay_ms, limits)
    ran = replace(progress, attempts=progress.attempts + 1, refusals=0)
    if outcome is Outcome.SUCCESS:
        return Over(Condition.SUCCESS, ran)
    if ran.attempts >= limits.async_attempts:
        return Over(Condition.RETRIES_EXHAUSTED, ran)
    delay_ms = _RETRY_DELAYS_MS[min(ran.attempts, len(_RETRY_DELAYS_MS)) - 1]
    return _again(ran, now_ms + delay_ms, limits)


def _again(progress: Progress, due_ms: int, limits: Limits) -> Again | Over:
    if due_ms > progress.accepted_ms + limits.async_max_age_s * 1000:
        return Over(Condition.EVENT_AGE_EXCEEDED, progress)
    return Again(due_ms, progress)
