"""One batch of telemetry on its way to its subscriber.

`connect` reaches nothing but the environment that the subscriber is in, so it does not matter
which port and path a function names. May not: know what is in a batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

from lambdad.runtime.telemetry_subscription import Subscription

Connect = Callable[[int], Awaitable[socket.socket]]
"""To a port inside the environment; the connection is non-blocking. Raises OSError."""
_TRIES = 5
_PAUSE_S = 0.2
"""Between two tries to reach a subscriber."""
_ANSWER_BYTES = 65_536
_REST_S = 0.025
"""After each batch, because a connection costs more than its subscriber: the shortest interval that
AWS lets one ask for."""


async def deliver(connect: Connect, subscription: Subscription, batch: bytes) -> None:
    """Take it there and, by HTTP, wait for the answer, whatever it is. Given up when nobody can be
    reached for a while. There is no time limit: an environment may be frozen in between, and who
    does not answer holds up nobody but itself."""
    message = batch if subscription.protocol == "TCP" else _post(subscription.path, batch)
    loop = asyncio.get_running_loop()
    for _ in range(_TRIES):
        with contextlib.suppress(OSError):
            with await connect(subscription.port) as connection:
                await loop.sock_sendall(connection, message)
                if subscription.protocol != "TCP":
                    await loop.sock_recv(connection, _ANSWER_BYTES)
            await asyncio.sleep(_REST_S)
            return
        await asyncio.sleep(_PAUSE_S)


def _post(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: sandbox.localdomain\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
