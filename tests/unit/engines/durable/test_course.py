"""From the start of an execution to its end: invocations, time, callbacks, pauses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.engines.durable import callbacks, chained, course
from lambdad.engines.durable.change import Change
from lambdad.engines.durable.errors import (
    CallbackTimeoutException,
    InvalidParameterValueException,
    ResourceConflictException,
)
from lambdad.engines.durable.execution import Execution, OperationStatus, Request
from lambdad.engines.durable.output import Answer, Breach, Failure, NotRun, Outcome, answer_of
from lambdad.engines.durable.protocol import (
    CheckpointRequest,
    check_token,
    checkpointed,
    repeated,
    state_page,
)
from lambdad.engines.durable.timers import advance, ready_ms, timer_ms
from support.durable_states import (
    ID,
    START_MS,
    begun,
    callback,
    make_origin,
    note,
    noted,
    retry,
    running,
    to_version_1,
    update,
    wait,
)
from support.durable_states import chained as chained_update

PENDING = Answer("PENDING")
DAY_MS = 86_400_000


def at(seconds: float) -> int:
    return START_MS + round(seconds * 1000)


def returned(execution: Execution, outcome: Outcome, seconds: float = 0) -> Change:
    assert execution.invocation is not None
    return course.returned(execution, execution.invocation.id, outcome, at(seconds), DEFAULT_LIMITS)


def types(change: Change) -> list[str]:
    return [event.type for event in change.events]


def test_a_start() -> None:
    change = course.started(make_origin(), "{}")
    assert [(event.id, event.type, event.name, event.details) for event in change.events] == [
        (
            1,
            "ExecutionStarted",
            "n",
            {"Input": {"Payload": "{}", "Truncated": False}, "ExecutionTimeout": 3600},
        )
    ]
    assert ready_ms(change.execution) == 0
    assert timer_ms(change.execution) == at(3600)
    assert change.execution.origin.arn == (
        f"arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/n/{ID}"
    )


def test_success_and_retention() -> None:
    change = returned(running(), Answer("SUCCEEDED", "42"), 2)
    assert types(change) == ["InvocationCompleted", "ExecutionSucceeded"]
    assert change.events[0].details == {
        "StartTimestamp": START_MS,
        "EndTimestamp": at(2),
        "RequestId": "invocation-1",
    }
    ended = change.execution
    assert (ended.status, ended.result, ended.root.status) == ("SUCCEEDED", "42", "SUCCEEDED")
    assert ready_ms(ended) is None
    assert timer_ms(ended) == at(2) + 14 * DAY_MS


def test_a_wait_suspends_and_resumes() -> None:
    execution = noted(running(), wait(5))
    suspended = returned(execution, PENDING, 1).execution
    assert ready_ms(suspended) is None
    assert timer_ms(suspended) == at(5)
    assert advance(suspended, at(4.999)).events == ()
    change = advance(suspended, at(5))
    assert [(event.type, event.details) for event in change.events] == [
        ("WaitSucceeded", {"Duration": 5})
    ]
    assert ready_ms(change.execution) == 0
    assert timer_ms(change.execution) == at(3600)


def test_a_wait_that_ends_during_the_invocation_wakes_it_again() -> None:
    execution = advance(noted(running(), wait(1)), at(1)).execution
    assert ready_ms(execution) is None
    assert ready_ms(returned(execution, PENDING, 2).execution) == 0


def test_a_step_becomes_ready() -> None:
    execution = returned(noted(running(), retry(3)), PENDING).execution
    step = advance(execution, at(3)).execution.operations["o"]
    assert (step.status, step.attempt, step.due_ms) == ("READY", 1, None)


def test_nothing_to_wait_for_is_an_error() -> None:
    change = returned(noted(running(), update("STEP", "START")), PENDING)
    assert types(change) == ["InvocationCompleted", "ExecutionFailed"]
    assert change.execution.error == {
        "ErrorMessage": "Cannot return PENDING status with no pending operations.",
        "ErrorType": "InvalidParameterValueException",
    }


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"nonsense", "Invalid Status in invocation output."),
        (b"[]", "Invalid Status in invocation output."),
        (b'{"Status": "DONE"}', "Invalid Status in invocation output."),
        (
            b'{"Status": "SUCCEEDED", "Error": {}}',
            "Cannot provide an Error for SUCCEEDED status.",
        ),
        (b'{"Status": "FAILED", "Result": "1"}', "Cannot provide a Result for FAILED status."),
        (b'{"Status": "SUCCEEDED", "Result": 1}', "Invalid Result in invocation output."),
    ],
)
def test_answers_against_the_protocol(payload: bytes, text: str) -> None:
    breach = answer_of(payload)
    assert breach == Breach(text)
    assert returned(running(), breach).execution.status == "FAILED"


@pytest.mark.parametrize(("synchronous", "most"), [(False, 1_048_576), (True, 6_291_456)])
def test_a_result_that_is_too_large(synchronous: bool, most: int) -> None:
    execution = running(synchronous=synchronous)
    assert returned(execution, Answer("SUCCEEDED", "x" * most)).execution.status == "SUCCEEDED"
    failed = returned(execution, Answer("SUCCEEDED", "x" * (most + 1))).execution
    assert failed.error is not None
    assert failed.error["ErrorMessage"] == (
        f"Execution output payload size must be less than or equal to {most} bytes."
    )


def test_failures_are_tried_again_with_growing_delays_and_then_not() -> None:
    execution, delays = running(), []
    error = {"ErrorMessage": "boom"}
    while not execution.status.closed:
        execution = returned(execution, Failure(error)).execution
        if execution.status.closed:
            break
        ready = ready_ms(execution)
        assert ready is not None
        delays.append((ready - START_MS) // 1000)
        execution = course.invoking(execution, "again", START_MS).execution
    assert delays == [1, 2, 4, 8, 16, 32, 64, 128]
    assert (execution.status, execution.error) == ("FAILED", error)


def test_an_answer_ends_the_failures() -> None:
    execution = course.invoking(
        returned(noted(running(), wait(9)), Failure({})).execution, "again", START_MS
    ).execution
    assert execution.failures == 1
    assert returned(execution, PENDING).execution.failures == 0


def test_throttles_use_up_no_attempt_and_leave_no_trace() -> None:
    change = returned(running(), NotRun())
    assert change.events == ()
    assert (change.execution.failures, ready_ms(change.execution)) == (0, at(1))
    again = course.invoking(change.execution, "again", START_MS).execution
    assert ready_ms(returned(again, NotRun()).execution) == at(2)


def test_an_answer_of_another_invocation_is_nothing() -> None:
    execution = running()
    late = course.returned(execution, "invocation-0", PENDING, START_MS, DEFAULT_LIMITS)
    assert late.execution is execution


def test_the_execution_times_out_whatever_goes_on() -> None:
    execution = noted(running(timeout_s=10), wait(50))
    change = advance(execution, at(10))
    assert [(event.type, event.details) for event in change.events] == [("ExecutionTimedOut", {})]
    assert change.execution.error == {"ErrorMessage": "Execution timed out after 10 seconds."}
    assert change.execution.token is None
    after = returned(change.execution, Answer("SUCCEEDED", "1"), 11)
    assert types(after) == ["InvocationCompleted"]
    assert after.execution.status == "TIMED_OUT"


def test_a_stop_is_final() -> None:
    stopped = course.stopped(noted(running(), wait(5)), {"ErrorType": "Enough"}, at(1))
    assert [(event.type, event.details) for event in stopped.events] == [
        ("ExecutionStopped", {"Error": {"Payload": {"ErrorType": "Enough"}, "Truncated": False}})
    ]
    assert course.stopped(stopped.execution, None, at(2)).execution is stopped.execution
    assert advance(stopped.execution, at(9)).execution is stopped.execution


# Tokens.


def test_every_checkpoint_uses_up_its_token() -> None:
    execution = running()
    first = execution.token
    assert first is not None
    change, answer = note(execution, update("STEP", "START"))
    assert answer.token == change.execution.token != first
    assert [operation.id for operation in answer.operations] == ["o"]
    with pytest.raises(InvalidParameterValueException, match="Invalid checkpoint token"):
        check_token(change.execution, ID, first)


@pytest.mark.parametrize("token", ["bm9uZQ==", "!", "eDp5"])
def test_made_up_tokens(token: str) -> None:
    with pytest.raises(InvalidParameterValueException):
        check_token(running(), ID, token)
    with pytest.raises(InvalidParameterValueException, match="Invalid checkpoint token"):
        check_token(None, ID, running().token or "")


def test_a_token_of_another_execution() -> None:
    foreign = running(id="99999999-2222-4333-8444-555555555555").token
    with pytest.raises(InvalidParameterValueException) as caught:
        check_token(running(), ID, foreign or "")
    assert caught.value.message == "Checkpoint token is not valid for the durable execution ARN"


def test_a_token_ends_with_its_invocation() -> None:
    execution = noted(running(), wait(5))
    token = execution.token
    resumed = advance(returned(execution, PENDING).execution, at(5)).execution
    assert resumed.token is None
    again = course.invoking(resumed, "invocation-2", at(5)).execution
    with pytest.raises(InvalidParameterValueException):
        check_token(again, ID, token or "")


def test_a_repeated_request_is_answered_again_for_a_quarter_of_an_hour() -> None:
    execution = running()
    request = CheckpointRequest(execution.token or "", [update("STEP", "START")], "once")
    change, answer = checkpointed(execution, request, START_MS, DEFAULT_LIMITS, to_version_1)
    assert repeated(change.execution, request, at(899)) == answer
    assert repeated(change.execution, request, at(900)) is None
    other = replace(request, client_token="twice")
    assert repeated(change.execution, other, START_MS) is None


def test_the_last_checkpoint_has_no_token() -> None:
    change, answer = note(running(), update("EXECUTION", "SUCCEED", Payload='"big"'))
    assert answer.token is None
    assert (change.execution.status, change.execution.result) == ("SUCCEEDED", '"big"')
    end = returned(change.execution, Answer("SUCCEEDED", ""))
    assert types(end) == ["InvocationCompleted"]
    assert end.execution.result == '"big"'


# Callbacks.


def waiting(timeout_s: int = 0, heartbeat_s: int = 0) -> tuple[Execution, str]:
    execution = noted(running(), callback(timeout_s, heartbeat_s))
    identifier = execution.operations["o"].callback_id
    assert identifier is not None
    return returned(execution, PENDING).execution, identifier


def test_a_callback_ends_once() -> None:
    execution, identifier = waiting()
    change = callbacks.succeeded(execution, identifier, "yes", at(1))
    assert types(change) == ["CallbackSucceeded"]
    assert ready_ms(change.execution) == 0
    assert change.execution.operations["o"].result == "yes"
    with pytest.raises(CallbackTimeoutException) as caught:
        callbacks.failed(change.execution, identifier, {}, at(2))
    assert caught.value.message == "The callback is either timed out or already completed"


@pytest.mark.parametrize(
    ("timeout_s", "heartbeat_s", "seconds", "kind", "message"),
    [
        (5, 0, 5, "Callback.Timeout", "Callback timed out"),
        (5, 3, 3, "Callback.Heartbeat", "Callback timed out on heartbeat"),
        (3, 5, 3, "Callback.Timeout", "Callback timed out"),
    ],
)
def test_callbacks_time_out(
    timeout_s: int, heartbeat_s: int, seconds: int, kind: str, message: str
) -> None:
    execution, identifier = waiting(timeout_s, heartbeat_s)
    with pytest.raises(CallbackTimeoutException):  # even before anybody has noticed
        callbacks.succeeded(execution, identifier, "late", at(seconds))
    assert advance(execution, at(seconds) - 1).events == ()
    change = advance(execution, at(seconds))
    assert change.execution.operations["o"].error == {"ErrorMessage": message, "ErrorType": kind}
    assert change.events[0].details == {
        "Error": {"Payload": {"ErrorType": kind}, "Truncated": False}
    }


def test_heartbeats_keep_it_alive() -> None:
    execution, identifier = waiting(0, 3)
    execution = callbacks.beaten(execution, identifier, at(2)).execution
    assert ready_ms(execution) is None
    assert execution.unseen == ()
    assert timer_ms(execution) == at(5)


def test_a_guessed_callback_id() -> None:
    execution, identifier = waiting()
    with pytest.raises(CallbackTimeoutException):
        callbacks.succeeded(execution, identifier[:-4] + "AAA=", "mine", at(1))


# Chained invokes.


def test_a_chained_invoke_resumes_with_its_end() -> None:
    execution = returned(noted(running(), chained_update()), PENDING).execution
    assert [operation.id for operation in execution.chained] == ["o"]
    ending = chained.Ending(OperationStatus.SUCCEEDED, "7")
    change = chained.ended(execution, "o", ending, at(3), DEFAULT_LIMITS)
    assert types(change) == ["ChainedInvokeSucceeded"]
    assert (ready_ms(change.execution), change.execution.chained) == (0, ())
    again = chained.ended(change.execution, "o", ending, at(4), DEFAULT_LIMITS)
    assert again.execution is change.execution


def test_the_end_of_a_chained_execution() -> None:
    child = advance(begun(timeout_s=5), at(5)).execution
    assert chained.ending_of(child) == chained.Ending(
        OperationStatus.TIMED_OUT,
        None,
        {
            "ErrorMessage": "CHAINED_INVOKE timed out after 5 seconds.",
            "ErrorType": "ChainedInvoke.Timeout",
        },
    )


# Pauses.


def asked(seconds: float, **fields: Any) -> Request:
    return Request(**{"client_token": None, "asked_ms": at(seconds), **fields})


def test_a_pause_without_an_invocation_takes_hold_at_once() -> None:
    execution = returned(noted(running(), wait(5)), PENDING).execution
    change = course.paused(execution, asked(1, reason="why"))
    assert [(event.type, event.details) for event in change.events] == [
        (
            "ExecutionPaused",
            {
                "PauseRequestTimestamp": at(1),
                "ExecutionTimeoutPaused": True,
                "Reason": {"Payload": "why", "Truncated": False},
            },
        )
    ]
    paused = advance(change.execution, at(5)).execution
    assert (paused.status, paused.operations["o"].status) == ("PAUSED", "SUCCEEDED")
    assert ready_ms(paused) is None
    resumed = course.resumed(paused, asked(8))
    assert types(resumed) == ["ExecutionResumed"]
    assert ready_ms(resumed.execution) == 0
    assert timer_ms(resumed.execution) == at(3600 + 7)


def test_a_pause_during_an_invocation_waits_for_its_next_checkpoint() -> None:
    execution = course.paused(running(), asked(1)).execution
    assert (execution.status, execution.token is None) == ("PAUSING", False)
    change, answer = note(execution, update("STEP", "START"), after_s=2)
    assert answer.token is None
    assert [operation.id for operation in answer.operations] == ["o"]
    assert change.execution.status == "PAUSED"
    at_rest = returned(change.execution, PENDING, 3).execution
    assert ready_ms(at_rest) is None
    assert ready_ms(course.resumed(at_rest, asked(4)).execution) == 0


def test_a_pause_is_cancelled_by_a_resumption() -> None:
    execution = course.paused(running(), asked(1)).execution
    change = course.resumed(execution, asked(2))
    assert (change.execution.status, change.events) == ("RUNNING", ())
    assert note(change.execution, update("STEP", "START"))[1].token is not None


def test_an_invocation_may_end_the_execution_while_it_is_pausing() -> None:
    execution = course.paused(running(), asked(1)).execution
    assert returned(execution, Answer("SUCCEEDED", "1"), 2).execution.status == "SUCCEEDED"
    suspended = course.paused(noted(running(), wait(5)), asked(1)).execution
    assert returned(suspended, PENDING, 2).execution.status == "PAUSED"


def test_a_pause_may_leave_the_timeout_running() -> None:
    execution = returned(noted(running(timeout_s=10), wait(50)), PENDING).execution
    running_on = course.paused(execution, asked(1, timeout_paused=False)).execution
    assert advance(running_on, at(10)).execution.status == "TIMED_OUT"
    held_up = course.paused(execution, asked(1)).execution
    assert advance(held_up, at(10)).execution.status == "PAUSED"
    year = advance(held_up, START_MS + 366 * DAY_MS)
    assert year.execution.status == "TIMED_OUT"


def test_pauses_and_resumptions_that_are_no_such_thing() -> None:
    execution = returned(noted(running(), wait(5)), PENDING).execution
    with pytest.raises(ResourceConflictException):
        course.resumed(execution, asked(1))
    paused = course.paused(execution, asked(1, client_token="t")).execution
    with pytest.raises(ResourceConflictException):
        course.paused(paused, asked(2, client_token="u"))
    assert course.paused(paused, asked(2, client_token="t")).execution is paused
    resumed = course.resumed(paused, asked(3, client_token="t")).execution
    assert course.resumed(resumed, asked(4, client_token="t")).execution is resumed
    with pytest.raises(ResourceConflictException):
        course.resumed(resumed, asked(3 + 900, client_token="t"))


# A crash.


def test_a_lost_invocation_is_made_again() -> None:
    execution = noted(running(), update("STEP", "SUCCEED"))
    found = course.lost(execution, at(1)).execution
    assert (found.invocation, found.token, ready_ms(found)) == (None, None, 0)
    idle = returned(noted(running(), wait(5)), PENDING).execution
    assert course.lost(idle, at(1)).execution is idle
    pausing = course.paused(running(), asked(1)).execution
    assert course.lost(pausing, at(2)).execution.status == "PAUSED"


# What is replayed.


def test_what_happened_in_a_context_that_is_over_is_not_replayed() -> None:
    inside = [
        update("CONTEXT", "START", "c"),
        update("STEP", "SUCCEED", "s", ParentId="c", Payload="1"),
        update("CONTEXT", "START", "d", ParentId="c"),
        update("STEP", "SUCCEED", "t", ParentId="d", Payload="1"),
    ]
    execution = noted(running(), *inside)
    everything = [ID, "c", "s", "d", "t"]
    page = state_page(execution, 0, 10, DEFAULT_LIMITS)
    assert [operation.id for operation in page.operations] == everything
    closed = noted(execution, update("CONTEXT", "SUCCEED", "c", Payload="2"))
    page = state_page(closed, 0, 10, DEFAULT_LIMITS)
    assert [operation.id for operation in page.operations] == [ID, "c"]
    options = {"ReplayChildren": True}
    kept = noted(execution, update("CONTEXT", "SUCCEED", "c", ContextOptions=options))
    page = state_page(kept, 0, 10, DEFAULT_LIMITS)
    assert [operation.id for operation in page.operations] == everything


def test_pages_of_state() -> None:
    steps = [update("STEP", "SUCCEED", f"s{n}", Payload=json.dumps("x" * 900)) for n in range(5)]
    execution = noted(running(), *steps)
    page = state_page(execution, 0, 2, DEFAULT_LIMITS)
    assert ([at.id for at in page.operations], page.next_position) == ([ID, "s0"], 2)
    page = state_page(execution, 2, 10, DEFAULT_LIMITS)
    assert ([at.id for at in page.operations], page.next_position) == (
        ["s1", "s2", "s3", "s4"],
        None,
    )
    narrow = replace(DEFAULT_LIMITS, durable_page_bytes=1)
    assert len(state_page(execution, 2, 10, narrow).operations) == 1
