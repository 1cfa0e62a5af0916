"""A durable execution and its operations: immutable values.

Pure data. How they change is the business of `change` and of what is written with it
(`checkpoint`, `timers`, `course`), how they are kept is `store`'s. Payloads and errors are the
customer's and are left out of every repr. Errors are AWS's ErrorObject in AWS's spelling.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from lambdad.core.arn import function_arn
from lambdad.core.ids import AccountId, Region
from lambdad.core.value import Value

ErrorObject = Mapping[str, Any]
"""`ErrorMessage`, `ErrorType`, `ErrorData`, `StackTrace`: each if there is one."""


class ExecutionStatus(StrEnum):
    """Of an execution. AWS's DELETING is not there: a deletion is over when it is answered."""

    RUNNING = "RUNNING"
    PAUSING = "PAUSING"
    PAUSED = "PAUSED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    STOPPED = "STOPPED"

    @property
    def closed(self) -> bool:
        """Nothing happens to it any more."""
        return self not in _OPEN


_OPEN = (ExecutionStatus.RUNNING, ExecutionStatus.PAUSING, ExecutionStatus.PAUSED)
_FAILED = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.STOPPED)


class OperationType(StrEnum):
    EXECUTION = "EXECUTION"
    CONTEXT = "CONTEXT"
    STEP = "STEP"
    WAIT = "WAIT"
    CALLBACK = "CALLBACK"
    CHAINED_INVOKE = "CHAINED_INVOKE"


class OperationStatus(StrEnum):
    STARTED = "STARTED"
    PENDING = "PENDING"
    """A step that waits for its next attempt."""
    READY = "READY"
    """A step whose next attempt is due."""
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"
    STOPPED = "STOPPED"

    @property
    def closed(self) -> bool:
        return self not in (OperationStatus.STARTED, OperationStatus.PENDING, OperationStatus.READY)


class Operation(Value):
    """One operation of an execution. The first of every execution stands for itself."""

    UNSHOWN = ("input", "result", "error", "callback_id")

    id: str
    type: OperationType
    status: OperationStatus
    started_ms: int
    position: int
    """In the order of starting."""
    changed: int
    """The number of the execution's change that touched it last."""
    parent_id: str | None = None
    name: str | None = None
    sub_type: str | None = None
    ended_ms: int | None = None
    input: str | None = None
    """Of an execution and of a chained invoke."""
    result: str | None = None
    error: ErrorObject | None = None
    due_ms: int | None = None
    """When a wait ends, a step is attempted again, a callback times out."""
    wait_s: int | None = None
    attempt: int = 0
    """Attempts of a step that are over."""
    replay_children: bool | None = None
    """Of a context: whether what happened in it is needed after it has ended."""
    callback_id: str | None = None
    heartbeat_s: int | None = None
    heartbeat_due_ms: int | None = None
    function: str | None = None
    """Of a chained invoke: the target as the function named it."""
    child_arn: str | None = None
    """Of a chained invoke of a durable function: the execution that it is."""
    tenant_id: str | None = None
    trace_header: str | None = None


class Invocation(Value):
    """An invocation of the function that is under way."""

    id: str
    """Also its request id."""
    started_ms: int
    since: int
    """The last change that the function had been told of before it."""


class Answered(Value):
    """The last checkpoint, so that a client that saw no answer can ask again."""

    token: str
    client_token: str
    answered_ms: int
    operation_ids: tuple[str, ...]


class Request(Value):
    """A pause or a resumption that was asked for."""

    UNSHOWN = ("reason",)

    client_token: str | None
    asked_ms: int
    reason: str | None = None
    timeout_paused: bool = True


