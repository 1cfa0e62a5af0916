"""The HTTP/1.1 server: listeners, the set of connections, deadlines, and an orderly end.

Owns sockets and time. What a request means is the App's business; how bytes become requests is
`gateway/reading.py`'s, and one connection's life `gateway/connection.py`'s.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time

from lambdad.core.limits import Limits
from lambdad.gateway.app import App
from lambdad.gateway.connection import Connection
from lambdad.gateway.reading import BodyBudget

_SWEEP_S = 1.0
_BACKLOG = 512
SANDBOX_PEER = "169.254.100.1"
"""Where functions call from, whatever address they chose in their own network: never loopback,
which belongs to the machine's users."""


class Gate:
    """One way in: how many connections and unfinished bodies may come through it at once."""

    def __init__(
        self, server: HttpServer, connections: int, budget: BodyBudget, peer: str | None = None
    ) -> None:
        self.app = server.app
        self.limits = server.limits
        self.budget = budget
        self.peer = peer
        self._server = server
        self._limit = connections
        self._count = 0

    def admit(self, connection: Connection) -> bool:
        """Count a connection in; False if there are too many or the server is closing."""
        if self._count >= self._limit or not self._server.enter(connection):
            return False
        self._count += 1
        return True

    def forget(self, connection: Connection) -> None:
        """Count a connection out, if it was in: it is closed and nothing runs for it any more."""
        if self._server.leave(connection):
            self._count -= 1

    def date(self) -> str:
        """The Date header of now."""
        return self._server.date()


class HttpServer:
    """Serves one App on any number of listening sockets. Single-threaded: the event loop's."""

    def __init__(self, app: App, limits: Limits) -> None:
        self.app = app
        self.limits = limits
        self._clients = Gate(self, limits.http_connections, BodyBudget(limits.http_buffered_bytes))
        self._sandboxes = BodyBudget(limits.http_buffered_bytes)
        self._closing = False
        self._connections: set[Connection] = set()
        self._listeners: set[asyncio.Server] = set()
        self._attached: dict[socket.socket, asyncio.Server] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._emptied = asyncio.Event()
        self._date = ""
        self._date_s = 0

    async def listen(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Serve a bound socket until this server is closed. Raises OSError."""
        await self._open(sock, self._clients, tls)

    async def attach(self, listener: socket.socket) -> None:
        """Serve a sandbox's own listening socket, until `detach`. What comes through it cannot
        use up what the server has for its clients."""
        limits = self.limits
        budget = BodyBudget(limits.sandbox_http_buffered_bytes, self._sandboxes)
        gate = Gate(self, limits.sandbox_http_connections, budget, SANDBOX_PEER)
        self._attached[listener] = await self._open(listener, gate)

    def detach(self, listener: socket.socket) -> None:
        """Accept nothing more on it. Idempotent."""
        server = self._attached.pop(listener, None)
        if server is not None:
            server.close()
            self._listeners.discard(server)

    async def close(self, grace_s: float) -> None:
        """Accept nothing more, let running requests end within `grace_s`, then cut the rest."""
        self._closing = True
        for listener in self._listeners:
            listener.close()
        for connection in tuple(self._connections):
            connection.close_when_idle()
        if self._connections:
            try:
                async with asyncio.timeout(grace_s):
                    await self._emptied.wait()
            except TimeoutError:
                await self._cut()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    async def _open(
        self, sock: socket.socket, gate: Gate, tls: ssl.SSLContext | None = None
    ) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            lambda: Connection(gate, loop),
            sock=sock,
            backlog=_BACKLOG,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else self.limits.http_header_timeout_s,
        )
        self._listeners.add(listener)
        return listener

    async def _cut(self) -> None:
        tasks = [c.task for c in self._connections if c.task is not None]
        for connection in tuple(self._connections):
            connection.abort()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What gates need of their server.

    def enter(self, connection: Connection) -> bool:
        """Take a connection into the sweep; False if the server is closing."""
        if self._closing:
            return False
        self._connections.add(connection)
        self._emptied.clear()
        if self._sweep is None:
            self._schedule_sweep()
        return True

    def leave(self, connection: Connection) -> bool:
        """The reverse; False if it was not in."""
        if connection not in self._connections:
            return False
        self._connections.remove(connection)
        if not self._connections:
            self._emptied.set()
        return True

    def date(self) -> str:
        """The Date header of now, made once a second."""
        now_s = int(time.time())
        if now_s != self._date_s:
            self._date_s = now_s
            self._date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now_s))
        return self._date

    def _schedule_sweep(self) -> None:
        self._sweep = asyncio.get_running_loop().call_later(_SWEEP_S, self._expire)

    def _expire(self) -> None:
        """End what is late. One timer for all: a timer per request would cost each of them."""
        self._sweep = None
        now = asyncio.get_running_loop().time()
        for connection in tuple(self._connections):
            if connection.deadline < now:
                connection.expire()
        if self._connections:
            self._schedule_sweep()
