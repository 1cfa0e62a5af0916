"""How AWS's Python runtime client speaks with the Runtime API, without libcurl.

`awslambdaric` is AWS's own and runs unmodified; of its one compiled module, which it imports by
this name, this is the equal: the same four functions, with the same requests, results and log
lines (`tests/conformance/runtime/test_python_client.py` compares the two). It sends a request with
one system call where libcurl needs ten, which is a third of the processor time of an invocation.
Told so by `unite`, it makes one request of a result and the wish for the next event, which
lambdad's Runtime API answers with that event.

Standard library only, Python 3.8 and later; imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time

_INVOCATION = "/2018-06-01/runtime/invocation/"
_READ_BYTES = 65_536
_AND_NEXT = "lambdad-and-next: yes\r\n"
_SMALL_BYTES = 65_536
"""A result up to here is not refused for its size, so nobody has to wait for the answer."""


class _Connection:
    """To the Runtime API; kept open, and made anew in a process that was forked from its own."""

    def __init__(self) -> None:
        self.user_agent = ""
        self.unites = False
        self._socket: socket.socket | None = None
        self._unanswered: socket.socket | None = None
        """Where `send` sent a request, until `receive`."""
        self._owner = 0

    def ask(self, method: str, path: str, headers: str = "", body: bytes = b"") -> _Answer:
        """Send a request. A kept connection that turns out to be closed is made anew, once."""
        request = self._request(method, path, headers, body)
        if self._socket is not None and self._owner == os.getpid():
            with contextlib.suppress(ConnectionError):
                return self._exchange(self._socket, request)
        return self._exchange(self._connect(), request)

    def send(self, method: str, path: str, headers: str, body: bytes) -> bool:
        """Send a request whose answer `receive` takes; False where no connection is open."""
        connection, self._socket = self._socket, None
        if connection is None or self._owner != os.getpid():
            return False
        with contextlib.suppress(ConnectionError):
            connection.sendall(self._request(method, path, headers, body))
            self._unanswered = connection
        return self._unanswered is not None

    def receive(self) -> _Answer | None:
        """The answer to what was sent, in this process; None if nothing was."""
        connection, self._unanswered = self._unanswered, None
        if connection is None or self._owner != os.getpid():
            return None
        answer = self._answer(connection)
        self._socket = connection
        return answer

    def _request(self, method: str, path: str, headers: str, body: bytes) -> bytes:
        lines = "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\nUser-Agent: %s\r\n%s\r\n" % (
            *(method, path, os.environ["AWS_LAMBDA_RUNTIME_API"], self.user_agent, headers),
        )
        return lines.encode() + body

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
        self._socket = self._unanswered = None
        connection.sendall(request)
        answer = self._answer(connection)
        self._socket = connection
        return answer

    def _answer(self, connection: socket.socket) -> _Answer:
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
_NOT_POSTED = "Failed to post invocation response"


def initialize_client(user_agent: str) -> None:
    """What every request says about its sender."""
    _connection.user_agent = user_agent


def unite() -> None:
    """From now on results are sent with a request for the next event."""
    _connection.unites = True


def next() -> tuple[bytes, dict[str, object]]:
    """Wait for an event: its payload, and its headers in the spelling of the Runtime API. Raises
    RuntimeError."""
    try:
        answer = _connection.receive()
        if answer is not None and answer.status != 200:
            _complain_of_post(answer)
            raise RuntimeError(_NOT_POSTED)
        if answer is None:
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
    """Hand in what the function returned. Raises RuntimeError; `next` does, where both are one
    request."""
    if not (isinstance(invoke_id, str) and isinstance(result, bytes)):
        raise RuntimeError("Wrong arguments")
    path = _INVOCATION + invoke_id + "/response"
    headers = _headers(content_type, result, invocation_id)
    unites = _connection.unites and len(result) <= _SMALL_BYTES
    if unites and _connection.send("POST", path, headers + _AND_NEXT, result):
        return
    if not _post(path, headers, result):
        raise RuntimeError(_NOT_POSTED)


def post_error(
    invoke_id: object, error: object, xray_cause: str, invocation_id: str | None = None
) -> None:
    """Hand in the error that the function ended with. Raises RuntimeError."""
    if not (isinstance(invoke_id, str) and isinstance(error, str)):
        raise RuntimeError("Wrong arguments")
    body = error.encode()
    headers = _headers("application/json", body, invocation_id)
    if xray_cause:
        headers += "lambda-runtime-function-xray-error-cause: %s\r\n" % xray_cause
    if not _post(_INVOCATION + invoke_id + "/error", headers, body):
        raise RuntimeError("Failed to post invocation error")


def _headers(content_type: str, body: bytes, invocation_id: str | None) -> str:
    headers = "content-type: %s\r\ncontent-length: %d\r\n" % (content_type, len(body))
    if invocation_id:
        headers += "lambda-runtime-invocation-id: %s\r\n" % invocation_id
    return headers


def _post(path: str, headers: str, body: bytes) -> bool:
    """Whether it was taken."""
    try:
        answer = _connection.ask("POST", path, headers, body)
    except OSError:
        return False
    if 200 <= answer.status < 300:
        return True
    _complain_of_post(answer)
    return False


def _complain_of_post(answer: _Answer) -> None:
    text = "Failed to post handler success response. Http response code: %d. %s"
    _complain(text % (answer.status, answer.body.decode("utf-8", "replace")))


def _complain(text: str) -> None:
    print("[ERROR] [%d] LAMBDA_RUNTIME %s" % (time.time() * 1000, text), flush=True)
