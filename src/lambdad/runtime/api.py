"""The Runtime API 2018-06-01, served on the listener of one sandbox.

Owns its paths, headers and error bodies (semantics §6.4). What a call means is decided by the
RuntimeEvents behind it; how a connection behaves is connection.py's.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import socket
from typing import Protocol

from lambdad.core.limits import Limits
from lambdad.runtime import snapshot_restore
from lambdad.runtime.connection import (
    ACCEPTED,
    AND_NEXT,
    RESPONSE_MODE,
    Connection,
    Next,
    response,
)
from lambdad.runtime.environment import Rejected
from lambdad.runtime.extension_api import ExtensionEvents, route
from lambdad.runtime.invocation import Sink, Source

_INVOCATION = b"/2018-06-01/runtime/invocation/"
_NEXT = b"/2018-06-01/runtime/invocation/next"
_INIT_ERROR = b"/2018-06-01/runtime/init/error"
_PING = b"/2018-06-01/ping"
_ERROR_TYPE = b"lambda-runtime-function-error-type"
_ERROR_BODY = b"lambda-runtime-function-error-body"


class RuntimeEvents(Protocol):
    """What the runtime's calls lead to. Each may raise Rejected, the answer then."""

    def on_next(self, waiting: Next) -> None: ...
    def on_next_abandoned(self, waiting: Next) -> None: ...
    def on_init_error(self, error_type: str, payload: bytes) -> None: ...


class RunEvents(Protocol):
    """What the responses of a function lead to; likewise."""

    def on_response_begun(self, request_id: str) -> None:
        """Its head has come, and not all of the rest."""

    def on_response(self, request_id: str, payload: bytes) -> None: ...

    def on_response_broken(self, request_id: str) -> None:
        """The runtime hung up before the rest came."""

    def on_response_too_large(self, request_id: str) -> None: ...
    def on_invalid_response_mode(self, request_id: str) -> None: ...
    def on_error(self, request_id: str, error_type: str, payload: bytes) -> None: ...

    def on_stream(self, request_id: str, content_type: str, source: Source) -> Sink | None:
        """One begins that is streamed; None where its caller waits for the whole of it."""

    def on_stream_end(self, error_type: str | None, payload: bytes) -> None:
        """It is complete; with an error type, which may be empty, the function failed midway."""

    def on_stream_too_large(self) -> None: ...

    def on_stream_broken(self) -> None:
        """The runtime hung up in the middle of it."""


