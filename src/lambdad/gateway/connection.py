"""One HTTP/1.1 connection: whole requests in order to the app, answers back.

Owns pipelining, back-pressure and the connection's deadlines. One request is served at a time;
what a client pipelines behind it waits, in bounds. A request, once begun, runs to its end even if
its client leaves, as on AWS (an operation cut in half helps nobody); a streamed body ends with
its reader. A refusal closes the connection: what follows a malformed request cannot be trusted.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Protocol, cast

from lambdad.core.limits import Limits
from lambdad.gateway import encoding
from lambdad.gateway.app import App, CutShort
from lambdad.gateway.reading import BodyBudget, Origin, Phase, Refused, RequestReader
from lambdad.wire.http import Request, Response

_WHOLE_WRITE_BYTES = 65_536
"""Larger bodies are written after their head rather than copied behind it."""


class Host(Protocol):
    """What a connection needs of the way it came in."""

    app: App
    limits: Limits
    budget: BodyBudget
    peer: str | None
    """What stands for the client's address, for clients that choose their own."""

    def admit(self, connection: Connection) -> bool:
        """Count a connection in; False if there are too many or the server is closing."""
        ...

    def forget(self, connection: Connection) -> None:
        """Count a connection out: it is closed and nothing runs for it any more."""
        ...

    def date(self) -> str:
        """The Date header of now."""
        ...


