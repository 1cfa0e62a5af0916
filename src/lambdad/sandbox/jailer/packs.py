"""What the jailer keeps ready for one runtime pack: its root, its zygote, spare shells.

A spare shell has a child of the zygote waiting in it, so that creating an environment is a message
to a process that is already where it belongs. Shells are built again in quiet moments. May not know
about environments.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from lambdad.guest import channel
from lambdad.sandbox.jailer.builders import Blueprint, Builders
from lambdad.sandbox.jailer.loop import Loop
from lambdad.sandbox.jailer.root import enter_new_root
from lambdad.sandbox.jailer.shell import Shell
from lambdad.sandbox.jailer.stems import Keeping, Stems
from lambdad.sandbox.jailer.zygotes import Recipe, Zygote

_QUIET_S = 0.004
"""How long after a shell was taken the next one is built: the new environment goes first."""
_GUEST = Path(__file__).parents[2] / "guest"


class Customer(Protocol):
    """Who wants a shell: gets one, or a reason why not (`lost`: the process that waited in it had
    ended, so that another may do)."""

    def start(self, shell: Shell) -> None: ...
    def fail(self, reason: str, lost: bool = False) -> None: ...


Plan = tuple[Shell, Blueprint]


class Pack:
    """Root, zygote and spare shells of one pack."""

    def __init__(
        self,
        loop: Loop,
        recipe: Recipe,
        builders: Builders,
        plan: Callable[[Pack, int | None], Plan],
        keeping: Keeping,
    ) -> None:
        """`plan` says what a shell is built from, in a given slot or in a free one."""
        self.recipe = recipe
        self.root = -1
        self.wanted_spares = 0
        self._loop = loop
        self._builders = builders
        self._plan = plan
        self._zygote: Zygote | None = None
        self._waiting: deque[Customer] = deque()
        self._spare: deque[Shell] = deque()
        self._empty: list[Shell] = []
        """Built, but without a child as long as the zygote is not ready."""
        self._stems: Stems | None = None
        if recipe.ahead is not None:
            self._stems = Stems(loop, recipe.ahead, keeping, self.serve)
        self._coming: set[Shell] = set()
        """Not spare yet."""
        self._reserved: dict[Shell, Customer] = {}
        """Being built for a customer that no other shell will do for."""
        self._numbers = itertools.count()
        self._children: dict[int, Shell] = {}
        """By number of the fork request, until the zygote told how the child ended: the kernel may
        tell of the shell's end before."""

    def make_root(self, trees: Sequence[tuple[int, str]]) -> None:
        """Build the root in a child and keep its mount namespace. Raises OSError. Blocks for the
        milliseconds that it takes."""
        ours, theirs = channel.pair()

        def run() -> int:
            try:
                enter_new_root(trees, _GUEST)
                own = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
                channel.send(theirs, {"made": True}, [own])
            except OSError as error:
                channel.send(theirs, {"failed": str(error)})
            return 0

        self._loop.fork(run, lambda status: None)
        theirs.close()
        with ours:
            message, fds = channel.receive(ours)
        if "failed" in message:
            raise OSError(f"root of {self.recipe.name}: {message['failed']}")
        self.root = fds[0]

    @property
    def has_zygote(self) -> bool:
        """Whether one runs or is starting."""
        return self._zygote is not None

    def start_zygote(self, greeting: dict[str, Any], answer: Callable[[str | None], None]) -> None:
        """Start a zygote; `answer` gets None when it is ready, or why it never was."""
        zygote = Zygote(self._loop, self.recipe, self.root, greeting)
        zygote.said = lambda message: self._zygote_said(message, answer)
        zygote.ended = lambda: self._zygote_ended(zygote, answer)
        self._zygote = zygote

    def serve(self, customer: Customer, *, may_take_stem: bool = False) -> None:
        """Give the customer a shell, now or when there is one."""
        stem = self._stems.take() if may_take_stem and self._stems is not None else None
        if stem is not None:
            customer.start(stem)
            return
        self._waiting.append(customer)
        self.match()

    def serve_in(self, slot: int | None, customer: Customer, *, bound: bool = True) -> None:
        """Give the customer a shell that is built for it, in this slot or a free one. Not `bound`:
        the process that waits in it has the rights with which it was forked."""
        self._build(slot, customer, bound)

    def forget(self, customer: Customer) -> None:
        """The customer waits no longer."""
        if customer in self._waiting:
            self._waiting.remove(customer)
        for shell in [shell for shell, whose in self._reserved.items() if whose is customer]:
            del self._reserved[shell]
            shell.kill()

    def match(self) -> None:
        """Hand out what is there, build what lacks."""
        while self._waiting and self._spare:
            shell = self._spare.popleft()
            if shell.waits:
                self._waiting.popleft().start(shell)
            else:  # its end is still to be noticed
                shell.kill()
        for _ in range(len(self._waiting) - len(self._coming)):
            self._build()
        self._loop.later(_QUIET_S, self._refill)

    def _refill(self) -> None:
        """Build one more when fewer are spare than wanted; the next when that is there."""
        if not self._coming and len(self._spare) < self.wanted_spares:
            self._build()

    def _build(
        self, slot: int | None = None, customer: Customer | None = None, bound: bool = True
    ) -> None:
        try:
            shell, blueprint = self._plan(self, slot)
        except OSError as error:
            if customer is None and self._waiting:
                customer = self._waiting.popleft()
            if customer is not None:
                customer.fail(str(error))
            return
        shell.starts_ahead = bound and self.recipe.interpreter is not None
        if customer is None:
            self._coming.add(shell)
        else:
            self._reserved[shell] = customer
        self._builders.build(blueprint, partial(self._built, shell))

    def _built(self, shell: Shell, message: dict[str, Any], fds: list[int]) -> None:
        wanted = shell in self._coming or shell in self._reserved
        if "failed" in message:
            if wanted:
                self._give_up(shell, message["failed"])
            self._shell_ended(shell)
            return
        shell.pidfd, *fds = fds
        self._loop.read(shell.pidfd, partial(self._shell_ended, shell))
        shell.runtime, *fds = fds
        if message["platform"]:
            shell.platform, *fds = fds
        if message["way_out"]:
            listener, resolver, *fds = fds
            shell.opened([listener, resolver])
            channel.close_all([listener, resolver])
        shell.proc, *tmp = fds
        shell.tmp = tmp[0] if tmp else -1
        if not wanted:
            shell.kill()  # whom it was built for has given up meanwhile
            return
        self._empty.append(shell)
        if self._zygote is not None and self._zygote.ready:
            self._populate()

    def _populate(self) -> None:
        """Have a child forked into every shell that is still empty."""
        assert self._zygote is not None
        empty, self._empty = self._empty, []
        for shell in empty:
            ours, theirs = channel.pair()
            ours.setblocking(False)
            shell.child = ours
            groups = shell.group.open_entries()
            ends = shell.make_stem() if shell.starts_ahead else []
            try:
                number = next(self._numbers)
                request = {"fork": number, "uid": shell.uid, "stem": shell.starts_ahead}
                self._zygote.fork(request, [shell.pidfd, theirs.fileno(), *ends, *groups])
                self._children[number] = shell
                self._loop.read(ours.fileno(), partial(self._child_said, shell))
            except OSError as error:
                self._give_up(shell, str(error))
            finally:
                theirs.close()
                channel.close_all([*ends, *groups])

    def _child_said(self, shell: Shell) -> None:
        """The child of a shell that is not handed out yet."""
        assert shell.child is not None
        try:
            message, _ = channel.receive(shell.child)
        except channel.ChannelClosed:
            message = {"failed": "its process ended", "lost": True}
        if "waiting" in message:
            self._loop.forget(shell.child.fileno())
            if customer := self._reserved.pop(shell, None):
                customer.start(shell)
                return
            self._coming.discard(shell)
            self._spare.append(shell)
            self.match()
        else:
            self._give_up(shell, message["failed"], lost="lost" in message)

    def _give_up(self, shell: Shell, reason: str, lost: bool = False) -> None:
        if shell.child is not None:
            self._loop.forget(shell.child.fileno())
        shell.kill()
        reason = f"a shell could not be built: {reason}"
        if customer := self._reserved.pop(shell, None):
            customer.fail(reason, lost)
            return
        self._coming.discard(shell)
        if self._waiting:
            self._waiting.popleft().fail(reason, lost)
            self.match()

    def _shell_ended(self, shell: Shell) -> None:
        self._loop.forget(shell.pidfd)
        for group in (self._spare, self._empty):
            if shell in group:
                group.remove(shell)
        self._coming.discard(shell)
        shell.dead = True
        shell.ended()

    def _zygote_said(self, message: dict[str, Any], answer: Callable[[str | None], None]) -> None:
        if "ready" in message:
            answer(None)
            self._populate()
        elif shell := self._children.pop(message.get("child", -1), None):
            if "exit" in message:
                shell.child_ended(message["exit"])
            else:
                self._give_up(shell, message["failed"])

    def _zygote_ended(self, zygote: Zygote, answer: Callable[[str | None], None]) -> None:
        """Its children go with it: nobody else can report how they end."""
        self._zygote = None
        if not zygote.was_ready:
            answer(zygote.reason)
        waiting, self._waiting = [*self._waiting, *self._reserved.values()], deque()
        reserved, self._reserved = list(self._reserved), {}
        for shell in reserved:
            shell.kill()
        for customer in waiting:
            customer.fail(zygote.reason)
        self._spare.clear()
        children, self._children = list(self._children.values()), {}
        for shell in children:
            shell.child_ended(signal.SIGKILL)
