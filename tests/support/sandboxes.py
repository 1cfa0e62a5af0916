"""A driver without processes: the runtime in its sandboxes is played by the test."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from lambdad.core.ids import EnvironmentId
from lambdad.sandbox.driver import Exit, RuntimePack, Sandbox, SandboxError, SandboxSpec, Tier


@dataclass
class Event:
    """What a runtime got for /next."""

    request_id: str
    headers: dict[str, str]
    body: bytes


class Runtime:
    """A runtime client that does as it is told."""

    def __init__(self, sandbox: PlayedSandbox) -> None:
        self.sandbox = sandbox
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def call(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on the kept connection: status, headers, body."""
        await self.send(method, path, body, headers)
        return await self.receive()

    async def send(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        await self._connect()
        assert self._writer is not None
        # Another API's path begins with a slash.
        where = path if path.startswith("/") else f"/2018-06-01/runtime/{path}"
        lines = [f"{method} {where} HTTP/1.1", "Host: x"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self._writer.write("\r\n".join(lines).encode() + body)
        await self._writer.drain()

    async def begin(self, path: str, headers: dict[str, str]) -> None:
        """A request whose body follows in chunks."""
        await self._connect()
        assert self._writer is not None
        lines = [f"POST /2018-06-01/runtime/{path} HTTP/1.1", "Host: x"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += ["Transfer-Encoding: chunked", "", ""]
        self._writer.write("\r\n".join(lines).encode())

    async def promise(self, path: str, size: int, headers: dict[str, str]) -> None:
        """A request of so many bytes, which follow or do not."""
        await self._connect()
        assert self._writer is not None
        lines = [f"POST /2018-06-01/runtime/{path} HTTP/1.1", "Host: x"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {size}", "", ""]
        self._writer.write("\r\n".join(lines).encode())

    async def write(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)
        await self._writer.drain()

    async def chunk(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writer.drain()

    async def finish(
        self, trailers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """The end of the body; the answer."""
        assert self._writer is not None
        lines = ["0", *(f"{name}: {value}" for name, value in (trailers or {}).items()), "", ""]
        self._writer.write("\r\n".join(lines).encode())
        return await self.receive()

    async def _connect(self) -> None:
        if self._writer is None:
            address = self.sandbox.runtime_listener.getsockname()
            self._reader, self._writer = await asyncio.open_connection(*address)

    async def receive(self) -> tuple[int, dict[str, str], bytes]:
        assert self._reader is not None
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])
        }
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return int(head[0].split()[1]), headers, body

    async def next(self) -> Event:
        status, headers, body = await self.call("GET", "invocation/next")
        assert status == 200
        return Event(headers["lambda-runtime-aws-request-id"], headers, body)

    async def respond(self, event: Event, body: bytes) -> int:
        return (await self.call("POST", f"invocation/{event.request_id}/response", body))[0]

    def hang_up(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    def print(self, text: str) -> None:
        os.write(self.sandbox.output_write, text.encode())

    def exit(self, end: Exit) -> None:
        self.hang_up()
        self.sandbox.end(end)


Play = Callable[[Runtime], Coroutine[Any, Any, None]]


async def echo(runtime: Runtime) -> None:
    """A runtime that answers every event with itself."""
    while True:
        event = await runtime.next()
        await runtime.respond(event, event.body)


class Crowd:
    """A runtime that answers events with themselves, once so many are there at the same moment:
    so each of them has an environment of its own."""

    def __init__(self) -> None:
        self._meeting = asyncio.Barrier(1)

    def expect(self, count: int) -> None:
        """That many come next."""
        self._meeting = asyncio.Barrier(count)

    async def __call__(self, runtime: Runtime) -> None:
        while True:
            event = await runtime.next()
            await self._meeting.wait()
            await runtime.respond(event, event.body)


class PlayedSandbox:
    """A Sandbox whose process is a coroutine of the test's."""

    def __init__(self, spec: SandboxSpec, play: Play, driver: PlayedDriver) -> None:
        self.spec = spec
        self._driver = driver
        self.terminated = False
        self.on_terminate: Callable[[], None] = lambda: None
        self.environment_id = spec.environment_id
        self.runtime_listener = socket.create_server(("127.0.0.1", 0))
        self.runtime_listener.setblocking(False)
        self.platform_listener: socket.socket | None = None
        self.output_fd, self.output_write = os.pipe()
        self.telemetry_fd, self.telemetry_write = os.pipe()
        for fd in (self.output_fd, self.telemetry_fd):
            os.set_blocking(fd, False)
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.frozen = False
        self.freezes = 0
        self.killed = False
        self.memory = 40 * 1024 * 1024
        self._task = asyncio.get_running_loop().create_task(self._play(play))

    async def _play(self, play: Play) -> None:
        runtime = Runtime(self)
        try:
            await play(runtime)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            runtime.hang_up()

    def freeze(self) -> None:
        self.frozen = True
        self.freezes += 1

    def thaw(self) -> None:
        self.frozen = False

    def memory_peak_bytes(self) -> int:
        return self.memory

    def end(self, end: Exit) -> None:
        if not self.exited.done():
            self.exited.set_result(end)

    def terminate(self) -> None:
        self.terminated = True
        self.on_terminate()

    async def connect(self, port: int) -> socket.socket:
        connection = socket.socket()
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        return connection

    async def kill(self, *, keep_tmp: bool = False) -> Exit:
        if not self.killed:
            self.killed = True
            await self._driver.on_kill()
            if keep_tmp:
                self._driver.kept.add(self.environment_id)
            self._task.cancel()
            await asyncio.wait([self._task])
            self.end(Exit(None, 9))
            self.runtime_listener.close()
            for fd in (
                self.output_fd,
                self.output_write,
                self.telemetry_fd,
                self.telemetry_write,
            ):
                os.close(fd)
        return await self.exited


async def _at_once() -> None:
    pass


class PlayedDriver:
    """A Driver for PlayedSandboxes. `plays` are used in order, the last one for ever."""

    tier = Tier.PROCESS
    missing_layers: Sequence[str] = ()

    def __init__(self, *plays: Play) -> None:
        self.plays = list(plays) or [echo]
        self.sandboxes: list[PlayedSandbox] = []
        self.kept: set[EnvironmentId] = set()
        """Ended ones whose /tmp is kept."""
        self.on_kill: Callable[[], Coroutine[Any, Any, object]] = _at_once
        self.refusal: str | None = None

    async def start(self) -> None:
        pass

    async def prepare(self, pack: RuntimePack) -> None:
        pass

    async def create(self, spec: SandboxSpec) -> Sandbox:
        if self.refusal is not None:
            raise SandboxError(self.refusal)
        play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
        if spec.heir_of is not None:
            self.kept.remove(spec.heir_of)
        sandbox = PlayedSandbox(spec, play, self)
        self.sandboxes.append(sandbox)
        return sandbox

    def why_no_template(self, spec: SandboxSpec) -> str | None:
        return "a play is not forked"

    def discard(self, environment_id: EnvironmentId) -> None:
        self.kept.discard(environment_id)

    async def close(self) -> None:
        assert all(sandbox.killed for sandbox in self.sandboxes)
        assert not self.kept

    @property
    def alive(self) -> int:
        return sum(not sandbox.killed for sandbox in self.sandboxes)