class Connection(asyncio.Protocol):
    """The server's end of one connection."""

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        self.deadline = math.inf
        """On the loop's clock; past it the host calls `expire`."""
        self.task: asyncio.Task[None] | None = None
        """The request being served."""
        self._host = host
        self._limits = host.limits
        self._loop = loop
        self._transport: asyncio.Transport
        self._reader: RequestReader
        self._waiting: deque[Request | Refused] = deque()
        self._writable: asyncio.Future[None] | None = None
        """Pending while the client reads too slowly."""
        self._body_since_s = 0.0
        self._continue_due = False
        self._streaming = False
        self._closing = False
        self._lost = False

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, by its duck.
        address = transport.get_extra_info("peername")
        peer = address[0] if isinstance(address, tuple) else ""
        origin = Origin(self._host.peer or peer, transport.get_extra_info("sslcontext") is not None)
        self._reader = RequestReader(
            origin, self._limits, self._host.budget, self._deliver, self._expect_continue
        )
        if self._host.admit(self):
            self.deadline = self._loop.time() + self._limits.http_header_timeout_s
        else:
            self._reader.end()
            self._refuse(Refused(503, "Too many connections; try again."))
            self._close()

    def data_received(self, data: bytes) -> None:
        before = self._reader.phase
        if before is Phase.ENDED:
            return
        try:
            self._reader.feed(data)
        except Refused as refused:
            free = self._free
            self._waiting.append(refused)
            if free:
                self._next()
            return
        if self.task is None and self._reader.phase is not before:
            self._set_read_deadline()

    def eof_received(self) -> bool:
        """A client may close its half and still read the answer to what it asked."""
        self._reader.end()
        if self._streaming and self.task is not None:
            self.task.cancel()
        return self.task is not None and not self._streaming

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._reader.end()
        self._waiting.clear()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if self.task is None:
            self._host.forget(self)
        elif self._streaming:
            self.task.cancel()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()
        self.deadline = self._loop.time() + self._limits.http_write_timeout_s

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        self.deadline = math.inf
        if writable is not None and not writable.done():
            writable.set_result(None)
        if self.task is None and not self._closing:
            self._next()

    # What the host calls.

    def expire(self) -> None:
        """The deadline has passed."""
        phase = self._reader.phase
        if self._closing or self._writable is not None:
            self._transport.abort()
        elif phase is Phase.BODY and self._body_deadline() > self._loop.time():
            self.deadline = self._body_deadline()
        elif phase in (Phase.HEAD, Phase.BODY):
            self._reader.end()
            self._refuse(Refused(408, "The request took too long to arrive."))
        else:
            self._close()

    def close_when_idle(self) -> None:
        """Answer what is being served, then close."""
        self._reader.end()
        self._waiting.clear()
        if self.task is None and not self._closing:
            self._close()

    def abort(self) -> None:
        """Close at once; what is being served is cancelled."""
        if self.task is not None:
            self.task.cancel()
        self._transport.abort()

    # What the reader calls.

    def _deliver(self, request: Request) -> None:
        self._continue_due = False
        if self._free:
            self._start(request)
            return
        self._waiting.append(request)
        self._transport.pause_reading()
        if len(self._waiting) >= self._limits.http_pipelined_requests:
            # Answer what is accepted; a client repeats what a closing server did not answer.
            self._reader.end()

    def _expect_continue(self) -> None:
        if self._free:
            self._transport.write(encoding.CONTINUE)
        else:
            self._continue_due = True

    # Serving.

    @property
    def _free(self) -> bool:
        """Whether a request that arrives now can be served now."""
        return self.task is None and self._writable is None and not self._waiting

    def _start(self, request: Request) -> None:
        self.deadline = math.inf
        self.task = self._loop.create_task(self._serve(request))

    def _next(self) -> None:
        """Nothing is being served: go on with what waits, or read on, or close."""
        if self._waiting:
            item = self._waiting.popleft()
            if isinstance(item, Refused):
                self._refuse(item)
            else:
                self._start(item)
        elif self._reader.phase is Phase.ENDED:
            self._close()
        else:
            self._transport.resume_reading()
            self._set_read_deadline()
            if self._continue_due:
                self._continue_due = False
                self._transport.write(encoding.CONTINUE)

    async def _serve(self, request: Request) -> None:
        try:
            response = await self._host.app.handle(request)
            if isinstance(response.body, bytes):
                self._write(request, response, response.body)
            else:
                await self._stream(request, response)
        except CutShort:
            self._reader.end()
            self._waiting.clear()
        except BaseException:
            self._reader.end()
            self._waiting.clear()
            self._transport.abort()
            raise
        finally:
            self.task = None
            if self._lost:
                self._host.forget(self)
            elif self._writable is None:
                self._next()

    def _write(self, request: Request, response: Response, body: bytes) -> None:
        if self._lost:
            return
        head = self._encode_head(response, chunked=False)
        if not encoding.has_body(response, request.method):
            self._transport.write(head)
        elif len(body) < _WHOLE_WRITE_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    async def _stream(self, request: Request, response: Response) -> None:
        parts = response.body
        assert not isinstance(parts, bytes)
        sends_body = encoding.has_body(response, request.method)
        chunked = sends_body and not encoding.declares_length(response)
        if chunked and self._reader.http_1_0:  # Ended by closing, as HTTP/1.0 has it.
            chunked = False
            self._waiting.clear()
        self._streaming = True
        try:
            if not self._lost:
                self._transport.write(self._encode_head(response, chunked=chunked))
            if sends_body:
                async for part in parts:
                    if self._lost:
                        break
                    if part:
                        self._transport.write(encoding.encode_chunk(part) if chunked else part)
                    if self._writable is not None:
                        await self._writable
                else:
                    if chunked:
                        self._transport.write(encoding.LAST_CHUNK)
        finally:
            self._streaming = False
            close = getattr(parts, "aclose", None)
            if close is not None:
                await close()

    def _encode_head(self, response: Response, *, chunked: bool) -> bytes:
        last = self._reader.phase is Phase.ENDED and not self._waiting
        return encoding.encode_head(
            response, date=self._host.date(), keep_alive=not last, chunked=chunked
        )

    def _refuse(self, refused: Refused) -> None:
        """Answer, then read and drop for a while what the client still sends: closed at once, its
        unread bytes would turn into a reset that hides the answer from it."""
        response = self._host.app.refuse(refused.request, refused.status, refused.message)
        assert isinstance(response.body, bytes)
        self._transport.write(self._encode_head(response, chunked=False) + response.body)
        self._transport.resume_reading()
        if self._transport.can_write_eof():  # not with TLS
            self._transport.write_eof()
        self._closing = True
        self.deadline = self._loop.time() + self._limits.http_linger_s

    def _close(self) -> None:
        """Close once everything written has been read, within the write timeout."""
        self._closing = True
        self.deadline = self._loop.time() + self._limits.http_write_timeout_s
        self._transport.close()

    # Deadlines.

    def _set_read_deadline(self) -> None:
        now = self._loop.time()
        phase = self._reader.phase
        if phase is Phase.IDLE:
            self.deadline = now + self._limits.http_idle_timeout_s
        elif phase is Phase.HEAD:
            self.deadline = now + self._limits.http_header_timeout_s
        elif phase is Phase.BODY:
            self._body_since_s = now
            self.deadline = now + self._limits.http_body_grace_s

    def _body_deadline(self) -> float:
        """A body that keeps up the least rate may take as long as it needs."""
        earned_s = self._reader.body_bytes / self._limits.http_body_floor_bytes_per_s
        return self._body_since_s + self._limits.http_body_grace_s + earned_s