class RuntimeApi:
    """The Runtime API of one sandbox."""

    def __init__(
        self,
        events: RuntimeEvents,
        runs: RunEvents,
        extensions: ExtensionEvents,
        limits: Limits,
        snapshot: snapshot_restore.SnapshotPoint | None = None,
    ) -> None:
        self.snapshot = snapshot
        """Where the runtime waits for its restore; None without SnapStart."""
        self.events = events
        self.runs = runs
        self.extensions = extensions
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

    # -- what connections ask -----------------------------------------------------------------

    def route(self, connection: Connection) -> None:
        url = connection.url
        if url == _NEXT:
            if connection.method_is(b"GET"):
                self._next(connection)
        elif url.startswith(_INVOCATION):
            self._invocation(connection)
        elif url == _INIT_ERROR:
            if connection.method_is(b"POST"):
                self.events.on_init_error(connection.header(_ERROR_TYPE), connection.body())
                connection.answer(ACCEPTED)
        elif url == _PING:
            connection.answer(response(200, b"pong", "text/plain"))
        elif not (
            snapshot_restore.route(connection, self.snapshot) or route(connection, self.extensions)
        ):
            _not_found(connection)

    def open_stream(self, connection: Connection) -> Sink | None:
        """Where the response to a streamed invocation goes, part by part; None to collect it. A
        client that sends chunks streams whether it says so or not: Go's says nothing."""
        request_id, action = _invocation_of(connection)
        streaming = connection.headers.get(RESPONSE_MODE, b"streaming") == b"streaming"
        if action != b"response" or not streaming or connection.method != b"POST":
            return None
        return self.runs.on_stream(request_id, connection.header(b"content-type"), connection)

    def end_stream(self, connection: Connection) -> None:
        error_type = connection.header(_ERROR_TYPE) if _ERROR_TYPE in connection.headers else None
        self.runs.on_stream_end(error_type, _error_body(connection))
        connection.answer(ACCEPTED)

    def overflow_stream(self, connection: Connection) -> Rejected:
        self.runs.on_stream_too_large()
        return _too_large(self.limits.streamed_response_bytes)

    def break_stream(self) -> None:
        self.runs.on_stream_broken()

    def await_body(self, connection: Connection) -> None:
        if request_id := _responds_to(connection):
            self.runs.on_response_begun(request_id)

    def break_body(self, connection: Connection) -> None:
        if request_id := _responds_to(connection):
            self.runs.on_response_broken(request_id)

    # -- routes -------------------------------------------------------------------------------

    def _next(self, connection: Connection) -> None:
        connection.wait(self.events.on_next_abandoned)
        try:
            self.events.on_next(connection)
        except Rejected:
            connection.wait_no_more()
            raise

    def _invocation(self, connection: Connection) -> None:
        request_id, action = _invocation_of(connection)
        if action == b"response":
            if connection.method_is(b"POST"):
                self._response(connection, request_id)
        elif action == b"error":
            if connection.method_is(b"POST"):
                self._error(connection, request_id)
        else:
            _not_found(connection)

    def _response(self, connection: Connection, request_id: str) -> None:
        runs, headers = self.runs, connection.headers
        mode = headers.get(RESPONSE_MODE)
        if mode is not None and mode != b"streaming":
            runs.on_invalid_response_mode(request_id)
            raise Rejected(400, "InvalidFunctionResponseMode", "Invalid function response mode")
        if connection.too_large:
            self._refuse_too_large(request_id)
        if _ERROR_TYPE in headers:  # trailers of a stream that failed on its way
            runs.on_error(request_id, connection.header(_ERROR_TYPE), _error_body(connection))
        else:
            runs.on_response(request_id, connection.body())
        if AND_NEXT in headers:
            connection.wait(self.events.on_next_abandoned)
            asyncio.get_running_loop().call_soon(self._come_back, connection)
        else:
            connection.accept()

    def _come_back(self, connection: Connection) -> None:
        """What was posted was a request for the next event too. It is acted upon once whoever
        waits for the result has been served, and the log of its run is written."""
        if not connection.waits:
            return
        try:
            self._next(connection)
        except Rejected as rejection:
            connection.refuse(rejection)

    def _error(self, connection: Connection, request_id: str) -> None:
        if connection.too_large:
            self._refuse_too_large(request_id)
        self.runs.on_error(request_id, connection.header(_ERROR_TYPE), connection.body())
        connection.answer(ACCEPTED)

    def _refuse_too_large(self, request_id: str) -> None:
        self.runs.on_response_too_large(request_id)
        raise _too_large(self.limits.response_payload_bytes)


def _invocation_of(connection: Connection) -> tuple[str, bytes]:
    """Request id and action of a path below /invocation/; empty for any other path."""
    if not connection.url.startswith(_INVOCATION):
        return "", b""
    request_id, _, action = connection.url[len(_INVOCATION) :].partition(b"/")
    return request_id.decode("latin-1"), action


def _responds_to(connection: Connection) -> str:
    """The invocation whose response this request is; empty for any other request."""
    request_id, action = _invocation_of(connection)
    return request_id if action == b"response" and connection.method == b"POST" else ""


def _too_large(limit_bytes: int) -> Rejected:
    text = f"Exceeded maximum allowed payload size ({limit_bytes} bytes)."
    return Rejected(413, "RequestEntityTooLarge", text)


def _not_found(connection: Connection) -> None:
    connection.answer(response(404, b"404 page not found\n", "text/plain"))


def _error_body(connection: Connection) -> bytes:
    value = connection.headers.get(_ERROR_BODY, b"")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return value
