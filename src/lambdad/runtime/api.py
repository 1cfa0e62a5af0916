"""The Runtime API 2018-06-01, served over HTTP/1.1 on the listener of one sandbox.

Owns: connections, framing, routes and error bodies (semantics §6.4). What a call means is decided
by the RuntimeEvents behind it. The client is the function itself, which may be hostile: whatever
it sends costs bounded memory and reaches nothing but its own environment.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import socket
from typing import Protocol, cast

import httptools

from lambdad.core.limits import Limits
from lambdad.runtime.environment import Rejected

_INVOCATION = b"/2018-06-01/runtime/invocation/"
_NEXT = b"/2018-06-01/runtime/invocation/next"
_INIT_ERROR = b"/2018-06-01/runtime/init/error"
_PING = b"/2018-06-01/ping"
_ERROR_TYPE = b"lambda-runtime-function-error-type"
_ERROR_BODY = b"lambda-runtime-function-error-body"
_RESPONSE_MODE = b"lambda-runtime-function-response-mode"
_KEPT_HEADERS = frozenset({_ERROR_TYPE, _ERROR_BODY, _RESPONSE_MODE, b"expect"})
_HEADER_INITIALS = frozenset(b"lLeE")
_ONE_WRITE_BYTES = 65_536
_ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    b'{"status":"OK"}\n'
)
_REASONS = {
    200: "OK",
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


class RuntimeEvents(Protocol):
    """What the runtime's calls lead to. Each may raise Rejected, the answer then."""

    def on_next(self, waiting: Next) -> None: ...
    def on_next_abandoned(self, waiting: Next) -> None: ...
    def on_response(self, request_id: str, payload: bytes) -> None: ...
    def on_response_too_large(self, request_id: str) -> None: ...
    def on_invalid_response_mode(self, request_id: str) -> None: ...
    def on_error(self, request_id: str, error_type: str, payload: bytes) -> None: ...
    def on_init_error(self, error_type: str, payload: bytes) -> None: ...


class RuntimeApi:
    """The Runtime API of one sandbox."""

    def __init__(self, events: RuntimeEvents, limits: Limits) -> None:
        self.events = events
        self.limits = limits
        self.buffered_bytes = 0
        """Request bytes held, all connections together."""
        self.buffer_bytes = limits.response_payload_bytes + 2 * limits.runtime_api_header_bytes
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def serve(self, listener: socket.socket) -> None:
        """Accept on `listener` from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), sock=listener)

    def close(self) -> None:
        """Stop serving and hang up."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.abort()


