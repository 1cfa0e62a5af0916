"""Sockets of a sandbox's own network, which lambdad connects to what listens inside.

Whatever port a function names, such a socket gets no further than the function itself. The jailer
makes a few at once, when there are none left.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from lambdad.guest import channel
from lambdad.sandbox.driver import RUNTIME_API_ADDRESS


class InnerSockets:
    """Those of one sandbox that are not used yet."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._fds: list[int] = []
        self._asked: asyncio.Future[None] | None = None
        self._closed = False

    async def connect(self, port: int) -> socket.socket:
        """A connection, non-blocking. Raises OSError where nothing listens."""
        connection = await self._take()
        try:
            address = (RUNTIME_API_ADDRESS[0], port)
            await asyncio.get_running_loop().sock_connect(connection, address)
        except BaseException:
            connection.close()
            raise
        return connection

    async def _take(self) -> socket.socket:
        while not self._fds:
            if self._closed:
                raise ConnectionRefusedError("the sandbox has ended")
            if self._asked is None:
                self._asked = asyncio.get_running_loop().create_future()
                self._ask()
            await asyncio.shield(self._asked)
        taken = socket.socket(fileno=self._fds.pop())
        taken.setblocking(False)
        return taken

    def give(self, fds: list[int]) -> None:
        """The answer: sockets, or none if there will not be any more."""
        self._fds += fds
        self._closed = self._closed or not fds
        if self._asked is not None:
            self._asked.set_result(None)
            self._asked = None

    def close(self) -> None:
        """Idempotent."""
        fds, self._fds = self._fds, []
        channel.close_all(fds)
        self.give([])
