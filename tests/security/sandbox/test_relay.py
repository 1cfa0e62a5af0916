"""The relay of the way out under attack: by functions that take all they can and leave it held, and
by strangers who answer for a name server. Sockets are real; where a connection was bound for, which
only the kernel of an environment's own network can tell, is told by the test."""

from __future__ import annotations

import errno
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from lambdad.guest import channel
from lambdad.sandbox.jailer import relay
from lambdad.sandbox.jailer.relay import Relay, is_own

NAME_SERVER = "127.0.0.77"
WAIT_S = 30.0
FEW_DESCRIPTORS = """
import resource, socket, sys
from lambdad.sandbox.jailer import relay
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
relay.serve(socket.socket(fileno=int(sys.argv[1])), [])
"""


class Everywhere:
    """Functions may connect to the test itself."""

    def allows(self, text: str) -> bool:
        return True


class World:
    """A relay, and the machine at the other end of its connections."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, sockets: int) -> None:
        self.machine = socket.create_server(("127.0.0.1", 0))
        self.machine.settimeout(WAIT_S)
        place = self.machine.getsockname()
        monkeypatch.setattr(relay, "_original_destination", lambda _: place)
        self.jailer, control = channel.pair()
        self._places: dict[int, tuple[tuple[str, int], tuple[str, int]]] = {}
        self._held: list[socket.socket] = []
        served = Relay(control, Everywhere(), [NAME_SERVER], sockets)  # type: ignore[arg-type]
        self._thread = threading.Thread(target=served.run)
        self._thread.start()

    def environment(self, slot: int) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        resolver.bind(("127.0.0.1", 0))
        self._places[slot] = (listener.getsockname(), resolver.getsockname())
        with listener, resolver:
            channel.send(self.jailer, {"serve": slot}, [listener.fileno(), resolver.fileno()])

    def drop(self, slot: int) -> None:
        channel.send(self.jailer, {"drop": slot})

    def connect(self, slot: int) -> socket.socket | None:
        """A connection from inside, once it has reached the machine; None if it is refused."""
        inside = socket.create_connection(self._places[slot][0], WAIT_S)
        try:
            inside.sendall(b"x")
            outside, _ = self.machine.accept()
        except OSError:
            return None
        outside.settimeout(WAIT_S)
        assert outside.recv(1) == b"x"
        outside.sendall(b"y")
        assert inside.recv(1) == b"y"
        self._held.append(inside)
        return outside

    def refuses(self, slot: int) -> bool:
        """The refusal may come while the connection is still being looked at, or after that."""
        try:
            with socket.create_connection(self._places[slot][0], WAIT_S) as inside:
                return inside.recv(1) == b""
        except ConnectionResetError:
            return True

    def asker(self, slot: int) -> socket.socket:
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asker.settimeout(WAIT_S)
        asker.connect(self._places[slot][1])
        return asker

    def close(self) -> None:
        self.jailer.close()
        self._thread.join(WAIT_S)
        for sock in (*self._held, self.machine):
            sock.close()


@pytest.fixture
def sockets() -> int:
    return 1000


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, sockets: int) -> Iterator[World]:
    world = World(monkeypatch, sockets)
    yield world
    world.close()


def test_connections_end_with_their_environment(world: World) -> None:
    """Held open from outside, they would take the way out from whoever gets the slot next."""
    world.environment(1)
    outside = world.connect(1)
    assert outside is not None
    world.drop(1)
    assert outside.recv(1) == b""


@pytest.mark.parametrize("sockets", [16])
def test_one_environment_leaves_room_for_another(world: World) -> None:
    for slot in (1, 2):
        world.environment(slot)
    greedy = [world.connect(1) for _ in range(4)]
    assert None not in greedy
    assert world.refuses(1)
    assert world.connect(2) is not None
    world.drop(1)
    assert [each.recv(1) for each in greedy if each is not None] == [b""] * 4
    world.environment(3)
    assert world.connect(3) is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be a name server")
def test_nobody_answers_for_the_name_server(world: World) -> None:
    world.environment(1)
    with (
        world.asker(1) as asker,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        server.bind((NAME_SERVER, 53))
        server.settimeout(WAIT_S)
        asker.send(b"where is it?")
        question, port = server.recvfrom(512)
        assert question == b"where is it?"
        stranger.sendto(b"forged", ("127.0.0.1", port[1]))
        server.sendto(b"there", port)
        assert asker.recv(512) == b"there"


def test_a_flood_of_questions_ends_nobody() -> None:
    """The jailer ends with the relay, and every environment with the jailer."""
    ours, theirs = channel.pair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", FEW_DESCRIPTORS, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
        )
    with (
        ours,
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker,
    ):
        resolver.bind(("127.0.0.1", 0))
        for _ in range(100):
            asker.sendto(b"?", resolver.getsockname())
        resolver.setblocking(False)
        channel.send(ours, {"serve": 1}, [listener.fileno(), resolver.fileno()])
        while select.select([resolver], [], [], 0.1)[0] and process.poll() is None:
            pass
    assert process.wait(WAIT_S) == 0


def test_an_address_that_cannot_be_probed_is_taken_for_our_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert is_own("127.0.0.1")
    assert not is_own("1.1.1.2")

    def exhausted(*_: object) -> None:
        raise OSError(errno.EMFILE, "no descriptor is left")

    monkeypatch.setattr(socket, "socket", exhausted)
    assert is_own("1.1.1.2")
