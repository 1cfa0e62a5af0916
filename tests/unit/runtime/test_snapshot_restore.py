"""The stop between init and the first event, as a runtime and as an attacker inside sees it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable

import pytest

from lambdad.core.clock import ManualClock
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.runtime.api import RuntimeApi
from lambdad.runtime.environment import Environment, State
from lambdad.runtime.reports import RestoreReport
from lambdad.runtime.snapshot_restore import RestoreFailure, SnapshotPoint, snap_start_variables
from support.functions import Keys, run
from support.patience import PATIENCE_S, until

NEXT = "GET /2018-06-01/runtime/restore/next"
ERROR = "POST /2018-06-01/runtime/restore/error"
CREDENTIALS = "GET /2021-04-23/credentials"


class Log:
    """A RestoreLog that keeps everything."""

    def __init__(self) -> None:
        self.lines: list[str | RestoreReport] = []

    def restore_started(self) -> None:
        self.lines.append("started")

    def restore_ended(self, report: RestoreReport) -> None:
        self.lines.append(report)


class Inside:
    """A point behind a served Runtime API, and who talks to it from inside."""

    def __init__(self, address: tuple[str, int], snapshots: bool) -> None:
        self.environment = Environment()
        self.times_reached = 0
        self.log = Log()
        self.point = SnapshotPoint(self.environment, self._reached, Keys)
        served = self.point if snapshots else None
        self.api = RuntimeApi(None, None, Silent(), DEFAULT_LIMITS, served)  # type: ignore[arg-type]
        self._address = address

    def _reached(self) -> None:
        self.times_reached += 1

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self._address)

    async def ask(self, line: str, *headers: str) -> tuple[int, bytes]:
        """One request on a connection of its own: status and body."""
        reader, writer = await self.connect()
        lines = [f"{line} HTTP/1.1", "Host: x", *headers, "Content-Length: 0"]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].split()[0]
            body = await reader.readexactly(int(length))
        writer.close()
        return int(head.split()[1]), body

    def restore(self, limit_s: float = 5.0) -> Awaitable[object]:
        return self.point.restore(limit_s, self.log, ManualClock())


class Silent:
    """No extensions."""


def inside(scenario: Callable[[Inside], Awaitable[None]], snapshots: bool = True) -> None:
    async def main() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        at = Inside(listener.getsockname(), snapshots)
        await at.api.serve(listener)
        try:
            await scenario(at)
        finally:
            at.api.close()
            await until(lambda: not at.api.connections)
            listener.close()

    run(main())


async def waits(at: Inside) -> asyncio.Task[tuple[int, bytes]]:
    task = asyncio.ensure_future(at.ask(NEXT))
    await until(lambda: at.times_reached)
    return task


def test_the_answer_comes_with_the_restore_and_not_before() -> None:
    async def scenario(at: Inside) -> None:
        asked = await waits(at)
        await asyncio.sleep(0.02)
        assert not asked.done()
        restoring = asyncio.ensure_future(at.restore())
        assert await asked == (200, b"")
        assert at.point.leaving
        at.environment.next_requested()
        at.point.left()
        assert await restoring is None
        assert at.log.lines == ["started", RestoreReport(0.0)]
        assert await at.ask(NEXT) == (
            403,
            b'{"errorMessage":"State transition from Ready to RestoreReady failed for runtime. '
            b'Error: State transition is not allowed","errorType":"InvalidStateTransition"}\n',
        )

    inside(scenario)


def test_who_hung_up_is_let_go_when_he_asks_again() -> None:
    async def scenario(at: Inside) -> None:
        _, writer = await at.connect()
        writer.write(f"{NEXT} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await until(lambda: at.times_reached)
        writer.transport.abort()
        await until(lambda: not at.api.connections)
        restoring = asyncio.ensure_future(at.restore())
        await asyncio.sleep(0)
        assert await at.ask(NEXT) == (200, b"")
        assert at.times_reached == 1
        at.point.left()
        assert await restoring is None

    inside(scenario)


@pytest.mark.parametrize(
    ("limit_s", "end", "error", "report"),
    [
        (
            5.0,
            lambda at: at.ask(
                ERROR, "Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError"
            ),
            "SnapStartException",
            RestoreReport(0.0, "error", "Runtime.AfterRestoreError"),
        ),
        (
            0.01,
            lambda at: asyncio.sleep(0),
            "SnapStartTimeoutException",
            RestoreReport(0, "timeout"),
        ),
    ],
    ids=["hook failed", "too slow"],
)
def test_a_restore_that_fails(
    limit_s: float,
    end: Callable[[Inside], Awaitable[object]],
    error: str,
    report: RestoreReport,
) -> None:
    async def scenario(at: Inside) -> None:
        asked = await waits(at)
        restoring = asyncio.ensure_future(at.restore(limit_s))
        await asked
        await end(at)
        found = await restoring
        assert type(found).__name__ == error
        assert at.log.lines == ["started", report]

    inside(scenario)


def test_a_function_cannot_fail_a_restore_that_is_not() -> None:
    async def scenario(at: Inside) -> None:
        assert (await at.ask(ERROR))[0] == 403
        asked = await waits(at)
        assert (await at.ask(ERROR))[0] == 403
        assert at.environment.state is State.RESTORE_READY
        asked.cancel()

    inside(scenario)


def test_a_runtime_that_knows_no_snapshots_never_stopped() -> None:
    async def scenario(at: Inside) -> None:
        at.environment.next_requested()
        assert await at.restore() is None

    inside(scenario)


def test_credentials_for_who_has_the_token() -> None:
    async def scenario(at: Inside) -> None:
        status, body = await at.ask(CREDENTIALS, f"Authorization: {at.point.token}")
        assert (status, json.loads(body)) == (
            200,
            {
                "AccessKeyId": "ASIAEXAMPLE",
                "SecretAccessKey": "secret-of-the-role",
                "Token": "token-of-the-session",
                "Expiration": "2100-01-01T00:00:00Z",
            },
        )
        other = SnapshotPoint(Environment(), lambda: None, Keys)
        assert other.token != at.point.token
        for header in ((), ("Authorization: ",), (f"Authorization: {other.token}",)):
            assert await at.ask(CREDENTIALS, *header) == (403, b"")
        assert (await at.ask(CREDENTIALS, "Authorization: \xff\xfe"))[0] == 403
        assert (await at.ask(CREDENTIALS.replace("GET", "PUT")))[0] == 405

    inside(scenario)


def test_the_variables() -> None:
    variables = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_SESSION_TOKEN": "c",
        "AWS_LAMBDA_LOG_GROUP_NAME": "g",
        "AWS_LAMBDA_LOG_STREAM_NAME": "s",
        "MINE": "m",
    }
    assert snap_start_variables(variables, 9001, "t") == {
        "MINE": "m",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9001/2021-04-23/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t",
    }


def test_what_the_caller_is_told() -> None:
    late = RestoreFailure("timeout").error(10.0)
    assert (late.code, late.status) == ("SnapStartTimeoutException", 408)
    failed = RestoreFailure("error", "Runtime.ExitError").error(10.0)
    assert (failed.code, failed.status, failed.members) == (
        "SnapStartException", 400, {"Type": "User"},
    )  # fmt: skip


def test_there_is_nothing_of_it_without_snap_start() -> None:
    async def scenario(at: Inside) -> None:
        for line in (NEXT, ERROR, CREDENTIALS):
            assert (await at.ask(line, f"Authorization: {at.point.token}"))[0] == 404

    inside(scenario, snapshots=False)
