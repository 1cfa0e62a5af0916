"""One connection on the way out: what comes in on one side goes out on the other.

Owns its buffers, half-closed sides and end. May not: judge where it goes. What a side sends is
read while the other one takes it, so a passage holds at most two buffers, and nothing once it is
over.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

_BUFFER_BYTES = 65_536
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
Ready = Callable[[int], None]


class Waiter(Protocol):
    """Who waits for something."""

    def give_up(self) -> None:
        """It has taken too long."""


class Patience:
    """Who waits, and for how long at most: all of them equally long."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._until: dict[Waiter, float] = {}
        """In order."""

    def begin(self, who: Waiter) -> None:
        self._until[who] = time.monotonic() + self._limit_s

    def end(self, who: Waiter) -> None:
        """It came, or nobody waits for it any more."""
        self._until.pop(who, None)

    def left_s(self) -> float | None:
        """Until the first one gives up; None if nobody waits."""
        for until in self._until.values():
            return max(0.0, until - time.monotonic())
        return None

    def expire(self) -> None:
        """Those give up whose time is over."""
        while self.left_s() == 0.0:
            who = next(iter(self._until))
            del self._until[who]
            who.give_up()


class Events(Protocol):
    """Whoever waits for all sockets."""

    def watch(self, sock: socket.socket, events: int, ready: Ready) -> None:
        """Call back on these events from now on; 0: on none."""

    def close(self, sock: socket.socket) -> None:
        """Close, and call back no more."""


class Passage:
    """One connection, from an environment (`inside`) to the world (`outside`)."""

    def __init__(
        self,
        events: Events,
        patience: Patience,
        inside: socket.socket,
        outside: socket.socket,
        ended: Callable[[Passage], None],
    ) -> None:
        """`patience` is for the connection to be made; `ended` is called once."""
        self._events = events
        self._patience = patience
        self._inside, self._outside = inside, outside
        self._ended = ended
        self._waiting = {inside: bytearray(), outside: bytearray()}
        """What is still to be sent to a side."""
        self._finished: set[socket.socket] = set()
        """Sides that send no more."""
        self._connected = False
        self._over = False

    def connect(self, place: tuple[str, int]) -> None:
        """Begin."""
        code = self._outside.connect_ex(place)
        if code not in (0, errno.EINPROGRESS):
            self.end()
            return
        self._events.watch(self._outside, _WRITE, self._made)
        self._patience.begin(self)

    def give_up(self) -> None:
        self.end()

    def end(self) -> None:
        """Both sides are closed, whatever they had to say. Idempotent."""
        if self._over:
            return
        self._over = True
        self._patience.end(self)
        self._waiting.clear()
        if not self._connected:
            linger_not(self._inside)
        self._events.close(self._inside)
        self._events.close(self._outside)
        self._ended(self)

    def _made(self, _: int) -> None:
        if self._outside.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.end()
            return
        self._connected = True
        self._patience.end(self)
        self._rewatch()

    def _other(self, side: socket.socket) -> socket.socket:
        return self._outside if side is self._inside else self._inside

    def _rewatch(self) -> None:
        """Read a side while the other takes what it sends; write where something waits."""
        for side in (self._inside, self._outside):
            room = len(self._waiting[self._other(side)]) < _BUFFER_BYTES
            events = _READ if room and side not in self._finished else 0
            events |= _WRITE if self._waiting[side] else 0
            self._events.watch(side, events, partial(self._ready, side))

    def _ready(self, side: socket.socket, ready: int) -> None:
        try:
            if ready & _WRITE:
                self._send(side)
            if ready & _READ:
                self._receive(side)
        except BlockingIOError:
            return
        except OSError:
            self.end()
            return
        if len(self._finished) == 2 and not any(self._waiting.values()):
            self.end()
        elif not self._over:
            self._rewatch()

    def _receive(self, side: socket.socket) -> None:
        other = self._other(side)
        data = side.recv(_BUFFER_BYTES - len(self._waiting[other]))
        if data:
            self._waiting[other] += data
            self._send(other)
            return
        self._finished.add(side)
        if not self._waiting[other]:
            other.shutdown(socket.SHUT_WR)

    def _send(self, side: socket.socket) -> None:
        waiting = self._waiting[side]
        with contextlib.suppress(BlockingIOError):
            del waiting[: side.send(waiting)]
        if not waiting and self._other(side) in self._finished:
            side.shutdown(socket.SHUT_WR)


def linger_not(sock: socket.socket) -> None:
    """When it is closed, the other side sees a reset, not an orderly end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
