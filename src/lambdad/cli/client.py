"""The CLI's own small AWS client: finds the server, signs, sends, reads JSON.

Speaks rest-json and json 1.1, which is all the commands need. Not a general client: there are
plenty, and every one of them works with lambdad.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from lambdad.core.errors import OperatorError
from lambdad.core.value import Value
from lambdad.iam.secrets_at_rest import load_root_key
from lambdad.server.config import Surroundings
from lambdad.server.place import RunningServer, find_server
from lambdad.wire.http import Request
from lambdad.wire.signing import Signer, SigningCredentials

_CONNECT_TIMEOUT_S = 5.0
_ANSWER_TIMEOUT_S = 960.0
"""Longer than the longest function may take (15 minutes)."""


class ServiceError(OperatorError):
    """An error that AWS's API answered with."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code


class Target(Value):
    """A server, and as whom to speak to it."""

    endpoint: str
    region: str
    credentials: SigningCredentials
    trusted: Path | None = None
    """PEM file with the authority, or the very certificate, of a server that speaks TLS."""
    named: bool = True
    """The certificate has to bear the endpoint's name. Not so on the same machine, where the
    certificate itself is known."""


class Answer(Value):
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def find(data_dir: Path | None, surroundings: Surroundings, *, only_local: bool = False) -> Target:
    """The server that is meant: the one of --data-dir; else AWS_ENDPOINT_URL's with the keys of
    the environment; else the one of the default data directory. `only_local` leaves out the
    second. Raises OperatorError."""
    key = surroundings.access_key
    if data_dir is None and surroundings.endpoint_url and key and not only_local:
        credentials = SigningCredentials(*key)
        bundle = surroundings.ca_bundle
        return Target(surroundings.endpoint_url, surroundings.region, credentials, bundle)
    place = (data_dir or surroundings.data_dir).absolute()
    server = _running(place)
    root = load_root_key(place / "credentials")
    credentials = SigningCredentials(root.access_key_id, root.secret_access_key)
    trusted = Path(server.tls_cert) if server.tls_cert else None
    return Target(server.endpoint, surroundings.region, credentials, trusted, named=False)


def _running(place: Path) -> RunningServer:
    try:
        server = find_server(place)
    except PermissionError:
        raise OperatorError(
            f"The server's data directory {place} belongs to somebody else. Run this as that "
            "user, or set AWS_ENDPOINT_URL and the keys that `lambdad env` prints there."
        ) from None
    if server is None:
        raise OperatorError(
            f"No lambdad is running on {place}. Start one with: lambdad up (or say which with "
            "--data-dir)."
        )
    return server


class Client:
    """Calls one service of one server."""

    def __init__(self, target: Target, service: str) -> None:
        self.service = service
        self._target = target
        self._signer = Signer(target.credentials, target.region, service)

    def rest(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A rest-json call. `path` is already encoded. Raises ServiceError, OperatorError."""
        encoded = "&".join(f"{n}={quote(v, safe='~')}" for n, v in (query or {}).items())
        own = {"content-type": "application/json", **(headers or {})}
        with self._send(method, path, encoded, own, _encode(body)) as response:
            return _answer(response)

    def json(self, target: str, body: Mapping[str, Any]) -> Any:
        """A json 1.1 call; `target` is like `Logs_20140328.DescribeLogGroups`. Raises likewise."""
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
        with self._send("POST", "/", "", headers, _encode(body)) as response:
            answer = _answer(response)
            return answer.document() if answer.body else {}  # no body: no members

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Any call, and its answer also where it is an error. Raises OperatorError."""
        with self._send(method, path, "", headers, body) as response:
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())

    @contextmanager
    def _send(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(self._target.endpoint)
        connection = _connection(self._target, parts.scheme, parts.netloc)
        request = Request(method, path, query, {"host": parts.netloc, **headers}, body)
        signed = {**request.headers, **self._signer.sign(request, time.time())}
        try:
            connection.connect()
            connection.sock.settimeout(_ANSWER_TIMEOUT_S)
            connection.request(method, f"{path}?{query}" if query else path, body, signed)
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise OperatorError(
                f"No answer from {self._target.endpoint} ({str(error) or type(error).__name__}). "
                "Is the server running? Start one with: lambdad up"
            ) from None
        finally:
            connection.close()


def _connection(target: Target, scheme: str, netloc: str) -> http.client.HTTPConnection:
    if scheme != "https":
        return http.client.HTTPConnection(netloc, timeout=_CONNECT_TIMEOUT_S)
    context = ssl.create_default_context(cafile=target.trusted)
    if not target.named:
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return http.client.HTTPSConnection(netloc, timeout=_CONNECT_TIMEOUT_S, context=context)


def _encode(body: Mapping[str, Any] | bytes | None) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _answer(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    body = response.read()
    if response.status < 400:
        return Answer(response.status, headers, body)
    try:
        document = json.loads(body)
    except ValueError:
        document = {}
    code = headers.get("x-amzn-errortype") or document.get("__type") or str(response.status)
    message = document.get("message") or document.get("Message") or response.reason
    raise ServiceError(response.status, code.rpartition("#")[2].partition(":")[0], message)
