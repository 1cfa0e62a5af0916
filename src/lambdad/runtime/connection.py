"""One HTTP/1.1 connection inside an execution environment: framing, bounds, waiting, streaming.

The client is the function itself or one of its extensions, which may be hostile: whatever it sends
costs bounded memory, and requests are answered in order, one at a time. What a request means is
decided by the Served behind it. May not: know paths or states.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from lambdad.core.limits import Limits
from lambdad.runtime.environment import Rejected
from lambdad.runtime.invocation import Sink

RESPONSE_MODE = b"lambda-runtime-function-response-mode"
CHUNKED = b"transfer-encoding"
AND_NEXT = b"lambdad-and-next"
"""lambdad's own, for its own clients: who posts a result with it gets the next event as the answer,
which saves both sides a request."""
_KEPT_PREFIX = b"lambda-"
_KEPT_HEADERS = frozenset({b"authorization", b"content-type", b"expect", CHUNKED, AND_NEXT})
_HEADER_INITIALS = frozenset(b"aAcClLeETt")
_HEADERS_AT_MOST = 64
"""Of one request, trailers included; more than a runtime sends is not kept."""
_ONE_WRITE_BYTES = 65_536
ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    b'{"status":"OK"}\n'
)
_REASONS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
}


class Next(Protocol):
    """A request for the next event that waits for its answer."""

    def send_event(self, head: bytes, payload: bytes) -> None:
        """Answer it: the headers up to and with the blank line, and the body."""


class Served(Protocol):
    """What is behind the connections of one sandbox."""

    limits: Limits
    buffered_bytes: int
    buffer_bytes: int
    connections: set[Connection]

    def route(self, connection: Connection) -> None:
        """Act on a complete request: answer it, or let it wait. May raise Rejected."""

    def open_stream(self, connection: Connection) -> Sink | None:
        """A request whose body is to be passed on as it comes; only its head is there. None: it
        is collected as any other. May raise Rejected."""

    def end_stream(self, connection: Connection) -> None:
        """Its body is complete. May raise Rejected."""

    def overflow_stream(self, connection: Connection) -> Rejected:
        """It is longer than a stream may be: the answer that it gets in the end."""
        ...

    def break_stream(self) -> None:
        """The client hung up before its end."""

    def await_body(self, connection: Connection) -> None:
        """The head of a request is there, and not all of the rest. Told once."""

    def break_body(self, connection: Connection) -> None:
        """The client hung up before the rest came."""


class Connection(asyncio.Protocol):
    """One connection. `url`, `headers` (names in lower case) and `too_large` are those of the
    request that is being read or acted upon."""

    _sink: Sink | None
    """Takes the body as it comes."""
    _rejection: Rejected | None
    """The answer, known before the request is complete."""
    _awaits_body: bool
    """The head of a request has come, and not all of the rest."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._abandon: Callable[[Next], None] | None = None
        """Set while a request for the next event is open; told if the client hangs up."""
        self._choked = False
        """The client does not read its answers."""
        self._owed = b""
        """An answer that is sent in this turn of the loop."""
        self._held_bytes = 0
        self._body_came = False
        self._begin()

    # -- asyncio ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if len(self._served.connections) >= self._served.limits.runtime_api_connections:
            self.abort()
            return
        self._served.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._served.connections.discard(self)
        self._forget_bytes()
        abandon, self._abandon = self._abandon, None
        if abandon is not None:
            abandon(self)
        if self._sink is not None:
            self._sink = None
            self._served.break_stream()
        elif self._awaits_body:
            self._served.break_body(self)

    def pause_writing(self) -> None:
        self._choked = True

    def resume_writing(self) -> None:
        self._choked = False

    def data_received(self, data: bytes) -> None:
        if self._abandon is not None or self._choked:
            self.abort()  # it asks again before it has read its answer
            return
        self._body_came = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserError:
            self._fail("The request is not HTTP/1.1")
            return
        if self._in_head:
            self._count(len(data))
        elif self._in_message:
            if not self._awaits_body:
                self._awaits_body = True
                self._served.await_body(self)
            self._count_behind_body(len(data))

    # -- Source of a streamed body ------------------------------------------------------------

    def pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # -- httptools ----------------------------------------------------------------------------

    def _begin(self) -> None:
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.too_large = False
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._trailer_bytes = 0
        self._in_message = self._in_head = self._awaits_body = False
        self._sink = None
        self._rejection = None

    def on_message_begin(self) -> None:
        self._in_message = self._in_head = True

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes | None) -> None:
        """Called for trailers too, after the body."""
        if name[0] in _HEADER_INITIALS:
            name = name.lower()
            meant = name.startswith(_KEPT_PREFIX) or name in _KEPT_HEADERS
            if meant and (name in self.headers or len(self.headers) < _HEADERS_AT_MOST):
                self.headers[name] = value or b""

    def on_headers_complete(self) -> None:
        self._in_head = False
        if b"expect" in self.headers:
            self.answer(b"HTTP/1.1 100 Continue\r\n\r\n")
        if RESPONSE_MODE in self.headers or CHUNKED in self.headers:
            try:
                self._sink = self._served.open_stream(self)
            except Rejected as rejection:
                self._rejection = rejection

    def on_body(self, body: bytes) -> None:
        self._body_came = True
        self._body_bytes += len(body)
        if self._sink is not None:
            self._pass_on(self._sink, body)
        elif self._rejection is not None:
            pass  # read to the end, so that the client learns of it
        elif self._body_bytes <= self._served.limits.response_payload_bytes:
            self._body.append(body)
            self._count(len(body))
        else:  # likewise, and keep nothing
            self.too_large = True
            self._body.clear()
            self._forget_bytes()

    def _pass_on(self, sink: Sink, body: bytes) -> None:
        if self._body_bytes <= self._served.limits.streamed_response_bytes:
            sink.write(body)
        else:
            self._sink = None
            self._rejection = self._served.overflow_stream(self)

    def on_message_complete(self) -> None:
        transport = self._transport
        if self._abandon is not None or transport is None or transport.is_closing():
            self._in_message = self._awaits_body = False
            self.abort()  # a request pipelined behind one that waits
            return
        self._forget_bytes()
        try:
            self._act()
        except Rejected as rejection:
            self.refuse(rejection)
        self._begin()
        self._close_unless_kept()

    def _act(self) -> None:
        if self._rejection is not None:
            raise self._rejection
        if self._sink is None:
            self._served.route(self)
        else:
            self._sink = None
            self._served.end_stream(self)

    # -- for the routes -----------------------------------------------------------------------

    @property
    def method(self) -> bytes:
        return self._parser.get_method()

    def method_is(self, method: bytes) -> bool:
        """Whether it is this one; any other is answered."""
        if self._parser.get_method() == method:
            return True
        self.answer(response(405, b"", "text/plain"))
        return False

    def body(self) -> bytes:
        """The request's, empty if it was too large."""
        parts = self._body
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def header(self, name: bytes) -> str:
        """A header's value, or nothing."""
        return self.headers.get(name, b"").decode("utf-8", "replace")

    def wait(self, abandon: Callable[[Next], None]) -> None:
        """The answer comes by `send_event`; `abandon` is told if the client hangs up before."""
        self._abandon = abandon

    @property
    def waits(self) -> bool:
        """Whether there is still somebody to be answered by `send_event`."""
        transport = self._transport
        return self._abandon is not None and transport is not None and not transport.is_closing()

    def wait_no_more(self) -> None:
        """The request that was to wait is answered otherwise."""
        self._abandon = None

    def send_event(self, head: bytes, payload: bytes) -> None:
        """Answer the request that waits."""
        transport = self._transport
        if self._abandon is None or transport is None or transport.is_closing():
            return  # it will ask again
        self._abandon = None
        if self._owed:
            self._pay()
        if len(payload) <= _ONE_WRITE_BYTES:
            transport.write(head + payload)
        else:
            transport.writelines((head, payload))
        self._close_unless_kept()

    def answer(self, data: bytes) -> None:
        """Send a whole answer."""
        if self._owed:
            self._pay()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def accept(self) -> None:
        """Say that what was posted was taken, once whoever waits for it has been served: it wakes
        the function, which would then compete with them for the processor."""
        self._pay()
        self._owed = ACCEPTED
        asyncio.get_running_loop().call_soon(self._pay)

    def _pay(self) -> None:
        owed, self._owed = self._owed, b""
        if owed:
            self.answer(owed)

    def refuse(self, rejection: Rejected) -> None:
        """Send an error as these APIs have it."""
        members = {"errorMessage": rejection.message, "errorType": rejection.error_type}
        body = json.dumps(members, separators=(",", ":")).encode() + b"\n"
        self.answer(response(rejection.status, body, "application/json"))

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Hang up once everything is sent."""
        self._pay()
        if self._transport is not None:
            self._transport.close()

    # -- bounds -------------------------------------------------------------------------------

    def _close_unless_kept(self) -> None:
        if self._abandon is None and not self._parser.should_keep_alive():
            self.close()

    def _count(self, size: int) -> None:
        served = self._served
        self._held_bytes += size
        served.buffered_bytes += size
        if self._in_head and self._held_bytes > served.limits.runtime_api_header_bytes:
            self._fail("The request's headers are too large")
        elif served.buffered_bytes > served.buffer_bytes:
            self.abort()

    def _count_behind_body(self, size: int) -> None:
        """What comes without a byte of the body may be trailers, which are held; if more of the
        body follows, it was framing, of which nothing is."""
        if self._body_came:
            self._count(-self._trailer_bytes)
            self._trailer_bytes = 0
            return
        self._trailer_bytes += size
        self._count(size)
        if self._trailer_bytes > self._served.limits.runtime_api_header_bytes:
            self.abort()

    def _forget_bytes(self) -> None:
        self._served.buffered_bytes -= self._held_bytes
        self._held_bytes = self._trailer_bytes = 0

    def _fail(self, message: str) -> None:
        self.refuse(Rejected(400, "BadRequest", message))
        self.close()


def response(
    status: int, body: bytes, content_type: str, headers: tuple[tuple[str, str], ...] = ()
) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", f"Content-Type: {content_type}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
