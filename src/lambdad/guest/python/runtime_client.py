"""How AWS's Python runtime client speaks with the Runtime API, without libcurl.

`awslambdaric` is AWS's own and runs unmodified; of its one compiled module, which it imports by
this name, this is the equal: the same four functions, with the same requests, results and log
lines (`tests/conformance/runtime/test_python_client.py` compares the two). It sends a request with
one system call where libcurl needs ten, which is a third of the processor time of an invocation.

Standard library only, Python 3.8 and later; imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time

_INVOCATION = "/2018-06-01/runtime/invocation/"
_READ_BYTES = 65_536


class _Connection:
    """To the Runtime API; kept open, and made anew in a process that was forked from its own."""

    def __init__(self) -> None:
        self.user_agent = ""
        self._socket: socket.socket | None = None
        self._owner = 0

    def ask(self, method: str, path: str, headers: str = "", body: bytes = b"") -> _Answer:
        """Send a request. A kept connection that turns out to be closed is made anew, once."""
        lines = "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\nUser-Agent: %s\r\n%s\r\n" % (
            *(method, path, os.environ["AWS_LAMBDA_RUNTIME_API"], self.user_agent, headers),
        )
        request = lines.encode() + body
        if self._socket is not None and self._owner == os.getpid():
            with contextlib.suppress(ConnectionError):
                return self._exchange(self._socket, request)
        return self._exchange(self._connect(), request)

    def _connect(self) -> socket.socket:
        host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
        # Not create_connection: it imports the IDNA codec, which is a megabyte and a millisecond.
        connection = socket.socket()
        connection.connect((host, int(port or 80)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._owner = os.getpid()
        return connection

    def _exchange(self, connection: socket.socket, request: bytes) -> _Answer:
        """A connection on which a request was not answered in full is not used again: a signal
        handler of the function may raise here."""
        self._socket = None
        answer = self._converse(connection, request)
        self._socket = connection
        return answer

    def _converse(self, connection: socket.socket, request: bytes) -> _Answer:
        connection.sendall(request)
        data = self._read(connection)
        while b"\r\n\r\n" not in data:
            data += self._read(connection)
        head, _, body = data.partition(b"\r\n\r\n")
        answer = _Answer(head.decode())
        missing = int(answer.headers.get("content-length", 0)) - len(body)
        if missing > 0:
            parts = [body]
            while missing > 0:
                parts.append(self._read(connection))
                missing -= len(parts[-1])
            body = b"".join(parts)
        answer.body = body
        return answer

    def _read(self, connection: socket.socket) -> bytes:
        data = connection.recv(_READ_BYTES)
        if not data:
            raise ConnectionError("the Runtime API closed the connection")
        return data


class _Answer:
    """A response: `headers` by names in lower case."""

    def __init__(self, head: str) -> None:
        status_line, *lines = head.split("\r\n")
        self.status = int(status_line.split(" ", 2)[1])
        self.headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.body = b""


_connection = _Connection()


def initialize_client(user_agent: str) -> None:
    """What every request says about its sender."""
    _connection.user_agent = user_agent


def next() -> tuple[bytes, dict[str, object]]:
    """Wait for an event: its payload, and its headers in the spelling of the Runtime API. Raises
    RuntimeError."""
    try:
        answer = _connection.ask("GET", _INVOCATION + "next")
    except OSError:
        _complain("Failed to get next invocation. No Response from endpoint")
        raise RuntimeError("Failed to get next") from None
    if answer.status != 200:
        _complain("Failed to get next invocation. Http Response code: %d" % answer.status)
        raise RuntimeError("Failed to get next")
    headers = answer.headers
    return answer.body, {
        "Lambda-Runtime-Aws-Request-Id": headers["lambda-runtime-aws-request-id"],
        "Lambda-Runtime-Trace-Id": headers.get("lambda-runtime-trace-id"),
        "Lambda-Runtime-Invoked-Function-Arn": headers["lambda-runtime-invoked-function-arn"],
        "Lambda-Runtime-Deadline-Ms": int(headers["lambda-runtime-deadline-ms"]),
        "Lambda-Runtime-Client-Context": headers.get("lambda-runtime-client-context"),
        "Content-Type": headers.get("content-type"),
        "Lambda-Runtime-Cognito-Identity": headers.get("lambda-runtime-cognito-identity"),
        "Lambda-Runtime-Aws-Tenant-Id": headers.get("lambda-runtime-aws-tenant-id"),
        "Lambda-Runtime-Invocation-Id": headers.get("lambda-runtime-invocation-id"),
    }


def post_invocation_result(
    invoke_id: object, result: object, content_type: str, invocation_id: str | None = None
) -> None:
    """Hand in what the function returned. Raises RuntimeError."""
    if not (isinstance(invoke_id, str) and isinstance(result, bytes)):
        raise RuntimeError("Wrong arguments")
    if not _post(invoke_id + "/response", content_type, "", result, invocation_id):
        raise RuntimeError("Failed to post invocation response")


def post_error(
    invoke_id: object, error: object, xray_cause: str, invocation_id: str | None = None
) -> None:
    """Hand in the error that the function ended with. Raises RuntimeError."""
    if not (isinstance(invoke_id, str) and isinstance(error, str)):
        raise RuntimeError("Wrong arguments")
    cause = "lambda-runtime-function-xray-error-cause: %s\r\n" % xray_cause if xray_cause else ""
    if not _post(invoke_id + "/error", "application/json", cause, error.encode(), invocation_id):
        raise RuntimeError("Failed to post invocation error")


def _post(
    path: str, content_type: str, headers: str, body: bytes, invocation_id: str | None
) -> bool:
    """Whether it was taken."""
    headers += "content-type: %s\r\n" % content_type
    if invocation_id:
        headers += "lambda-runtime-invocation-id: %s\r\n" % invocation_id
    headers += "content-length: %d\r\n" % len(body)
    try:
        answer = _connection.ask("POST", _INVOCATION + path, headers, body)
    except OSError:
        return False
    if 200 <= answer.status < 300:
        return True
    text = "Failed to post handler success response. Http response code: %d. %s"
    _complain(text % (answer.status, answer.body.decode("utf-8", "replace")))
    return False


def _complain(text: str) -> None:
    print("[ERROR] [%d] LAMBDA_RUNTIME %s" % (time.time() * 1000, text), flush=True)
