"""A server's life: take the data directory, bind, build, serve, say so, stop in order.

Start order makes every failure clear and harmless: nothing is built before the directory and the
port are ours, and readiness is announced when requests are really being answered.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import uvloop

from lambdad import __version__
from lambdad.core.errors import OperatorError
from lambdad.sandbox.driver import Tier
from lambdad.server.config import Config
from lambdad.server.door import bind, make_door
from lambdad.server.place import RunningServer, announce, occupied
from lambdad.server.service_user import ServiceUser, become, hand_over, obstacle, service_user
from lambdad.server.walls import Walls, choose_walls, raise_walls

if TYPE_CHECKING:
    from lambdad.server.wiring import Running

_log = logging.getLogger(__name__)
_SWITCH_INTERVAL_S = 0.0005
"""How long a storage thread may keep the interpreter from the event loop. Python's own 5 ms would
be the p99 of a warm invoke."""


def serve(config: Config, announce_ready: Callable[[RunningServer], None]) -> None:
    """Run a server until SIGTERM or SIGINT. `announce_ready` is called once, when it answers.

    Raises OperatorError if it cannot start."""
    config.check()
    gc.disable()  # what is made until it is ready stays; looking through it would take time
    _allow_many_files()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    choice = choose_walls(config)
    user = None if choice.tier is Tier.HARDENED_PROCESS else _whom_to_become(config)
    with occupied(config.data_dir), bind(config.listen) as sock:
        door = make_door(sock, config.listen)
        walls = raise_walls(choice)
        # Most of lambdad is imported while the keeper starts.
        from lambdad.server.wiring import running

        if user is not None:
            hand_over(config.data_dir, user)
            become(user)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(config, running(config, door, walls), walls, announce_ready))


def _whom_to_become(config: Config) -> ServiceUser | None:
    """A user that the server can work as. Root is kept only where it is told so or has to be; and
    in tier C, where root gives each function a user that cannot reach lambdad."""
    user = service_user(config.sandbox.user)
    if user is None:
        return None
    reason = obstacle(user, config.data_dir)
    if reason is None:
        return user
    if config.sandbox.user is not None:
        raise OperatorError(f"lambdad cannot work as {user.name}: {reason}.")
    _log.warning("lambdad keeps root, as %s it could not work: %s", user.name, reason)
    return None


async def _serve(
    config: Config,
    application: AbstractAsyncContextManager[Running],
    walls: Walls,
    announce_ready: Callable[[RunningServer], None],
) -> None:
    stop, keeper_lost = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with application as running:

        def lose_keeper() -> None:
            keeper_lost.set()
            stop.set()

        walls.watch(lose_keeper)
        if config.access.accept_any_credentials:
            _log.warning("accepting any credentials: no signature is checked")
        server = RunningServer(
            pid=os.getpid(),
            endpoint=running.endpoint,
            version=__version__,
            tier=running.tier,
            accept_any_credentials=config.access.accept_any_credentials,
            tls_cert=str(config.listen.tls_cert.absolute()) if config.listen.tls_cert else None,
        )
        note = announce(config.data_dir, server)
        try:
            announce_ready(server)
            running.warm_up()
            gc.freeze()  # A full collection would look at all this again, for 20 ms each time.
            gc.enable()
            await stop.wait()
        finally:
            note.unlink(missing_ok=True)
            walls.unwatch()
    if keeper_lost.is_set():
        raise OperatorError(
            "The keeper of the jailer was killed, and lambdad has given up the rights to start "
            "another one. Start lambdad again; nothing that was accepted is lost."
        )


def _allow_many_files() -> None:
    """Every environment holds about seven descriptors, every client one: the customary soft limit
    of 1,024 is far too low. Environments get AWS's limit, whatever ours is."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def signal_ready(fd: int, server: RunningServer) -> None:
    """Tell a waiting script: the endpoint and a line feed, then end of file.

    Raises OperatorError if `fd` is not open."""
    try:
        os.write(fd, f"{server.endpoint}\n".encode())
        os.close(fd)
    except OSError as error:
        raise OperatorError(f"--ready-fd {fd} cannot be written ({error.strerror}).") from None


def log_to_stderr() -> None:
    """The server's own log: one line per event on stderr."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