class Origin(Value):
    """What an execution is of: fixed at its start."""

    UNSHOWN = ("secret",)

    id: str
    """A UUID."""
    account: AccountId
    region: Region
    function: str
    version: str
    """The version that every invocation runs."""
    name: str
    timeout_s: int
    retention_days: int
    kms_key_arn: str | None
    synchronous: bool
    """Whether its caller waits: how large its result may be."""
    started_ms: int
    trace_header: str
    secret: str
    """Random: what nobody can guess of its callbacks' ids."""
    tenant_id: str | None = None
    dead_letters: bool = False
    """Begun by an event that nobody waits for: it becomes a dead letter if the execution fails."""

    @property
    def function_arn(self) -> str:
        """With the version."""
        return function_arn(self.region, self.account, self.function, self.version)

    @property
    def arn(self) -> str:
        return f"{self.function_arn}/durable-execution/{self.name}/{self.id}"


class Execution(Value):
    """An execution as it is now."""

    UNSHOWN = ("operations", "result", "error")

    origin: Origin
    deadline_ms: int
    operations: Mapping[str, Operation]
    """By id, in the order of starting."""
    status: ExecutionStatus = ExecutionStatus.RUNNING
    ended_ms: int | None = None
    result: str | None = None
    error: ErrorObject | None = None
    invocation: Invocation | None = None
    revoked: bool = False
    """The invocation under way may make no further checkpoint."""
    wanted: bool = True
    """The function has to be invoked, because something happened that it has not seen."""
    not_before_ms: int = 0
    """The earliest moment of that invocation: later after failures."""
    failures: int = 0
    """Invocations in a row that failed."""
    refusals: int = 0
    """Tries in a row that did not reach the function."""
    checkpoints: int = 0
    changes: int = 0
    seen: int = 0
    """The last change that the function was told of."""
    events: int = 0
    """Events of its history."""
    stored_bytes: int = 0
    """Payloads and errors of all its checkpoints."""
    answered: Answered | None = None
    pause: Request | None = None
    """While it pauses or is paused."""
    paused_ms: int | None = None
    """Since when it is."""
    resumed: Request | None = None
    reported: bool = False
    """Its failure has been told to whom it may concern (`owes_report`)."""

    @property
    def id(self) -> str:
        return self.origin.id

    @property
    def root(self) -> Operation:
        """The operation that stands for the execution itself."""
        return self.operations[self.origin.id]

    @property
    def owes_report(self) -> bool:
        """It failed, and its event is still to become a dead letter."""
        return self.origin.dead_letters and self.status in _FAILED and not self.reported

    @property
    def token(self) -> str | None:
        """The checkpoint token of the invocation under way, if it may make a checkpoint."""
        if self.invocation is None or self.revoked or self.status.closed:
            return None
        return _encoded(f"{self.id}:{self.invocation.id}:{self.checkpoints}")

    @property
    def unseen(self) -> tuple[Operation, ...]:
        """Operations that changed since the function was last told."""
        return tuple(at for at in self.operations.values() if at.changed > self.seen)

    @property
    def chained(self) -> tuple[Operation, ...]:
        """Chained invokes that are not over."""
        return tuple(
            at
            for at in self.operations.values()
            if at.type is OperationType.CHAINED_INVOKE and not at.status.closed
        )


class CallbackRef(NamedTuple):
    """What a callback id says, whether or not it is genuine."""

    execution_arn: str
    operation_id: str


def token_execution(token: str) -> str | None:
    """The id of the execution that a checkpoint token is of, or None if it is no such token."""
    execution_id, colon, _ = (_decoded(token) or "").partition(":")
    return execution_id if colon else None


def callback_id(origin: Origin, operation_id: str) -> str:
    """The id of a callback: which one it is, and a proof that nobody without it can make."""
    text = f"{origin.arn}#{operation_id}"
    proof = hmac.new(origin.secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]
    return _encoded(f"{text}#{proof}")


def callback_reference(callback: str) -> CallbackRef | None:
    """What a callback id speaks of, or None if it is none."""
    parts = (_decoded(callback) or "").split("#")
    return CallbackRef(parts[0], parts[1]) if len(parts) == 3 else None


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return None
