"""Random courses of executions against what must always hold, through storage as well."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.core.errors import AwsError
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.engines.durable import chained as chaining
from lambdad.engines.durable import course
from lambdad.engines.durable.change import Change
from lambdad.engines.durable.codec import decode_execution, encode_execution, encode_operation
from lambdad.engines.durable.execution import Execution, OperationStatus, Request
from lambdad.engines.durable.output import Answer, Failure, NotRun
from lambdad.engines.durable.timers import advance, ready_ms, timer_ms
from support.durable_states import (
    START_MS,
    begun,
    callback,
    chained,
    note,
    retry,
    update,
    wait,
)

NAMES = st.sampled_from(["a", "b", "c"])
UPDATES = st.one_of(
    st.builds(wait, st.integers(1, 60), NAMES),
    st.builds(retry, st.integers(1, 60), NAMES),
    st.builds(callback, st.integers(0, 60), st.integers(0, 60), NAMES),
    st.builds(chained, NAMES),
    st.builds(
        lambda kind, action, name: update(kind, action, name),
        st.sampled_from(["STEP", "CONTEXT", "WAIT", "EXECUTION"]),
        st.sampled_from(["START", "SUCCEED", "FAIL", "CANCEL"]),
        NAMES,
    ),
)
OUTCOMES = st.sampled_from(
    [Answer("SUCCEEDED", "1"), Answer("FAILED"), Answer("PENDING"), Failure({}), NotRun()]
)
Move = Callable[[Execution, int], Change]


def checkpoint(updates: list[dict[str, object]]) -> Move:
    def move(execution: Execution, now_ms: int) -> Change:
        if execution.token is None:
            return Change(execution)
        return note(execution, *updates, after_s=(now_ms - START_MS) / 1000)[0]

    return move


def invoke(execution: Execution, now_ms: int) -> Change:
    ready = ready_ms(execution)
    if ready is None or ready > now_ms:
        return Change(execution)
    return course.invoking(execution, f"invocation-{now_ms}", now_ms)


def finish(outcome: Answer | Failure | NotRun) -> Move:
    def move(execution: Execution, now_ms: int) -> Change:
        if execution.invocation is None:
            return Change(execution)
        invocation = execution.invocation.id
        return course.returned(execution, invocation, outcome, now_ms, DEFAULT_LIMITS)

    return move


def end_chained(name: str) -> Move:
    ending = chaining.Ending(OperationStatus.SUCCEEDED, "1")
    return lambda execution, now_ms: chaining.ended(execution, name, ending, now_ms, DEFAULT_LIMITS)


MOVES = st.one_of(
    st.builds(checkpoint, st.lists(UPDATES, max_size=3)),
    st.just(invoke),
    st.just(invoke),
    st.builds(finish, OUTCOMES),
    st.just(advance),
    st.builds(end_chained, NAMES),
    st.just(lambda execution, now_ms: course.paused(execution, Request(None, now_ms))),
    st.just(lambda execution, now_ms: course.resumed(execution, Request(None, now_ms))),
    st.just(course.lost),
    st.just(lambda execution, now_ms: course.stopped(execution, None, now_ms)),
)


def check(before: Execution, change: Change) -> None:
    after = change.execution
    numbers = [event.id for event in change.events]
    assert numbers == list(range(before.events + 1, after.events + 1))
    assert after.changes >= before.changes
    for name, operation in before.operations.items():
        now = after.operations[name]
        assert (now.position, now.started_ms, now.type) == (
            operation.position,
            operation.started_ms,
            operation.type,
        )
        if operation.status.closed:
            assert now == operation, "what is over stays as it is"
    positions = [operation.position for operation in after.operations.values()]
    assert positions == list(range(len(positions)))
    if before.status.closed:
        assert after.status == before.status
        assert {event.type for event in change.events} <= {"InvocationCompleted"}
    if after.status.closed:
        assert after.token is None
        assert ready_ms(after) is None
        assert timer_ms(after) > (after.ended_ms or 0)
    if after.invocation is not None:
        assert ready_ms(after) is None, "one invocation at a time"
    assert sum(event.type.startswith("Execution") for event in change.events) <= 2


def stuck(execution: Execution) -> bool:
    """Open, with nothing that would ever move it but its timeout."""
    waits = any(
        operation.status in ("STARTED", "PENDING")
        and operation.type not in ("EXECUTION", "CONTEXT")
        for operation in execution.operations.values()
    )
    return (
        execution.status == "RUNNING"
        and execution.invocation is None
        and ready_ms(execution) is None
        and not waits
    )


@settings(max_examples=400)
@given(st.lists(st.tuples(MOVES, st.integers(0, 30)), max_size=40))
def test_what_always_holds(moves: list[tuple[Move, int]]) -> None:
    execution, now_ms = begun(timeout_s=600), START_MS
    for move, seconds in moves:
        now_ms += seconds * 1000
        try:
            change = move(execution, now_ms)
        except AwsError:
            continue
        check(execution, change)
        execution = change.execution
        assert not stuck(execution)
        stored = [encode_operation(operation) for operation in execution.operations.values()]
        assert decode_execution(encode_execution(execution), stored) == execution
