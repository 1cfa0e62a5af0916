"""Durable executions for tests of their rules: values, without storage, functions or time."""

from __future__ import annotations

from typing import Any

from lambdad.core.ids import AccountId, Region
from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.engines.durable.chained import Resolve, Target
from lambdad.engines.durable.change import Change
from lambdad.engines.durable.checkpoint import Update
from lambdad.engines.durable.course import invoking, started
from lambdad.engines.durable.execution import Execution, Operation, Origin
from lambdad.engines.durable.protocol import CheckpointAnswer, CheckpointRequest, checkpointed

START_MS = 1_767_225_600_000
ID = "11111111-2222-4333-8444-555555555555"


def make_origin(**changes: Any) -> Origin:
    fields: dict[str, Any] = {
        "id": ID,
        "account": AccountId("123456789012"),
        "region": Region("us-east-1"),
        "function": "f",
        "version": "1",
        "name": "n",
        "timeout_s": 3600,
        "retention_days": 14,
        "kms_key_arn": None,
        "synchronous": False,
        "started_ms": START_MS,
        "trace_header": "",
        "secret": "s",
    }
    return Origin(**fields | changes)


def begun(**changes: Any) -> Execution:
    """An execution that waits for its first invocation; `changes` are fields of its origin."""
    return started(make_origin(**changes), '{"a":1}').execution


def running(**changes: Any) -> Execution:
    """Likewise, during that invocation."""
    return invoking(begun(**changes), "invocation-1", START_MS).execution


def to_version_1(_: Operation) -> Target:
    """A target for every chained invoke."""
    return Target("1")


def note(
    execution: Execution,
    *updates: Update,
    after_s: float = 0,
    limits: Limits = DEFAULT_LIMITS,
    resolve: Resolve = to_version_1,
) -> tuple[Change, CheckpointAnswer]:
    """A checkpoint with the current token, so long after the start."""
    assert execution.token is not None
    request = CheckpointRequest(execution.token, updates)
    now_ms = START_MS + round(after_s * 1000)
    return checkpointed(execution, request, now_ms, limits, resolve)


def noted(execution: Execution, *updates: Update, after_s: float = 0) -> Execution:
    return note(execution, *updates, after_s=after_s)[0].execution


def update(kind: str, action: str, identifier: str = "o", **members: Any) -> Update:
    return {"Id": identifier, "Type": kind, "Action": action, **members}


def wait(seconds: int = 5, identifier: str = "o") -> Update:
    return update("WAIT", "START", identifier, WaitOptions={"WaitSeconds": seconds})


def retry(seconds: int = 5, identifier: str = "o", **members: Any) -> Update:
    options = {"NextAttemptDelaySeconds": seconds}
    return update("STEP", "RETRY", identifier, StepOptions=options, **members)


def callback(timeout_s: int = 0, heartbeat_s: int = 0, identifier: str = "o") -> Update:
    options = {"TimeoutSeconds": timeout_s, "HeartbeatTimeoutSeconds": heartbeat_s}
    return update("CALLBACK", "START", identifier, CallbackOptions=options)


def chained(identifier: str = "o", payload: str = "1") -> Update:
    options = {"FunctionName": "other"}
    return update(
        "CHAINED_INVOKE", "START", identifier, Payload=payload, ChainedInvokeOptions=options
    )
