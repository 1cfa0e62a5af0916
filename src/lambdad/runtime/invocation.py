"""One invocation as values: what is asked, what comes of it, and the run between the two.

Owns no rule and does no I/O.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple, Protocol

from lambdad.core.ids import RequestId


class InvokeRequest(NamedTuple):
    """What the caller sent. The payload reaches the runtime unchanged. A NamedTuple, like the
    result, because every run makes one."""

    request_id: RequestId
    """The context's `aws_request_id`; the same for every attempt of an asynchronous event."""
    payload: bytes
    """JSON as sent; empty stands for `{}`."""
    invoked_arn: str
    """With the qualifier that the caller used."""
    client_context: str | None = None
    """JSON, already decoded from its base64."""
    trace_header: str = ""
    """`Root=1-…;Parent=…;Sampled=0|1`."""
    tail: bool = False
    """Whether the end of the log is wanted back (LogType=Tail)."""
    tenant_id: str | None = None
    """Whose environments it runs in, where the function isolates tenants."""
    queued: bool = False
    """An asynchronous event: only concurrency limits it, no rate of requests (semantics §1.4)."""


class InvokeResult(NamedTuple):
    """What a run came to. A function that failed is a result too (semantics §2.2)."""

    payload: bytes
    function_error: str | None
    """`Unhandled`, or None for success."""
    executed_version: str
    log_tail: bytes | None
    duration_ms: float
    billed_ms: int
    init_ms: float | None = None
    """Set on a cold start."""
    memory_peak_mib: int = 0
    error_type: str | None = None
    """For metrics and traces: `Runtime.ExitError`, `Sandbox.Timedout` …"""


class Slot(Protocol):
    """The share of a concurrency limit that a run occupies."""

    def release(self) -> None: ...


class Source(Protocol):
    """Where the parts of a streamed response come from."""

    def pause(self) -> None:
        """Deliver nothing for now. Idempotent."""

    def resume(self) -> None:
        """Go on. Idempotent."""


class Sink(Protocol):
    """Where they go: `runtime/response_stream.py` is one."""

    def begin(self, content_type: str, source: Source) -> None:
        """The function starts to stream; `source` does the writing."""

    written_bytes: int
    """Of all parts, whether anybody read them or not."""

    def write(self, chunk: bytes) -> None:
        """Take one part. Never blocks; tells the source to pause instead."""


class Invocation:
    """A request on its way, and the future of its result.

    The caller may go away (a cancelled future); the run goes on to its end all the same, and
    keeps its slot until then."""

    __slots__ = ("answered_ns", "future", "request", "response_ns", "sink", "slot", "started_ns")

    def __init__(
        self,
        request: InvokeRequest,
        future: asyncio.Future[InvokeResult],
        slot: Slot,
        sink: Sink | None = None,
    ) -> None:
        self.request = request
        self.future = future
        self.slot = slot
        self.sink = sink
        """Takes what the function streams; None where the caller waits for the whole response."""
        self.started_ns = 0
        """When the function's time began to run, monotonic; 0 before."""
        self.response_ns = 0
        """When its response began to come, monotonic; 0 before, and where it came whole."""
        self.answered_ns = 0
        """When the function was done and its extensions were not, monotonic; 0 before."""

    def answer(self, result: InvokeResult) -> None:
        """Its caller need not wait for the end of the run, which keeps its slot."""
        if not self.future.done():
            self.future.set_result(result)

    def succeed(self, result: InvokeResult) -> None:
        """The run is over, whatever the function made of it."""
        self.slot.release()
        self.answer(result)

    def fail(self, error: Exception) -> None:
        """The platform, not the function, failed."""
        self.slot.release()
        if not self.future.done():
            self.future.set_exception(error)
