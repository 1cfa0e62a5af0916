"""What a running function asks of its execution: to note a checkpoint, and for the state to
replay. Pure.

Every checkpoint uses up its token. One that leaves the answer without a token ends the
invocation: either the execution is over, or it is pausing, and the function returns PENDING.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lambdad.core.limits import Limits
from lambdad.core.value import Value, replace
from lambdad.engines.durable.chained import Resolve, dispatched
from lambdad.engines.durable.change import Change, Draft, error_bytes
from lambdad.engines.durable.checkpoint import Update, checkpoint
from lambdad.engines.durable.course import rest
from lambdad.engines.durable.errors import foreign_token, invalid_token
from lambdad.engines.durable.execution import (
    Answered,
    Execution,
    ExecutionStatus,
    Operation,
    OperationType,
    token_execution,
)
from lambdad.engines.durable.timers import advance

_SAME_REQUEST_MS = 15 * 60_000
_FRAME_BYTES = 512
"""What an operation takes beside its payloads, roughly."""


class CheckpointRequest(Value):
    """CheckpointDurableExecution, but for the execution that it is of."""

    token: str
    updates: Sequence[Update]
    client_token: str | None = None


class CheckpointAnswer(Value):
    """The next token, if there is to be a next checkpoint, and what has changed."""

    token: str | None
    operations: tuple[Operation, ...]


def check_token(execution: Execution | None, execution_id: str, token: str) -> Execution:
    """The execution, if the token is its current one. Raises InvalidParameterValueException; AWS
    says of an execution that is not there, too, that the token is invalid."""
    named = token_execution(token)
    if named is not None and named != execution_id:
        raise foreign_token()
    if execution is None or execution.token != token:
        raise invalid_token()
    return execution


def repeated(
    execution: Execution | None, request: CheckpointRequest, now_ms: int
) -> CheckpointAnswer | None:
    """The answer to the last checkpoint again, for a client that did not get it."""
    before = execution.answered if execution is not None else None
    if (
        execution is None
        or before is None
        or request.client_token is None
        or (before.token, before.client_token) != (request.token, request.client_token)
        or now_ms - before.answered_ms >= _SAME_REQUEST_MS
    ):
        return None
    operations = (execution.operations[name] for name in before.operation_ids)
    return CheckpointAnswer(execution.token, tuple(operations))


def checkpointed(
    execution: Execution, request: CheckpointRequest, now_ms: int, limits: Limits, resolve: Resolve
) -> tuple[Change, CheckpointAnswer]:
    """The execution after a checkpoint, and what the function is told. Raises
    InvalidParameterValueException."""
    before = execution.changes
    change = (
        checkpoint(execution, request.updates, now_ms, limits)
        .then(lambda found: dispatched(found, before, resolve, now_ms))
        .then(lambda found: advance(found, now_ms))
    )
    if change.execution.status is ExecutionStatus.PAUSING:
        change = change.then(lambda found: _pausing(found, now_ms))
    noted = change.execution
    told = noted.unseen
    noted = replace(noted, checkpoints=noted.checkpoints + 1, seen=noted.changes, answered=None)
    if request.client_token is not None and noted.token is not None:
        names = tuple(operation.id for operation in told)
        answered = Answered(request.token, request.client_token, now_ms, names)
        noted = replace(noted, answered=answered)
    return Change(noted, change.events), CheckpointAnswer(noted.token, told)


def _pausing(execution: Execution, now_ms: int) -> Change:
    draft = Draft(execution, now_ms)
    draft.set(revoked=True)
    rest(draft)
    return draft.done()


class Page(Value):
    """Some of the operations, in order, and the position with which the next page begins."""

    operations: list[Operation]
    next_position: int | None


def state_page(execution: Execution, position: int, most: int, limits: Limits) -> Page:
    """The operations that a replay needs, from a position on: up to `most` of them, and never
    more bytes than an invocation can carry, but always one."""
    found: list[Operation] = []
    room = limits.durable_page_bytes
    for operation in _needed(execution.operations.values()):
        if operation.position < position:
            continue
        room -= _bytes(operation)
        if found and (room < 0 or len(found) == most):
            return Page(found, operation.position)
        found.append(operation)
    return Page(found, None)


def _needed(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Without what happened in a context that is over, unless the context says that it is needed
    (GetDurableExecutionState)."""
    hidden: set[str] = set()
    for operation in operations:
        inside = operation.parent_id in hidden
        if inside or _is_summed_up(operation):
            hidden.add(operation.id)
        if not inside:
            yield operation


def _bytes(operation: Operation) -> int:
    texts = (operation.input or "", operation.result or "")
    return _FRAME_BYTES + sum(map(len, texts)) + error_bytes(operation.error)


def _is_summed_up(operation: Operation) -> bool:
    """A context whose result stands for all that happened in it."""
    return (
        operation.type is OperationType.CONTEXT
        and operation.status.closed
        and not operation.replay_children
    )
