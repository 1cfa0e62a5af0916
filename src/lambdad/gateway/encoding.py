"""An answer as HTTP/1.1 bytes. Owns framing; knows no connection and no clock."""

from __future__ import annotations

from http import HTTPStatus

from lambdad.wire.http import Response

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_BODILESS = frozenset({204, 304})
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class HeaderInjection(ValueError):
    """A header of an answer holds a line break: sent as it is, it would forge another answer."""


def encode_head(response: Response, *, date: str, keep_alive: bool, chunked: bool) -> bytes:
    """Status line and headers, up to and including the blank line.

    Content-Length is added to a body of bytes, Transfer-Encoding to a streamed one (`chunked`).
    An answer that names its Content-Length keeps it (HEAD, or a stream of known length).
    Raises HeaderInjection.
    """
    status = response.status
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, '')}", f"Date: {date}"]
    sized = False
    for name, value in response.headers:
        lines.append(f"{name}: {value}")
        if not sized and name.lower() == "content-length":
            sized = True
    if chunked:
        lines.append("Transfer-Encoding: chunked")
    elif not sized and isinstance(response.body, bytes) and status not in _BODILESS:
        lines.append(f"Content-Length: {len(response.body)}")
    if not keep_alive:
        lines.append("Connection: close")
    head = "\r\n".join(lines)
    breaks = len(lines) - 1
    if head.count("\r") != breaks or head.count("\n") != breaks:
        raise HeaderInjection(f"line break in a header of a {status} answer")
    return (head + "\r\n\r\n").encode("latin-1", "replace")


def has_body(response: Response, method: str) -> bool:
    """Whether the answer's body goes on the wire at all."""
    return method != "HEAD" and response.status not in _BODILESS


def declares_length(response: Response) -> bool:
    """Whether the answer says itself how long its body is."""
    return any(name.lower() == "content-length" for name, _ in response.headers)


def encode_chunk(data: bytes) -> bytes:
    """One chunk; never the empty one, which would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)
