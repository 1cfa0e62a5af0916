"""SnapStart in one environment: the stop between its init and its first event.

The runtime says `GET /runtime/restore/next` when its init and its before-snapshot hooks are done,
and is kept waiting, frozen, until the environment is handed out: the answer is what AWS's restored
snapshots find too. Its after-restore hooks run then. A template offers itself with that request and
is forked from there; each environment that comes of it makes the request again. Owns that stop, the
restore phase, and the credentials endpoint. May not: know which environments are kept prepared
(`invoke/snapshots.py`).
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from lambdad.core.clock import Clock
from lambdad.core.value import Value
from lambdad.functions.errors import LambdaError
from lambdad.guest.template import OFFER_HEADER, READY
from lambdad.runtime.connection import ACCEPTED, Connection, Next, response
from lambdad.runtime.environment import Environment, State
from lambdad.runtime.reports import RestoreReport
from lambdad.runtime.variables import Credentials

_NEXT = b"/2018-06-01/runtime/restore/next"
_ERROR = b"/2018-06-01/runtime/restore/error"
CREDENTIALS_PATH = "/2021-04-23/credentials"
_CREDENTIALS = CREDENTIALS_PATH.encode()
_ERROR_TYPE = b"lambda-runtime-function-error-type"
_OFFER = OFFER_HEADER.lower().encode()
_OFFER_CHARACTERS = 120
_LEAVE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_UNAVAILABLE = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_ACCESS_KEY", "AWS_SECRET_KEY"),
    *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
)
"""Snapshots outlive credentials, and know no log stream (Lambda developer guide, "Activating
SnapStart" and "Monitoring for Lambda SnapStart")."""


class SnapStartException(LambdaError):
    """An after-restore hook failed, or the runtime ended instead."""

    code = "SnapStartException"


class SnapStartTimeoutException(LambdaError):
    """The hooks were not done in time."""

    code = "SnapStartTimeoutException"
    status = 408


class RestoreFailure(Value):
    """Why an environment did not get to its first event. The words are the log's."""

    status: str
    """`error` or `timeout`."""
    error_type: str | None = None

    def error(self, limit_s: float) -> LambdaError:
        """What the caller of the invocation is told."""
        if self.status == "timeout":
            return SnapStartTimeoutException(
                f"The function was not restored within {limit_s:g} seconds."
            )
        return SnapStartException(f"The function could not be restored: {self.error_type}.")


class RestoreLog(Protocol):
    """Where the phase is written down."""

    def restore_started(self) -> None: ...
    def restore_ended(self, report: RestoreReport) -> None: ...


class SnapshotPoint:
    """Where the runtime of one start waits to be restored. `reached` is called when its init has
    come so far; `credentials` makes the execution role's, anew for each request."""

    def __init__(
        self,
        environment: Environment,
        reached: Callable[[], None],
        credentials: Callable[[], Credentials],
    ) -> None:
        self.token = secrets.token_urlsafe(32)
        """What a request for credentials has to bring."""
        self._environment = environment
        self._reached = reached
        self._credentials = credentials
        self.offer = ""
        """What the runtime said of being forked from here: `ready`, or why not."""
        self._waiting: Next | None = None
        self._over: asyncio.Future[RestoreFailure | None] | None = None

    @property
    def leaving(self) -> bool:
        """Whether the restore phase is under way."""
        return self._over is not None and not self._over.done()

    async def restore(
        self, limit_s: float, log: RestoreLog, clock: Clock, since_ns: int | None = None
    ) -> LambdaError | None:
        """Let the runtime go on and wait for its first event; why that did not come. The phase
        began at `since_ns` (monotonic) or begins now."""
        log.restore_started()
        started_ns = clock.monotonic_ns() if since_ns is None else since_ns
        failure = await self._leave(limit_s)
        took_ms = (clock.monotonic_ns() - started_ns) / 1e6
        if failure is None:
            log.restore_ended(RestoreReport(took_ms))
            return None
        log.restore_ended(RestoreReport(took_ms, failure.status, failure.error_type))
        return failure.error(limit_s)

    async def _leave(self, limit_s: float) -> RestoreFailure | None:
        """A runtime that knows no snapshots never stopped."""
        if self._environment.state is not State.RESTORE_READY:
            return None
        self._over = asyncio.get_running_loop().create_future()
        self._environment.restore()
        self._answer()
        done, _ = await asyncio.wait([self._over], timeout=limit_s)
        return self._over.result() if done else RestoreFailure("timeout")

    def left(self) -> None:
        """The runtime asked for its first event."""
        self._end(None)

    def failed(self, failure: RestoreFailure) -> None:
        """It will not."""
        self._end(failure)

    def _end(self, failure: RestoreFailure | None) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(failure)

    # -- what the runtime asks ------------------------------------------------------------------

    def on_restore_next(self, waiting: Next, offer: str = "") -> None:
        first = self._environment.restore_requested()
        self._waiting = waiting
        if first:
            self.offer = "".join(filter(str.isprintable, offer))[:_OFFER_CHARACTERS]
            self._reached()
            if self.offer == READY:
                self._answer()  # it waits for the jailer, without a connection
        elif self._environment.state is State.RESTORING:  # it lost the first answer
            self._answer()

    def on_restore_abandoned(self, waiting: Next) -> None:
        if waiting is self._waiting:
            self._waiting = None

    def on_restore_error(self, error_type: str) -> None:
        self._environment.restore_error_posted()
        self._end(RestoreFailure("error", error_type or "Runtime.AfterRestoreError"))

    def credentials(self, token: str) -> bytes | None:
        """The body of an answer; None where the token is wrong."""
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return None
        keys = self._credentials()
        expires = datetime.fromtimestamp(keys.expires_s, UTC)
        members = {
            "AccessKeyId": keys.access_key_id,
            "SecretAccessKey": keys.secret_access_key,
            "Token": keys.session_token,
            "Expiration": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
        }
        return json.dumps(members, separators=(",", ":")).encode()

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.send_event(_LEAVE, b"")


def snap_start_variables(variables: Mapping[str, str], port: int, token: str) -> dict[str, str]:
    """The environment of a SnapStart function, out of that of any other: credentials come from an
    endpoint that answers whenever it is asked (semantics §1.10)."""
    kept = {name: value for name, value in variables.items() if name not in _UNAVAILABLE}
    return kept | {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}{CREDENTIALS_PATH}",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
    }


def route(connection: Connection, point: SnapshotPoint | None) -> bool:
    """Act on a request that concerns snapshots; False if it does not. Raises Rejected."""
    if point is None:
        return False
    if connection.url == _NEXT:
        if connection.method_is(b"GET"):
            _restore_next(connection, point)
    elif connection.url == _ERROR:
        if connection.method_is(b"POST"):
            point.on_restore_error(connection.header(_ERROR_TYPE))
            connection.answer(ACCEPTED)
    elif connection.url == _CREDENTIALS:
        if connection.method_is(b"GET"):
            _answer_credentials(connection, point)
    else:
        return False
    return True


def _restore_next(connection: Connection, point: SnapshotPoint) -> None:
    connection.wait(point.on_restore_abandoned)
    try:
        point.on_restore_next(connection, connection.header(_OFFER))
    except BaseException:
        connection.wait_no_more()
        raise


def _answer_credentials(connection: Connection, point: SnapshotPoint) -> None:
    body = point.credentials(connection.header(b"authorization"))
    if body is None:
        connection.answer(response(403, b"", "text/plain"))
    else:
        # An init that left this connection open could not be forked.
        close = (("Connection", "close"),)
        connection.answer(response(200, body, "application/json", close))
