"""The way out: connections and name look-ups of environments, carried on from the host's network.

One process without any right, in the host's network namespace, holds a listener and a DNS socket
of every environment's namespace. The kernel turns each connection there to the listener; where it
was bound for is judged (`destinations.py`), and what is allowed is connected and copied
(`passage.py`). There are no links, routes or rules on the host.

All environments share one process, and it must outlive each of them: what one holds is bounded,
leaves room for the others, and ends with it.

jailer → relay, over a channel:

    {"serve": slot} + listener, DNS socket
    {"drop": slot}
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import selectors
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lambdad.guest import channel, entering, syscalls
from lambdad.sandbox.destinations import Destinations
from lambdad.sandbox.jailer.passage import Passage, Patience, Ready, linger_not

_ORIGINAL_DESTINATION = 80
_DATAGRAM_BYTES = 4096
_DNS_PORT = 53
_ANSWER_TIMEOUT_S = 5.0
_CONNECT_TIMEOUT_S = 20.0
_CONNECTIONS_PER_ENVIRONMENT = 256
_QUERIES_PER_ENVIRONMENT = 64
_SOCKETS = 16_384
"""Of all connections (two each) and queries together. Full, they hold a gibibyte of data."""
_NAMESERVERS = 3
"""As many as resolvers look at (resolv.conf(5))."""
_READ = selectors.EVENT_READ


def nameservers(text: str) -> list[str]:
    """The IPv4 name servers of a resolv.conf, as addresses that answers come from."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            with contextlib.suppress(OSError):
                packed = socket.inet_aton(words[1])
                found.append(socket.inet_ntoa(packed) if any(packed) else "127.0.0.1")
    return found[:_NAMESERVERS]


