"""The way out: connections and name look-ups of environments, carried on from the host's network.

One process without any right, in the host's network namespace, holds a listener and a DNS socket
of every environment's namespace. The kernel turns each connection there to the listener; where it
was bound for is judged (`destinations.py`), and what is allowed is connected and copied, within
bounds. There are no links, routes or rules on the host.

jailer → relay, over a channel:

    {"serve": slot} + listener, DNS socket
    {"drop": slot}
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import os
import selectors
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from lambdad.guest import channel
from lambdad.sandbox.destinations import Destinations

_ORIGINAL_DESTINATION = 80
_BUFFER_BYTES = 65_536
_DATAGRAM_BYTES = 4096
_ANSWER_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 20.0
CONNECTIONS_PER_ENVIRONMENT = 256
QUERIES_PER_ENVIRONMENT = 64
_NAMESERVERS = 3
"""As many as resolvers look at (resolv.conf(5))."""
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
Ready = Callable[[int], None]


def nameservers(text: str) -> list[str]:
    """The IPv4 name servers of a resolv.conf."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and ":" not in words[1]:
            found.append(words[1])
    return found[:_NAMESERVERS]


def is_own(address: str) -> bool:
    """Whether this machine has an address: only then something can be bound to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


class Relay:
    """Serves until the jailer hangs up."""

    def __init__(self, control: socket.socket, opened: Sequence[str]) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._timers_made = 0
        self._control = control
        self._destinations = Destinations(opened, is_own)
        self._nameservers = nameservers(Path("/etc/resolv.conf").read_text())
        self._environments: dict[int, tuple[socket.socket, socket.socket]] = {}
        self.connections: Counter[int] = Counter()
        self.queries: Counter[int] = Counter()
        self._running = True

    def run(self) -> None:
        """Until the jailer hangs up."""
        self.watch(self._control, _READ, lambda _: self._command())
        while self._running:
            timeout = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
            for key, events in self._selector.select(timeout):
                if self._selector.get_map().get(key.fd) is key:  # not closed by an earlier one
                    key.data(events)
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()

    def watch(self, sock: socket.socket, events: int, ready: Ready) -> None:
        """Call back on these events from now on; 0: on none."""
        known = sock.fileno() in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(sock)
        elif known:
            self._selector.modify(sock, events, ready)
        else:
            self._selector.register(sock, events, ready)

    def close(self, sock: socket.socket) -> None:
        """Close, and call back no more."""
        if sock.fileno() >= 0:
            self.watch(sock, 0, lambda _: None)
            sock.close()

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Call back once."""
        self._timers_made += 1
        heapq.heappush(self._timers, (time.monotonic() + delay_s, self._timers_made, action))

    def _command(self) -> None:
        try:
            message, fds = channel.receive(self._control)
        except channel.ChannelClosed:
            self._running = False
            return
        if "drop" in message:
            for sock in self._environments.pop(message["drop"], ()):
                self.close(sock)
            return
        slot = message["serve"]
        listener, resolver = (socket.socket(fileno=fd) for fd in fds)
        self._environments[slot] = (listener, resolver)
        self.watch(listener, _READ, lambda _: self._accept(slot, listener))
        self.watch(resolver, _READ, lambda _: self._ask(slot, resolver))

    def _accept(self, slot: int, listener: socket.socket) -> None:
        try:
            inside, _ = listener.accept()
        except OSError:  # gone again, or no descriptor is left
            return
        inside.setblocking(False)
        try:
            place = _original_destination(inside)
            if self.connections[slot] >= CONNECTIONS_PER_ENVIRONMENT:
                raise OSError(errno.EMFILE, "too many connections")
            if not self._destinations.allows(place[0]):
                raise PermissionError(place[0])
            outside = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        except OSError:
            _reset(inside)
            return
        outside.setblocking(False)
        self.connections[slot] += 1
        Passage(self, inside, outside, lambda: self.connections.subtract([slot])).connect(place)

    def _ask(self, slot: int, resolver: socket.socket) -> None:
        try:
            query, asker = resolver.recvfrom(_DATAGRAM_BYTES)
        except OSError:
            return
        if not self._nameservers or self.queries[slot] >= QUERIES_PER_ENVIRONMENT:
            return  # the asker asks again
        upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        upstream.setblocking(False)
        self.queries[slot] += 1

        def end() -> None:
            if upstream.fileno() >= 0:
                self.close(upstream)
                self.queries[slot] -= 1

        def answer(_: int) -> None:
            with contextlib.suppress(OSError):
                resolver.sendto(upstream.recv(_DATAGRAM_BYTES), asker)
            end()

        self.watch(upstream, _READ, answer)
        self.later(_ANSWER_TIMEOUT_S, end)
        for server in self._nameservers:  # the fastest answers; only its answer is awaited
            with contextlib.suppress(OSError):
                upstream.sendto(query, (server, 53))


class Passage:
    """One connection: what comes in on one side goes out on the other."""

    def __init__(
        self,
        relay: Relay,
        inside: socket.socket,
        outside: socket.socket,
        ended: Callable[[], None],
    ) -> None:
        self._relay = relay
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
            self._end()
            return
        self._relay.watch(self._outside, _WRITE, self._made)
        self._relay.later(CONNECT_TIMEOUT_S, self._give_up)

    def _give_up(self) -> None:
        if not self._connected:
            self._end()

    def _made(self, _: int) -> None:
        if self._outside.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._end()
            return
        self._connected = True
        self._rewatch()

    def _other(self, side: socket.socket) -> socket.socket:
        return self._outside if side is self._inside else self._inside

    def _rewatch(self) -> None:
        """Read a side while the other takes what it sends; write where something waits."""
        for side in (self._inside, self._outside):
            room = len(self._waiting[self._other(side)]) < _BUFFER_BYTES
            events = _READ if room and side not in self._finished else 0
            events |= _WRITE if self._waiting[side] else 0
            self._relay.watch(side, events, partial(self._ready, side))

    def _ready(self, side: socket.socket, ready: int) -> None:
        try:
            if ready & _WRITE:
                self._send(side)
            if ready & _READ:
                self._receive(side)
        except BlockingIOError:
            return
        except OSError:
            self._end()
            return
        if len(self._finished) == 2 and not any(self._waiting.values()):
            self._end()
        elif not self._over:
            self._rewatch()

    def _receive(self, side: socket.socket) -> None:
        data = side.recv(_BUFFER_BYTES)
        other = self._other(side)
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

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        if not self._connected:
            _linger_not(self._inside)
        self._relay.close(self._inside)
        self._relay.close(self._outside)
        self._ended()


def _original_destination(sock: socket.socket) -> tuple[str, int]:
    """Where a redirected connection was bound for. Raises OSError for one that was not."""
    place = sock.getsockopt(socket.IPPROTO_IP, _ORIGINAL_DESTINATION, 16)
    (port,) = struct.unpack_from(">H", place, 2)
    return socket.inet_ntoa(place[4:8]), port


def _linger_not(sock: socket.socket) -> None:
    """The other side sees a reset, not an orderly end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _reset(sock: socket.socket) -> None:
    _linger_not(sock)
    sock.close()


def serve(control: socket.socket, opened: Sequence[str]) -> None:
    """Be the relay."""
    os.set_blocking(control.fileno(), True)
    Relay(control, opened).run()