class Connection(asyncio.Protocol):
    """One connection of a runtime client. Requests are answered in order, one at a time."""

    def __init__(self, api: RuntimeApi) -> None:
        self._api = api
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting = False
        """A request for the next event is open."""
        self._choked = False
        """The client does not read its answers."""
        self._held_bytes = 0
        self._begin()

    # -- asyncio ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if len(self._api.connections) >= self._api.limits.runtime_api_connections:
            self.abort()
            return
        self._api.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._api.connections.discard(self)
        self._forget_bytes()
        if self._waiting:
            self._waiting = False
            self._api.events.on_next_abandoned(self)

    def pause_writing(self) -> None:
        self._choked = True

    def resume_writing(self) -> None:
        self._choked = False

    def data_received(self, data: bytes) -> None:
        if self._waiting or self._choked:
            self.abort()  # it asks again before it has read its answer
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserError:
            self._fail("The request is not HTTP/1.1")
            return
        if self._in_head:
            self._count(len(data))

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Hang up once everything is sent."""
        if self._transport is not None:
            self._transport.close()

    def _count(self, size: int) -> None:
        api = self._api
        self._held_bytes += size
        api.buffered_bytes += size
        if self._in_head and self._held_bytes > api.limits.runtime_api_header_bytes:
            self._fail("The request's headers are too large")
        elif api.buffered_bytes > api.buffer_bytes:
            self.abort()

    def _forget_bytes(self) -> None:
        self._api.buffered_bytes -= self._held_bytes
        self._held_bytes = 0

    # -- httptools ----------------------------------------------------------------------------

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._in_head = False
        self._too_large = False

    def on_message_begin(self) -> None:
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes | None) -> None:
        """Called for trailers too, after the body."""
        if name[0] in _HEADER_INITIALS:
            name = name.lower()
            if name in _KEPT_HEADERS:
                self._headers[name] = value or b""

    def on_headers_complete(self) -> None:
        self._in_head = False
        if b"expect" in self._headers:
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes <= self._api.limits.response_payload_bytes:
            self._body.append(body)
            self._count(len(body))
        else:  # read on to the end, so that the client learns of it, and keep nothing
            self._too_large = True
            self._body.clear()
            self._forget_bytes()

    def on_message_complete(self) -> None:
        transport = self._transport
        if self._waiting or transport is None or transport.is_closing():
            self.abort()  # a request pipelined behind one that waits
            return
        self._forget_bytes()
        try:
            self._route()
        except Rejected as rejection:
            self._refuse(rejection.status, rejection.error_type, rejection.message)
        self._begin()
        self._close_unless_kept()

    def _close_unless_kept(self) -> None:
        if not self._waiting and not self._parser.should_keep_alive():
            self.close()

    # -- routes -------------------------------------------------------------------------------

    def _route(self) -> None:
        url = self._url
        if url == _NEXT:
            if self._method_is(b"GET"):
                self._next()
        elif url.startswith(_INVOCATION):
            request_id, _, action = url[len(_INVOCATION) :].partition(b"/")
            if action == b"response" and self._method_is(b"POST"):
                self._response(request_id.decode("latin-1"))
            elif action == b"error" and self._method_is(b"POST"):
                self._error(request_id.decode("latin-1"))
            elif action not in (b"response", b"error"):
                self._not_found()
        elif url == _INIT_ERROR:
            if self._method_is(b"POST"):
                error_type = _text(self._headers.get(_ERROR_TYPE))
                self._api.events.on_init_error(error_type, b"".join(self._body))
                self._write(_ACCEPTED)
        elif url == _PING:
            self._write(_response(200, b"pong", "text/plain"))
        else:
            self._not_found()

    def _next(self) -> None:
        self._waiting = True
        try:
            self._api.events.on_next(self)
        except Rejected:
            self._waiting = False
            raise

    def send_event(self, head: bytes, payload: bytes) -> None:
        """Answer the request for the next event that `on_next` was told of."""
        transport = self._transport
        if not self._waiting or transport is None or transport.is_closing():
            return  # it will ask again
        self._waiting = False
        if len(payload) <= _ONE_WRITE_BYTES:
            transport.write(head + payload)
        else:
            transport.writelines((head, payload))
        self._close_unless_kept()

    def _response(self, request_id: str) -> None:
        events, headers = self._api.events, self._headers
        mode = headers.get(_RESPONSE_MODE)
        if mode is not None and mode != b"streaming":
            events.on_invalid_response_mode(request_id)
            self._refuse(400, "InvalidFunctionResponseMode", "Invalid function response mode")
        elif self._too_large:
            self._refuse_too_large(request_id)
        elif _ERROR_TYPE in headers:  # trailers of a stream that failed on its way
            payload = _decoded(headers.get(_ERROR_BODY, b""))
            events.on_error(request_id, _text(headers[_ERROR_TYPE]), payload)
            self._write(_ACCEPTED)
        else:
            events.on_response(request_id, self._whole_body())
            self._write(_ACCEPTED)

    def _error(self, request_id: str) -> None:
        if self._too_large:
            self._refuse_too_large(request_id)
            return
        error_type = _text(self._headers.get(_ERROR_TYPE))
        self._api.events.on_error(request_id, error_type, self._whole_body())
        self._write(_ACCEPTED)

    def _refuse_too_large(self, request_id: str) -> None:
        self._api.events.on_response_too_large(request_id)
        limit = self._api.limits.response_payload_bytes
        text = f"Exceeded maximum allowed payload size ({limit} bytes)."
        self._refuse(413, "RequestEntityTooLarge", text)

    # -- answers ------------------------------------------------------------------------------

    def _whole_body(self) -> bytes:
        body = self._body
        return body[0] if len(body) == 1 else b"".join(body)

    def _method_is(self, method: bytes) -> bool:
        if self._parser.get_method() == method:
            return True
        self._write(_response(405, b"", "text/plain"))
        return False

    def _not_found(self) -> None:
        self._write(_response(404, b"404 page not found\n", "text/plain"))

    def _refuse(self, status: int, error_type: str, message: str) -> None:
        body = json.dumps(
            {"errorMessage": message, "errorType": error_type}, separators=(",", ":")
        ).encode()
        self._write(_response(status, body + b"\n", "application/json"))

    def _fail(self, message: str) -> None:
        self._refuse(400, "BadRequest", message)
        self.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


def _response(status: int, body: bytes, content_type: str) -> bytes:
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _text(value: bytes | None) -> str:
    return value.decode("utf-8", "replace") if value else ""


def _decoded(value: bytes) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return value
