"""The rules of asynchronous retries (semantics §3)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.invoke.retry import Again, Condition, Outcome, Over, Progress, decide

NEW = Progress(accepted_ms=1000)


def test_function_errors_are_tried_again_after_one_and_two_minutes() -> None:
    first = decide(NEW, Outcome.FUNCTION_ERROR, 5_000, DEFAULT_LIMITS)
    assert first == Again(65_000, Progress(1000, attempts=1))
    second = decide(first.progress, Outcome.FUNCTION_ERROR, 70_000, DEFAULT_LIMITS)
    assert second == Again(190_000, Progress(1000, attempts=2))
    third = decide(second.progress, Outcome.FUNCTION_ERROR, 200_000, DEFAULT_LIMITS)
    assert third == Over(Condition.RETRIES_EXHAUSTED, Progress(1000, attempts=3))


def test_throttles_back_off_from_one_second_to_five_minutes_and_cost_no_attempt() -> None:
    progress, delays = NEW, []
    for _ in range(12):
        decision = decide(progress, Outcome.NOT_RUN, 0, DEFAULT_LIMITS)
        assert isinstance(decision, Again)
        delays.append(decision.due_ms // 1000)
        progress = decision.progress
    assert delays == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert progress.attempts == 0


def test_a_run_starts_the_backoff_anew() -> None:
    refused = Progress(1000, attempts=0, refusals=8)
    again = decide(refused, Outcome.FUNCTION_ERROR, 0, DEFAULT_LIMITS)
    assert again.progress.refusals == 0


def test_an_event_that_would_be_too_old_at_its_next_run_is_over_now() -> None:
    limits = replace(DEFAULT_LIMITS, async_max_age_s=60)
    assert decide(NEW, Outcome.FUNCTION_ERROR, 1000, limits) == Again(
        61_000, Progress(1000, attempts=1)
    )
    assert decide(NEW, Outcome.FUNCTION_ERROR, 1001, limits) == Over(
        Condition.EVENT_AGE_EXCEEDED, Progress(1000, attempts=1)
    )


def test_the_other_ends() -> None:
    ends = {
        Outcome.SUCCESS: (Condition.SUCCESS, 1),
        Outcome.ZERO_CONCURRENCY: (Condition.ZERO_RESERVED_CONCURRENCY, 0),
        Outcome.GONE: (Condition.FUNCTION_NOT_FOUND, 0),
    }
    for outcome, (condition, attempts) in ends.items():
        assert decide(NEW, outcome, 2000, DEFAULT_LIMITS) == Over(
            condition, Progress(1000, attempts=attempts)
        )


@given(st.lists(st.sampled_from(list(Outcome)), min_size=200, max_size=200))
def test_every_event_ends_within_its_age(outcomes: list[Outcome]) -> None:
    progress, now_ms = NEW, NEW.accepted_ms
    for outcome in outcomes:
        decision = decide(progress, outcome, now_ms, DEFAULT_LIMITS)
        if isinstance(decision, Over):
            break
        assert decision.due_ms > now_ms
        progress, now_ms = decision.progress, decision.due_ms
    assert now_ms <= NEW.accepted_ms + DEFAULT_LIMITS.async_max_age_s * 1000
    assert progress.attempts < DEFAULT_LIMITS.async_attempts


def test_an_event_in_a_loop_is_over_at_once() -> None:
    again = Progress(1000, attempts=1)
    decision = decide(again, Outcome.LOOP, 2000, DEFAULT_LIMITS)
    assert decision == Over(Condition.RECURSIVE_INVOCATION, again)
