"""api/dispatch.py: what the audit log is told of a call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lambdad.api.call import Call, Params
from lambdad.api.dispatch import Dispatcher
from lambdad.api.operation import OperationName
from lambdad.core.errors import AccessDeniedException, AwsError, ClientError
from lambdad.telemetry.audit import AuditRecord
from support.calls import root_call

SEND = OperationName("sqs", "SendMessage")
ASSUME = OperationName("sts", "AssumeRole")


class MissingParameter(ClientError):
    code = "MissingParameter"


class AccessDenied(ClientError):
    """As services of the query protocol have it, some with another status than 403."""

    code = "AccessDenied"
    status = 400


class Log:
    """An audit log in memory."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []

    def note(self, record: AuditRecord) -> None:
        self.records.append(record)


class Answers:
    """An Authorizer with one answer."""

    def __init__(self, error: AwsError | None) -> None:
        self._error = error

    def authorize(self, call: Call, name: OperationName, params: Params) -> Call:
        if self._error is not None:
            raise self._error
        return call


def noted(name: OperationName, *, decided: AwsError | None, done: AwsError | None) -> Any:
    """(decision, reason) of the one record of a call."""
    log = Log()
    dispatcher = Dispatcher(Answers(decided), log)  # type: ignore[arg-type]

    async def handler(call: Call, params: Params) -> dict[str, Any]:
        if done is not None:
            raise done
        return {}

    dispatcher.serve({name: handler})
    call = dispatcher.dispatch(name.service, name.operation, root_call(), {})
    if decided or done:
        with pytest.raises(AwsError):
            asyncio.run(call)
    else:
        asyncio.run(call)
    (record,) = log.records
    return record.decision, record.reason


@pytest.mark.parametrize(
    ("decided", "decision"),
    [
        (None, ("allowed", None)),
        (AccessDeniedException("no"), ("denied", "no")),
        (AccessDenied("no"), ("denied", "no")),
        (MissingParameter("QueueUrl"), ("malformed", "QueueUrl")),
    ],
)
def test_a_call_is_noted_with_what_was_decided_of_it(
    decided: AwsError | None, decision: tuple[str, str | None]
) -> None:
    assert noted(SEND, decided=decided, done=None) == decision


@pytest.mark.parametrize(
    ("done", "decision"),
    [
        (None, ("allowed", None)),
        (AccessDenied("no"), ("denied", "no")),
        (MissingParameter("RoleArn"), ("allowed", None)),
    ],
)
def test_an_operation_that_decides_itself_tells_by_its_answer(
    done: AwsError | None, decision: tuple[str, str | None]
) -> None:
    assert noted(ASSUME, decided=None, done=done) == decision
