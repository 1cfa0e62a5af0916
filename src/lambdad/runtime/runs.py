"""Runs, as their responses end them: whole, as an error, or part by part while they are made.

Owns what the caller of a run is told when its function has answered: well, badly, too much, or
only half. May not: know connections or time limits.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from lambdad.core.clock import Clock
from lambdad.core.limits import Limits
from lambdad.runtime import faults
from lambdad.runtime.environment import Environment, State
from lambdad.runtime.faults import Fault
from lambdad.runtime.invocation import Invocation, Sink, Source

_TRUNCATED_AFTER_S = 0.25
"""From the end of a connection in the middle of a response to the verdict that its runtime lives,
unless that asks for its next event before."""


class Host(Protocol):
    """The execution environment in which they run."""

    @property
    def environment(self) -> Environment: ...

    @property
    def running(self) -> Invocation | None: ...

    def complete(self, payload: bytes, fault: Fault | None) -> None:
        """The run is over and the runtime will come back."""

    def withhold(self, fault: Fault) -> None:
        """The run is over, and the runtime is not to be relied on before it asks again."""


class Runs:
    """The responses of one execution environment, one after another."""

    def __init__(self, host: Host, limits: Limits, clock: Clock) -> None:
        self._host = host
        self._limits = limits
        self._clock = clock

    def on_response_begun(self, request_id: str) -> None:
        """The head of a response has come, and the rest is still to come."""
        running = self._host.running
        if running is not None and running.request.request_id == request_id:
            running.response_ns = self._clock.monotonic_ns()

    def on_response(self, request_id: str, payload: bytes) -> None:
        """A whole response. Raises Rejected, as all of these do."""
        self._host.environment.response_posted(request_id)
        self._host.complete(payload, None)

    def on_error(self, request_id: str, error_type: str, payload: bytes) -> None:
        """The function failed."""
        self._host.environment.error_posted(request_id)
        self._host.complete(payload, faults.reported(error_type, payload))

    def on_response_too_large(self, request_id: str) -> None:
        """Clients die of the refusal: not to be relied on before it asks again."""
        self._host.environment.response_posted(request_id)
        self._host.withhold(faults.response_too_large(self._limits.response_payload_bytes))

    def on_invalid_response_mode(self, request_id: str) -> None:
        """The runtime asked for a mode that there is not."""
        self._host.environment.error_posted(request_id)
        self._host.withhold(faults.invalid_response_mode(request_id))

    def on_stream(self, request_id: str, content_type: str, source: Source) -> Sink | None:
        """A streamed response begins; None where its caller waits for the whole of it. Raises
        Rejected."""
        running = self._host.running
        if running is None or running.sink is None:
            return None
        self._host.environment.response_begun(request_id)
        running.sink.begin(content_type, source)
        return running.sink

    def on_stream_end(self, error_type: str | None, payload: bytes) -> None:
        """It is complete; with an error type, which may be empty, the function failed midway.
        Raises Rejected."""
        self._host.environment.response_ended()
        if error_type is None:
            self._host.complete(b"", None)
        else:
            self._host.complete(payload, faults.reported(error_type, payload))

    def on_stream_too_large(self) -> None:
        """Raises Rejected."""
        self._host.environment.response_ended()
        limit = self._limits.streamed_response_bytes
        self._host.withhold(faults.response_too_large(limit))

    def on_response_broken(self, request_id: str) -> None:
        """The runtime hung up in the middle of a response that it did not stream."""
        running = self._host.running
        if running is not None and running.request.request_id == request_id:
            self.on_stream_broken()

    def on_stream_broken(self) -> None:
        """The runtime hung up midway. Most of the time because its process has ended: then that is
        what the caller is told, as soon as it is known."""
        self._host.environment.response_broken()
        if self._host.running is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(_TRUNCATED_AFTER_S, self._verdict, self._host.running)

    def _verdict(self, invocation: Invocation) -> None:
        broken = self._host.environment.state is State.RESPONSE_BROKEN
        if broken and self._host.running is invocation:
            self._host.environment.response_ended()
            self._host.withhold(faults.truncated(invocation.request.request_id))
