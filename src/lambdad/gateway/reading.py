"""Bytes of one connection → whole requests. Owns framing rules and the limits on what is read.

The parser is llhttp in strict mode, which refuses the classic smuggling forms (Content-Length
beside Transfer-Encoding, two lengths, bare line feeds, folded headers, bad chunks); what it lets
through and HTTP does not allow is refused here. Touches no socket and no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools

from lambdad.core.limits import Limits
from lambdad.functions.url_addresses import address_of
from lambdad.wire.http import Request

_SINGLE = frozenset({"host", "content-length", "transfer-encoding", "authorization", "expect"})
"""Headers that a request may carry once: a second one is an attempt to be read in two ways."""


class Phase(Enum):
    IDLE = 0
    """Between requests."""
    HEAD = 1
    BODY = 2
    ENDED = 3
    """Refused, or the last request of the connection: further bytes are dropped."""


class Refused(Exception):
    """A request that HTTP or a limit rules out; the connection cannot go on after it."""

    def __init__(self, status: int, message: str, request: Request | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.request = request
        """Its head, where that much was understood."""


class _Stopped(Exception):
    """Stops the parser between two requests of one read."""


class BodyBudget:
    """How many bytes of unfinished bodies some connections together may hold; with a `parent`,
    they count there too."""

    def __init__(self, limit_bytes: int, parent: BodyBudget | None = None) -> None:
        self._limit_bytes = limit_bytes
        self._taken_bytes = 0
        self._parent = parent

    def take(self, size: int) -> bool:
        """Count `size` bytes in, even when that is past the limit (then False)."""
        self._taken_bytes += size
        affordable = self._parent is None or self._parent.take(size)
        return affordable and self._taken_bytes <= self._limit_bytes

    def give_back(self, size: int) -> None:
        self._taken_bytes -= size
        if self._parent is not None:
            self._parent.give_back(size)


class Origin(NamedTuple):
    """Where a connection's requests come from."""

    peer: str
    """The client's address."""
    secure: bool = False
    """By TLS."""


