"""The rules of one execution environment's Runtime API, as a state machine without I/O.

Owns: which call of a runtime is allowed when, and what follows from it. Events are method calls;
each returns a Step for the supervisor to carry out or raises Rejected, which is the Runtime API's
own answer (semantics §6.4), and then nothing has changed. May not: know sockets, time or payloads.
"""

from __future__ import annotations

from enum import Enum, StrEnum

_NOT_ALLOWED = "State transition is not allowed"


class State(StrEnum):
    """Where the runtime stands; the words appear in the Runtime API's error texts."""

    STARTED = "Started"
    INIT_ERROR = "InitError"
    READY = "Ready"
    RUNNING = "Running"
    INVOCATION_RESPONSE = "InvocationResponse"
    """A streamed response has begun."""
    RESPONSE_BROKEN = "ResponseBroken"
    """The runtime hung up before the end of its response; it may have died."""
    RESPONSE_SENT = "ResponseSent"
    RESTORE_READY = "RestoreReady"
    """SnapStart: init is over, and the first event is not asked for before the restore."""
    RESTORING = "Restoring"
    RESTORE_ERROR = "RestoreError"
    EXITED = "Exited"


class Step(Enum):
    """What the supervisor does next."""

    INITIALISED = "initialised"
    """Init is over; keep the request for the next event open."""
    RESTORED = "restored"
    """The restore phase is over; likewise."""
    PARK = "park"
    """Keep the request for the next event open."""
    DELIVER = "deliver"
    """Answer the request for the next event with the assigned invocation."""
    TRUNCATED = "truncated"
    """The runtime lives, and will not send the rest of its response; keep the request open."""
    WAIT = "wait"
    """The runtime has not come back for the next event yet; it will find the invocation."""


class Rejected(Exception):
    """A call that the state does not allow: the Runtime API's error, as it is sent."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message


class Environment:
    """The states of one execution environment, from the start of its process to its end."""

    __slots__ = ("_last_id", "request_id", "state")

    def __init__(self) -> None:
        self.state = State.STARTED
        self.request_id: str | None = None
        """The invocation that is assigned and not answered."""
        self._last_id: str | None = None

    @property
    def assignable(self) -> bool:
        """Whether an invocation may be given to it now."""
        return self.request_id is None and (
            self.state is State.READY or self.state is State.RESPONSE_SENT
        )

    def next_requested(self) -> Step:
        """The runtime asks for its next event. While an invocation runs it gets that one again:
        it may have lost the first answer."""
        state = self.state
        if state is State.RESPONSE_SENT or state is State.READY:
            if self.request_id is not None:
                self.state = State.RUNNING
                return Step.DELIVER
            self.state = State.READY
            return Step.PARK
        if state is State.STARTED:
            self.state = State.READY
            return Step.INITIALISED
        if state is State.RUNNING:
            return Step.DELIVER
        if state is State.RESTORING:
            self.state = State.READY
            return Step.RESTORED
        if state is State.RESPONSE_BROKEN:
            self.state = State.READY
            self.request_id = None
            return Step.TRUNCATED
        if state is State.EXITED:
            return Step.PARK  # in the shutdown phase a runtime that is alive has nothing to do
        raise self._forbidden("Ready")

    def restore_requested(self) -> bool:
        """The runtime's init is over and it waits for its restore; whether it says so for the
        first time. It may have lost the first answer."""
        if self.state is State.STARTED:
            self.state = State.RESTORE_READY
            return True
        if self.state not in (State.RESTORE_READY, State.RESTORING):
            raise self._forbidden("RestoreReady")
        return False

    def restore(self) -> None:
        """It is let go on. Only where it waits for that."""
        if self.state is not State.RESTORE_READY:
            raise ValueError(f"environment in state {self.state} cannot be restored")
        self.state = State.RESTORING

    def restore_error_posted(self) -> None:
        """The runtime reports that a hook failed; its process ends next."""
        if self.state is not State.RESTORING:
            raise self._forbidden("RestoreError")
        self.state = State.RESTORE_ERROR

    def next_abandoned(self) -> None:
        """The runtime hung up while it waited for an event: it owes another request for one."""
        if self.state is State.READY:
            self.state = State.RESPONSE_SENT

    def assign(self, request_id: str) -> Step:
        """An invocation for this environment. Only where `assignable`."""
        if not self.assignable:
            raise ValueError(f"environment in state {self.state} cannot take an invocation")
        self.request_id = self._last_id = request_id
        if self.state is State.READY:
            self.state = State.RUNNING
            return Step.DELIVER
        return Step.WAIT

    def unassign(self) -> None:
        """The assigned invocation is taken away before the runtime saw it."""
        if self.state is State.RUNNING:
            raise ValueError("the runtime has the invocation already")
        self.request_id = None

    def response_begun(self, request_id: str) -> None:
        """The function starts to stream its result; nothing else is allowed until its end."""
        self._check(request_id, State.RUNNING, "InvocationResponse")
        self.state = State.INVOCATION_RESPONSE

    def response_broken(self) -> None:
        """The runtime hung up in the middle of its response, if it was in it."""
        if self.state is State.RUNNING or self.state is State.INVOCATION_RESPONSE:
            self.state = State.RESPONSE_BROKEN

    def response_ended(self) -> None:
        """The stream is complete; or a response will not be any more."""
        if self.state not in (State.INVOCATION_RESPONSE, State.RESPONSE_BROKEN):
            raise self._forbidden("ResponseSent")
        self.state = State.RESPONSE_SENT
        self.request_id = None

    def response_posted(self, request_id: str) -> None:
        """The function's result for `request_id` is complete."""
        self._answer(request_id, "InvocationResponse")

    def error_posted(self, request_id: str) -> None:
        """The runtime reports that the function failed."""
        self._answer(request_id, "InvocationErrorResponse")

    def init_error_posted(self) -> None:
        """The runtime reports that init failed; its process ends next."""
        if self.state is not State.STARTED:
            raise self._forbidden("InitError")
        self.state = State.INIT_ERROR

    def exited(self) -> None:
        """The runtime's process is gone: nothing is allowed any more."""
        self.state = State.EXITED
        self.request_id = None

    def _answer(self, request_id: str, wanted: str) -> None:
        self._check(request_id, State.RUNNING, wanted)
        self.state = State.RESPONSE_SENT
        self.request_id = None

    def _check(self, request_id: str, needed: State, wanted: str) -> None:
        if request_id != self._last_id:
            raise Rejected(400, "InvalidRequestID", "Invalid request ID")
        if self.state is not needed:
            raise self._forbidden(wanted)

    def _forbidden(self, wanted: str) -> Rejected:
        return Rejected(
            403,
            "InvalidStateTransition",
            f"State transition from {self.state} to {wanted} failed for runtime. "
            f"Error: {_NOT_ALLOWED}",
        )
