"""Where each microsecond of a warm invoke goes, inside the server.

A real server runs in this process, with a real environment; the sockets of one client and of that
environment's runtime are played, so that what is measured is lambdad's own work: no kernel, no
other process. Steps are told apart by wrapping the methods that begin them, which costs each of
them a few tenths of a microsecond; the total is measured without.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.servers import create_functions, reached
from lambdad.api.authorizer import PolicyAuthorizer
from lambdad.api.dispatch import Dispatcher
from lambdad.gateway.api import Api
from lambdad.gateway.connection import Connection as ClientConnection
from lambdad.gateway.http import Gate, HttpServer
from lambdad.invoke.pool import FunctionPool
from lambdad.runtime.connection import Connection as RuntimeConnection
from lambdad.runtime.recorder import Recorder
from lambdad.runtime.supervisor import Supervisor
from lambdad.server.config import Config, ListenConfig, read_surroundings
from lambdad.server.daemon import serve
from lambdad.server.place import RunningServer
from lambdad.wire.routing import Match, Router

INVOKES = 4000
STEPS: list[tuple[type, str, str]] = [
    (ClientConnection, "data_received", "HTTP request read and parsed, task made"),
    (Router, "match", "service and operation found"),
    (Api, "_identify", "signature checked, caller found"),
    (Match, "parse", "members read"),
    (Match, "validate", "members checked against the model"),
    (PolicyAuthorizer, "authorize", "authorised"),
    (Dispatcher, "_note", "noted for the audit log"),
    (FunctionPool, "submit", "environment taken"),
    (Supervisor, "_deliver", "deadline set, event made"),
    (RuntimeConnection, "send_event", "event written"),
    (Recorder, "started", "START logged"),
    (RuntimeConnection, "data_received", "Runtime API request read, parsed and routed"),
    (Recorder, "finished", "figures of the run, caller told"),
    (Match, "serialize", "answer made"),
    (ClientConnection, "_write", "answer written"),
    (Recorder, "_ended", "END and REPORT logged, output drained"),
]
OPERATION = "everything between: coroutines, the operation, admission, the loop"
_HEADERS = (
    b"Host: 169.254.100.1:9001\r\nAccept: */*\r\nUser-Agent: aws-lambda-python/3.11.7-4.2.2\r\n"
)
_POST = (
    b"POST /2018-06-01/runtime/invocation/%b/response HTTP/1.1\r\n"
    + _HEADERS
    + b"content-type: application/json\r\ncontent-length: 7\r\n"
    + b'lambdad-and-next: yes\r\n\r\n{"k":1}'
)


class PlayedTransport:
    """A socket that swallows nothing: what is written is kept."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return False

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        pass

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else None

    async def taken(self) -> bytes:
        """What was written, once something is."""
        while not self.written:
            await asyncio.sleep(0)
        data = b"".join(self.written)
        self.written.clear()
        return data


class Steps:
    """Time spent in each step, without the steps inside it, for one invoke after the other."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, int] = defaultdict(int)
        self._open: list[str] = [OPERATION]
        self._since = 0
        self._originals: list[tuple[type, str, Any]] = []

    def __enter__(self) -> Steps:
        for owner, name, text in STEPS:
            original = owner.__dict__[name]
            self._originals.append((owner, name, original))
            setattr(owner, name, self._timed(original, text))
        return self

    def __exit__(self, *_: object) -> None:
        for owner, name, original in self._originals:
            setattr(owner, name, original)

    def begin(self) -> None:
        self.spent.clear()
        self._since = time.perf_counter_ns()

    def _turn(self) -> None:
        now = time.perf_counter_ns()
        self.spent[self._open[-1]] += now - self._since
        self._since = now

    def end(self) -> dict[str, int]:
        """Nanoseconds by step."""
        self._turn()
        return dict(self.spent)

    def _timed(self, original: Callable[..., Any], text: str) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            self._turn()
            self._open.append(text)
            try:
                return original(*arguments, **named)
            finally:
                self._turn()
                self._open.pop()

        return timed


def _client(server: HttpServer) -> tuple[ClientConnection, PlayedTransport]:
    gate: Gate = server._clients
    connection, transport = ClientConnection(gate, asyncio.get_running_loop()), PlayedTransport()
    connection.connection_made(transport)  # type: ignore[arg-type]
    return connection, transport


async def _measure(server: HttpServer, runtime: RuntimeConnection, request: bytes) -> None:
    client, answers = _client(server)
    events = PlayedTransport()
    real, runtime._transport = runtime._transport, events  # type: ignore[assignment]

    async def invoke() -> None:
        client.data_received(request)
        event = await events.taken()
        start = event.index(b"Request-Id: ") + len(b"Request-Id: ")
        runtime.data_received(_POST % event[start : start + 36])
        assert (await answers.taken()).endswith(b'{"k":1}')
        await asyncio.sleep(0)  # END and REPORT, and the wish for the next event

    for _ in range(500):
        await invoke()
    totals = await _times(invoke)
    with Steps() as steps:
        rows = []
        for _ in range(INVOKES):
            steps.begin()
            await invoke()
            rows.append(steps.end())
    runtime._transport = real
    client.connection_lost(None)
    middle = statistics.median(totals)
    print(f"warm invoke inside the server   min {totals[0]:.0f} µs, median {middle:.0f} µs")
    for text in [*(text for _, _, text in STEPS), OPERATION]:
        spent = sorted(row.get(text, 0) for row in rows)[INVOKES // 10]
        print(f"  {spent / 1e3:6.1f} µs  {text}")


async def _times(invoke: Callable[[], Awaitable[None]]) -> list[float]:
    """Microseconds of processor time, shortest first."""
    times = []
    for _ in range(INVOKES):
        started = time.thread_time_ns()
        await invoke()
        times.append((time.thread_time_ns() - started) / 1e3)
    return sorted(times)


def main() -> None:
    """Print what SPECIFICATION.md quotes."""
    servers: list[HttpServer] = []
    runtimes: list[RuntimeConnection] = []
    _remember(HttpServer, servers)
    _remember(RuntimeConnection, runtimes)
    driving: list[asyncio.Task[None]] = []
    with tempfile.TemporaryDirectory(prefix="lambdad-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)

        async def drive(endpoint: str) -> None:
            try:
                request = await asyncio.to_thread(_prepare, folder, endpoint)
                await asyncio.sleep(0.3)
                await _measure(servers[0], runtimes[-1], request)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        def begin(server: RunningServer) -> None:
            driving.append(asyncio.get_running_loop().create_task(drive(server.endpoint)))

        listen = ListenConfig(port=0)
        serve(Config(data_dir=folder, surroundings=read_surroundings(), listen=listen), begin)
        driving[0].result()


def _remember(kind: type, made: list[Any]) -> None:
    """Keep what is made of a class from now on."""
    original = kind.__init__  # type: ignore[misc]

    def init(self: Any, *arguments: Any) -> None:
        original(self, *arguments)
        made.append(self)

    kind.__init__ = init  # type: ignore[misc]


def _prepare(folder: Path, endpoint: str) -> bytes:
    server = reached(folder, endpoint)
    create_functions(server, ["path"])
    server.client.invoke(FunctionName="path", Payload=b'{"k":1}')
    return server.invoke_bytes("path")
