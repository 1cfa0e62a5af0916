"""Checkpoints: what each update makes of an operation, and every refusal with its text."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.engines.durable.checkpoint import Update
from lambdad.engines.durable.errors import InvalidParameterValueException
from lambdad.engines.durable.execution import Execution, callback_id
from support.durable_states import (
    START_MS,
    callback,
    chained,
    make_origin,
    note,
    noted,
    retry,
    running,
    update,
    wait,
)

MIB = 1_048_576
STEP_STARTED = (update("STEP", "START"),)
ERROR = {"ErrorMessage": "m", "ErrorType": "T"}


def refusal(execution: Execution, *updates: Update) -> str:
    with pytest.raises(InvalidParameterValueException) as caught:
        note(execution, *updates)
    assert caught.value.members == {"Type": "User"}
    return str(caught.value.message)


@pytest.mark.parametrize(
    ("before", "updates", "text"),
    [
        ((), [update("EXECUTION", "SUCCEED")] * 2, "Cannot checkpoint multiple EXECUTION updates."),
        (
            (),
            [update("EXECUTION", "SUCCEED"), update("STEP", "START")],
            "EXECUTION checkpoint must be the last update.",
        ),
        ((), [wait(), wait()], "Cannot update the same operation twice in a single request."),
        (
            (),
            [update("STEP", "START"), update("STEP", "START")],
            "Cannot update the same operation twice in a single request.",
        ),
        ((), [update("WAIT", "SUCCEED")], "Invalid action for the given operation type."),
        ((), [update("CALLBACK", "SUCCEED")], "Invalid action for the given operation type."),
        ((), [update("EXECUTION", "START")], "Invalid action for the given operation type."),
        (
            (),
            [update("STEP", "SUCCEED", Error=ERROR)],
            "Cannot provide an Error for SUCCEED action.",
        ),
        ((), [update("STEP", "FAIL", Payload="1")], "Cannot provide a Payload for FAIL action."),
        (
            (),
            [update("STEP", "FAIL", Error={"ErrorMessage": "x" * MIB})],
            "Error object size must be less than or equal to 1048576 bytes.",
        ),
        (
            (),
            [update("STEP", "SUCCEED", Payload="x" * (MIB + 1))],
            "STEP output payload size must be less than or equal to 1048576 bytes.",
        ),
        (
            (),
            [chained(payload="é" * (MIB // 2 + 1))],
            "CHAINED_INVOKE input payload size must be less than or equal to 1048576 bytes.",
        ),
        (
            (),
            [update("EXECUTION", "SUCCEED", Payload="x" * (MIB + 1))],
            "Execution output payload size must be less than or equal to 1048576 bytes.",
        ),
        (STEP_STARTED, [wait()], "Inconsistent operation type."),
        (
            (update("STEP", "START", Name="a"),),
            [update("STEP", "SUCCEED", Name="b")],
            "Inconsistent operation name.",
        ),
        (
            (update("STEP", "START", SubType="a"),),
            [update("STEP", "SUCCEED", SubType="b")],
            "Inconsistent operation subtype.",
        ),
        (
            (update("CONTEXT", "START", "c"), update("STEP", "START")),
            [update("STEP", "SUCCEED", ParentId="c")],
            "Inconsistent parent operation id.",
        ),
        ((), [update("STEP", "START", ParentId="c")], "Invalid parent operation id."),
        (
            STEP_STARTED,
            [update("STEP", "START", "p", ParentId="o")],
            "Invalid parent operation id.",
        ),
        (STEP_STARTED, STEP_STARTED, "Invalid current STEP state to start."),
        (
            (update("STEP", "SUCCEED"),),
            [update("STEP", "SUCCEED")],
            "Invalid current STEP state to close.",
        ),
        ((update("STEP", "SUCCEED"),), [retry()], "Invalid current STEP state to re-attempt."),
        (
            STEP_STARTED,
            [update("STEP", "RETRY")],
            "Invalid StepOptions for the given action.",
        ),
        (
            (),
            [update("STEP", "START", StepOptions={"NextAttemptDelaySeconds": 1})],
            "Invalid StepOptions for the given action.",
        ),
        (
            STEP_STARTED,
            [retry(Payload="1", Error=ERROR)],
            "Cannot provide both error and payload to RETRY a STEP.",
        ),
        ((wait(),), [wait()], "Cannot start a WAIT that already exist."),
        (
            (),
            [update("WAIT", "CANCEL")],
            "Cannot cancel a WAIT that does not exist or has already completed.",
        ),
        ((), [update("WAIT", "START")], "Update for WAIT operation requires WaitOptions."),
        ((callback(),), [callback()], "Cannot start a CALLBACK that already exist."),
        ((chained(),), [chained()], "Cannot start a CHAINED_INVOKE that already exist."),
        (
            (),
            [update("CHAINED_INVOKE", "START")],
            "Update for CHAINED_INVOKE operation requires ChainedInvokeOptions.",
        ),
        ((), [update("CONTEXT", "SUCCEED")], "Invalid current CONTEXT state to close."),
        (
            (update("CONTEXT", "START"),),
            [update("CONTEXT", "START")],
            "Cannot start a CONTEXT that already exist.",
        ),
    ],
)
def test_refusals(before: tuple[Update, ...], updates: list[Update], text: str) -> None:
    execution = running()
    for each in before:
        execution = noted(execution, each)
    assert refusal(execution, *updates) == text


def test_a_refused_checkpoint_changes_nothing_of_it_all() -> None:
    execution = running()
    refusal(execution, update("STEP", "START", "a"), update("WAIT", "START", "b"))
    assert list(execution.operations) == [execution.id]
    assert note(execution, update("STEP", "START", "a"))[0].execution.operations["a"].position == 1


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (
            {"durable_operations": 2},
            "The durable execution would have more than 2 operations.",
        ),
        (
            {"durable_stored_bytes": 10},
            "The durable execution would have more than 10 bytes of stored data.",
        ),
        (
            {"durable_events": 4},
            "The durable execution would have more than 4 events in its history.",
        ),
    ],
)
def test_quotas(limits: dict[str, int], text: str) -> None:
    narrow = replace(DEFAULT_LIMITS, **limits)
    execution = running()
    fits = [update("STEP", "SUCCEED", "a", Payload="1"), update("STEP", "SUCCEED", "b")]
    change, _ = note(execution, *fits, limits=narrow)
    too_much = [update("STEP", "SUCCEED", f"c{n}", Payload="123456") for n in range(2)]
    with pytest.raises(InvalidParameterValueException) as caught:
        note(change.execution, *too_much, limits=narrow)
    assert caught.value.message == text
    end = update("EXECUTION", "SUCCEED", Payload="1234567890")
    assert note(change.execution, end, limits=narrow)[0].execution.status == "SUCCEEDED"


def events(execution: Execution, *updates: Update) -> list[tuple[str, Any]]:
    return [(event.type, event.details) for event in note(execution, *updates)[0].events]


def test_what_the_history_says() -> None:
    origin = make_origin()
    assert events(running(), update("STEP", "START"), update("STEP", "SUCCEED", Payload="1")) == [
        ("StepStarted", {}),
        (
            "StepSucceeded",
            {
                "Result": {"Payload": "1", "Truncated": False},
                "RetryDetails": {"CurrentAttempt": 1},
            },
        ),
    ]
    assert events(running(), retry(7, Error=ERROR)) == [
        (
            "StepFailed",
            {
                "Error": {"Payload": ERROR, "Truncated": False},
                "RetryDetails": {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 7},
            },
        ),
    ]
    assert events(running(), retry(7, Payload="1"))[0][0] == "StepSucceeded"
    assert events(running(), wait(5)) == [
        ("WaitStarted", {"Duration": 5, "ScheduledEndTimestamp": START_MS + 5000})
    ]
    assert events(noted(running(), wait(5)), update("WAIT", "CANCEL")) == [("WaitCancelled", {})]
    assert events(running(), callback(9, 3)) == [
        (
            "CallbackStarted",
            {"CallbackId": callback_id(origin, "o"), "Timeout": 9, "HeartbeatTimeout": 3},
        )
    ]
    assert events(running(), chained()) == [
        (
            "ChainedInvokeStarted",
            {
                "FunctionName": "other",
                "Input": {"Payload": "1", "Truncated": False},
                "ExecutedVersion": "1",
            },
        )
    ]
    assert events(
        running(), update("CONTEXT", "START"), update("CONTEXT", "FAIL", Error=ERROR)
    ) == [
        ("ContextStarted", {}),
        ("ContextFailed", {"Error": {"Payload": ERROR, "Truncated": False}}),
    ]
    assert events(running(), update("EXECUTION", "FAIL", Error=ERROR)) == [
        ("ExecutionFailed", {"Error": {"Payload": ERROR, "Truncated": False}})
    ]


def test_a_chained_invoke_that_cannot_be_fails_at_once() -> None:
    error = {"ErrorMessage": "Function not found: x", "ErrorType": "ResourceNotFoundException"}
    change, answer = note(running(), chained(), resolve=lambda _: error)
    assert [(event.type, event.details) for event in change.events] == [
        ("ChainedInvokeStarted", {"FunctionName": "other"}),
        ("ChainedInvokeFailed", {"Error": {"Payload": error, "Truncated": False}}),
    ]
    assert [(at.status, at.error) for at in answer.operations] == [("FAILED", error)]