def is_own(address: str) -> bool:
    """Whether this machine has an address, or may have: only then something can be bound to it."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError as error:
        return error.errno != errno.EADDRNOTAVAIL
    return True


def sockets_in_all() -> int:
    """Half of what this process may open; the environments' own sockets need the rest."""
    return min(_SOCKETS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


@dataclass(slots=True, eq=False)
class Environment:
    """What is held for one environment."""

    listener: socket.socket
    resolver: socket.socket
    passages: set[Passage] = field(default_factory=set)
    queries: set[Query] = field(default_factory=set)


class Relay:
    """Serves until the jailer hangs up."""

    def __init__(
        self,
        control: socket.socket,
        destinations: Destinations,
        servers: Sequence[str],
        sockets: int,
    ) -> None:
        """`servers` answer questions; `sockets` is the most for all environments together."""
        self._selector = selectors.DefaultSelector()
        self._control = control
        self._destinations = destinations
        self._servers = servers
        self._free = sockets
        self._environments: dict[int, Environment] = {}
        self._connecting = Patience(_CONNECT_TIMEOUT_S)
        self._asking = Patience(_ANSWER_TIMEOUT_S)
        self._running = True

    def run(self) -> None:
        """Until the jailer hangs up."""
        self.watch(self._control, _READ, lambda _: self._command())
        while self._running:
            waits = [patience.left_s() for patience in (self._connecting, self._asking)]
            left_s = min((wait for wait in waits if wait is not None), default=None)
            for key, events in self._selector.select(left_s):
                if self._selector.get_map().get(key.fd) is key:  # not closed by an earlier one
                    key.data(events)
            self._connecting.expire()
            self._asking.expire()

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

    def _command(self) -> None:
        try:
            message, fds = channel.receive(self._control)
        except channel.ChannelClosed:
            self._running = False
            return
        if "drop" in message:
            environment = self._environments.pop(message["drop"], None)
            if environment is not None:
                self._drop(environment)
            return
        listener, resolver = (socket.socket(fileno=fd) for fd in fds)
        environment = Environment(listener, resolver)
        self._environments[message["serve"]] = environment
        self.watch(environment.listener, _READ, lambda _: self._accept(environment))
        self.watch(environment.resolver, _READ, lambda _: self._ask(environment))

    def _drop(self, environment: Environment) -> None:
        """Nobody is inside any more. Whoever is at the other end of a connection need not have
        noticed: it could hold what the next environment is to have."""
        for passage in tuple(environment.passages):
            passage.end()
        for query in tuple(environment.queries):
            query.end()
        self.close(environment.listener)
        self.close(environment.resolver)

    def _accept(self, environment: Environment) -> None:
        try:
            inside, _ = environment.listener.accept()
        except OSError:  # gone again, or no descriptor is left
            return
        inside.setblocking(False)
        passages = environment.passages
        try:
            place = _original_destination(inside)
            if not self._has_room(len(passages), _CONNECTIONS_PER_ENVIRONMENT, 2):
                raise OSError(errno.EMFILE, "too many connections")
            if not self._destinations.allows(place[0]):
                raise PermissionError(place[0])
            outside = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        except OSError:
            linger_not(inside)
            inside.close()
            return
        outside.setblocking(False)

        def ended(passage: Passage) -> None:
            passages.discard(passage)
            self._free += 2

        passage = Passage(self, self._connecting, inside, outside, ended)
        passages.add(passage)
        self._free -= 2
        passage.connect(place)

    def _ask(self, environment: Environment) -> None:
        queries = environment.queries
        try:
            question, asker = environment.resolver.recvfrom(_DATAGRAM_BYTES)
            if not (self._servers and self._has_room(len(queries), _QUERIES_PER_ENVIRONMENT, 1)):
                return  # the asker asks again
            upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        except OSError:
            return
        upstream.setblocking(False)
        query = Query(self, environment, upstream, asker)
        queries.add(query)
        self._free -= 1
        self.watch(upstream, _READ, lambda _: query.answer(self._servers))
        self._asking.begin(query)
        query.send(question, self._servers)

    def answered(self, query: Query, environment: Environment) -> None:
        """A query is over."""
        self._asking.end(query)
        environment.queries.discard(query)
        self._free += 1

    def _has_room(self, held: int, most: int, sockets: int) -> bool:
        """Whether an environment that holds so many may have one more: never more than are left
        for all others, so that whoever comes last still gets one (Choudhury and Hahne, "Dynamic
        queue length thresholds", 1998)."""
        return held < min(most, self._free // sockets)


class Query:
    """A question to the name servers; the fastest answers, and only its answer is awaited."""

    def __init__(
        self, relay: Relay, environment: Environment, upstream: socket.socket, asker: Any
    ) -> None:
        self._relay = relay
        self._environment = environment
        self._upstream = upstream
        self._asker = asker

    def send(self, question: bytes, servers: Sequence[str]) -> None:
        """To all of them."""
        for server in servers:
            with contextlib.suppress(OSError):
                self._upstream.sendto(question, (server, _DNS_PORT))

    def answer(self, servers: Sequence[str]) -> None:
        """Hand on what has come, if it is from whom was asked: anybody can send to a port."""
        with contextlib.suppress(OSError):
            answer, (address, port) = self._upstream.recvfrom(_DATAGRAM_BYTES)
            if port != _DNS_PORT or address not in servers:
                return
            self._environment.resolver.sendto(answer, self._asker)
        self.end()

    def give_up(self) -> None:
        self.end()

    def end(self) -> None:
        """No answer is awaited. Idempotent."""
        if self._upstream.fileno() >= 0:
            self._relay.close(self._upstream)
            self._relay.answered(self, self._environment)


def _original_destination(sock: socket.socket) -> tuple[str, int]:
    """Where a redirected connection was bound for. Raises OSError for one that was not."""
    place = sock.getsockopt(socket.IPPROTO_IP, _ORIGINAL_DESTINATION, 16)
    (port,) = struct.unpack_from(">H", place, 2)
    return socket.inet_ntoa(place[4:8]), port


def serve(control: socket.socket, opened: Sequence[str]) -> None:
    """Be the relay."""
    os.set_blocking(control.fileno(), True)
    servers = nameservers(Path("/etc/resolv.conf").read_text())
    Relay(control, Destinations(opened, is_own), servers, sockets_in_all()).run()


def confine(uid: int, seccomp: bytes) -> None:
    """Become a process that may do nothing but use the sockets it is given and open others."""
    entering.give_up_rights(uid)
    syscalls.load_seccomp(seccomp)
