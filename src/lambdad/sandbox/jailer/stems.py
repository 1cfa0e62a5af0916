"""Stems of one runtime pack: shells whose command was started ahead (`guest/stem.py`).

Where a pack's command cannot wait itself, they run `guest/init/wait`, which becomes any. A stem is
made in one of the pack's spare shells, which it takes like an environment does. There are some
while the pack is in use and the machine has memory to spare; an environment that finds none is
started in the ordinary way. May not know about environments.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from lambdad.guest import channel
from lambdad.sandbox.jailer.loop import Loop
from lambdad.sandbox.jailer.memory import available_percent
from lambdad.sandbox.jailer.programs import load_program
from lambdad.sandbox.jailer.shell import Shell

_QUIET_S = 0.05
"""How long after a start the next stem is made: starting one takes a processor for that long, and
the new environment goes first."""
_LOOK_S = 10.0
"""How often it is asked whether they are still worth their memory."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How many are kept of a pack, and when none is."""

    count: int
    idle_s: float
    memory_percent: int
    """Of the machine's memory that must be available."""


class Stems:
    """The stems of one pack. A customer of the pack for the shells that they are made in."""

    def __init__(
        self, loop: Loop, ahead: dict[str, Any], keeping: Keeping, ask: Callable[[Stems], None]
    ) -> None:
        self._loop = loop
        self._ahead = ahead
        self._program = None if ahead["argv"] is not None else load_program("wait")
        self._keeping = keeping
        self._ask = ask
        self._coming = False
        self._making: Shell | None = None
        self._ready: deque[Shell] = deque()
        self._used_at = 0.0
        self._looking = False

    def take(self) -> Shell | None:
        """The shell of a stem, for an environment; None where there is none. Others follow."""
        self._used_at = time.monotonic()
        self._loop.later(_QUIET_S, self._refill)
        if self._making is not None and self._making.stem is not None:
            with contextlib.suppress(BlockingIOError):  # it may have spoken already
                if self._making.stem.recv(1, socket.MSG_PEEK):
                    self._said(self._making)
        while self._ready:
            shell = self._ready.popleft()
            self._leave(shell)
            if shell.waits:
                return shell
            shell.kill()
        return None

    def _refill(self) -> None:
        """Make one more when there are fewer than wanted; the next when that is there."""
        if not self._coming and len(self._ready) < self._keeping.count and self._worth_it():
            self._coming = True
            self._ask(self)

    def _worth_it(self) -> bool:
        idle_s = time.monotonic() - self._used_at
        if idle_s >= self._keeping.idle_s:
            return False
        return available_percent() >= self._keeping.memory_percent

    # -- as a customer of the pack ------------------------------------------------------------

    def start(self, shell: Shell) -> None:
        """Have the command started in this shell."""
        assert shell.child is not None
        self._making = shell
        ends = shell.make_stem()
        assert shell.stem is not None
        shell.on_child_end = lambda status: self._lost(shell)
        shell.ended = partial(self._shell_ended, shell, shell.ended)
        self._loop.read(shell.stem.fileno(), partial(self._said, shell))
        program = [] if self._program is None else [self._program]
        try:
            channel.send(shell.child, {"ahead": self._ahead}, [*ends, *program])
        except (OSError, channel.ChannelClosed):
            self._lost(shell)
            shell.kill()
        finally:
            channel.close_all(ends)

    def fail(self, reason: str, lost: bool = False) -> None:
        """There is no shell for one. Whoever needs the next environment hears why."""
        self._coming = False

    # -- what happens to them -----------------------------------------------------------------

    def _said(self, shell: Shell) -> None:
        """The stem, when it waits; whatever else it says is its end."""
        assert shell.stem is not None
        try:
            word = shell.stem.recv(1)
        except OSError:
            word = b""
        if shell is not self._making or not word:
            self._lost(shell)
            shell.kill()
            return
        self._making, self._coming = None, False
        self._ready.append(shell)
        self._refill()
        if not self._looking:
            self._looking = True
            self._loop.later(_LOOK_S, self._look)

    def _shell_ended(self, shell: Shell, ended: Callable[[], None]) -> None:
        self._lost(shell)
        ended()

    def _lost(self, shell: Shell) -> None:
        """It ended, or is to. The next one is made after the next start."""
        if shell is self._making:
            self._making, self._coming = None, False
        elif shell in self._ready:
            self._ready.remove(shell)
        else:
            return
        self._leave(shell)

    def _leave(self, shell: Shell) -> None:
        assert shell.stem is not None
        self._loop.forget(shell.stem.fileno())

    def _look(self) -> None:
        if not self._worth_it():
            for shell in list(self._ready):
                self._lost(shell)
                shell.kill()
        self._looking = bool(self._ready)
        if self._looking:
            self._loop.later(_LOOK_S, self._look)
