"""Speaking HTTP by hand: an HttpServer around a scripted app, and raw bytes to it."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import uvloop

from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.gateway.http import HttpServer
from lambdad.wire.http import Request, Response
from support.patience import PATIENCE_S

Answer = Callable[[Request], Awaitable[Response]]


class ScriptedApp:
    """Answers as told, and remembers what it was asked."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.seen: list[Request] = []
        self._answer = answer

    async def handle(self, request: Request) -> Response:
        self.seen.append(request)
        if self._answer is not None:
            return await self._answer(request)
        return Response(200, [("X-Path", request.path)], b"<" + request.body + b">")

    def refuse(self, request: Request | None, status: int, message: str) -> Response:
        return Response(status, [], message.encode())


class Peer:
    """The client's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers (lower case), body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        status = int(first.split(" ")[1])
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        if status < 200 or status in (204, 304) or method == "HEAD":
            return status, headers, b""
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, await self._chunks()
        if "content-length" in headers:
            return status, headers, await self.reader.readexactly(int(headers["content-length"]))
        return status, headers, await self.reader.read()

    async def closed(self) -> bytes:
        """What still comes until the server closes."""
        return await self.reader.read()

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        assert await self.reader.readline() == b"\r\n"
        return body


@dataclasses.dataclass
class Stage:
    """A server that is up, and the way to it."""

    server: HttpServer
    app: ScriptedApp
    port: int

    async def connect(self) -> Peer:
        return Peer(*await asyncio.open_connection("127.0.0.1", self.port))

    async def exchange(self, data: bytes) -> bytes:
        """Send bytes, and everything that comes back until the server closes."""
        peer = await self.connect()
        peer.send(data)
        everything = await peer.closed()
        peer.writer.close()
        return everything


def on_stage(
    play: Callable[[Stage], Coroutine[Any, Any, None]],
    answer: Answer | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> None:
    """Run `play` against a fresh server on uvloop."""

    async def run() -> None:
        app = ScriptedApp(answer)
        server = HttpServer(app, limits)
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        await server.listen(sock)
        try:
            stage = Stage(server, app, sock.getsockname()[1])
            await asyncio.wait_for(play(stage), PATIENCE_S)
        finally:
            await server.close(0.1)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def request(
    path: str = "/", body: bytes = b"", *, method: str = "POST", headers: str = ""
) -> bytes:
    """A well-formed request with a Content-Length."""
    head = f"{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body