class RequestReader:
    """Feed it what arrives; it delivers whole requests in order.

    `deliver(request)` gets each request; the last one of the connection finds the phase ENDED.
    `expect_continue()` is called when a client waits for leave to send its body.
    """

    def __init__(
        self,
        origin: Origin,
        limits: Limits,
        budget: BodyBudget,
        deliver: Callable[[Request], None],
        expect_continue: Callable[[], None],
    ) -> None:
        self.phase = Phase.IDLE
        self.body_bytes = 0
        """Of the request being read."""
        self.http_1_0 = False
        """The last request came in HTTP/1.0, which knows no chunks."""
        self._origin = origin
        self._limits = limits
        self._budget = budget
        self._deliver = deliver
        self._expect_continue = expect_continue
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: dict[str, str] = {}
        self._header_lines = 0
        self._parts: list[bytes] = []
        self._body_limit = limits.http_body_bytes
        """Of the request being read: a function URL, which anybody may call, takes less."""
        self._raw_bytes = 0
        self._request: Request | None = None

    @property
    def ended(self) -> bool:
        return self.phase is Phase.ENDED

    def feed(self, data: bytes) -> None:
        """Read on. Raises Refused once; whatever follows it is dropped."""
        if self.ended:
            return
        self._raw_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.end()  # The request was delivered as if it had not asked for another protocol.
        except httptools.HttpParserCallbackError as error:
            self.end()
            cause = error.__context__
            if isinstance(cause, Refused):
                raise cause from None
            if not isinstance(cause, _Stopped):
                raise
        except httptools.HttpParserError as error:
            if not self.ended:  # Bytes after `Connection: close` are no matter.
                request = self._request
                self.end()
                raise Refused(400, f"Bad request: {error}.", request) from None
        else:
            self._check_overhead()

    def end(self) -> None:
        """Read no further, and give back what an unfinished body holds."""
        self.phase = Phase.ENDED
        self._release()

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self.ended:
            raise _Stopped
        self.phase = Phase.HEAD
        self._target = b""
        self._headers = {}
        self._header_lines = 0
        self._request = None

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.phase is not Phase.HEAD:
            return  # A trailer; no trailer may pass for a header.
        key = name.lower().decode("ascii")
        text = value.decode("latin-1").strip(" \t")
        headers = self._headers
        self._header_lines += 1
        if self._header_lines > self._limits.http_headers:
            raise Refused(431, f"A request may have {self._limits.http_headers} headers.")
        if key not in headers:
            headers[key] = text
        elif key in _SINGLE:
            raise Refused(400, f"Bad request: two {key} headers.")
        else:
            headers[key] += "," + text

    def on_headers_complete(self) -> None:
        headers = self._headers
        version = self._parser.get_http_version()
        if version == "1.1":
            if "host" not in headers:
                raise Refused(400, "Bad request: no Host header.")
        elif version != "1.0" or "transfer-encoding" in headers:
            raise Refused(400, "Bad request: this server speaks HTTP/1.1.")
        self.http_1_0 = version == "1.0"
        request = self._request = self._make_request()
        self.phase = Phase.BODY
        length = headers.get("content-length")
        self._body_limit = self._limits.http_body_bytes
        if address_of(headers.get("host", ""), request.path) is not None:
            self._body_limit = self._limits.request_payload_bytes
        if length is not None and int(length) > self._body_limit:
            raise self._too_large(request)
        if self._parser.should_upgrade() and (length or "transfer-encoding" in headers):
            raise Refused(400, "Bad request: a body with an upgrade.", request)
        expectation = headers.get("expect")
        if expectation is not None and version == "1.1":
            if expectation.lower() != "100-continue":
                raise Refused(417, "The only expectation met here is 100-continue.", request)
            self._expect_continue()

    def on_body(self, part: bytes) -> None:
        size = len(part)
        self.body_bytes += size
        affordable = self._budget.take(size)
        if self.body_bytes > self._body_limit:
            raise self._too_large(self._request)
        if not affordable:
            raise Refused(503, "Too much is being received at once; try again.", self._request)
        self._parts.append(part)

    def on_message_complete(self) -> None:
        request = self._request
        assert request is not None
        if self._parts:
            request.body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._release()
        parser = self._parser
        last = self.http_1_0 or not parser.should_keep_alive() or parser.should_upgrade()
        self.phase = Phase.ENDED if last else Phase.IDLE
        self._raw_bytes = 0
        self._deliver(request)

    def _make_request(self) -> Request:
        target = self._target.decode("ascii")
        if not target.startswith("/"):
            target = self._origin_form(target)
        path, _, query = target.partition("?")
        method = self._parser.get_method().decode("ascii")
        origin = self._origin
        return Request(method, path, query, self._headers, b"", origin.peer, origin.secure)

    def _origin_form(self, target: str) -> str:
        """Of `http://host/path?query`, as proxies send it (RFC 9112 §3.2.2), the part from /."""
        parts = urlsplit(target)
        if parts.scheme not in ("http", "https") or parts.netloc != self._headers.get("host"):
            raise Refused(400, "Bad request: the target is not a path of this host.")
        path = parts.path or "/"
        return f"{path}?{parts.query}" if parts.query else path

    def _check_overhead(self) -> None:
        """Bound what is neither header nor body: endless headers, tiny chunks, trailers."""
        allowed = self._limits.http_header_bytes + self.body_bytes + self.body_bytes // 8
        if self._raw_bytes <= allowed:
            return
        request, in_head = self._request, self.phase is Phase.HEAD
        self.end()
        if in_head:
            limit = self._limits.http_header_bytes
            raise Refused(431, f"Request line and headers may have {limit} bytes.")
        raise Refused(400, "Bad request: more framing than body.", request)

    def _too_large(self, request: Request | None) -> Refused:
        limit = self._body_limit
        return Refused(413, f"Request must be smaller than {limit} bytes", request)

    def _release(self) -> None:
        self._budget.give_back(self.body_bytes)
        self.body_bytes = 0
        self._parts = []
