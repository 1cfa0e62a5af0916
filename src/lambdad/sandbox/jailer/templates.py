"""Templates in the jailer: processes that ran a function's init, and the environments forked from
them (SnapStart).

A template is an environment that may also join shells which belong to it (`nested`), and it is
hostile: it has run a tenant's code. It is frozen but for the moments in which it forks, one child
at a time, and while it runs nothing of ours is in its sight. What it says is not read. Whether its
child is what it has to be, and nothing else was left behind, is looked up from outside
(`inspection`); the first doubt ends the template.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lambdad.guest import channel
from lambdad.sandbox.jailer import exits, nested
from lambdad.sandbox.jailer.cgroups import Group
from lambdad.sandbox.jailer.environments import Order
from lambdad.sandbox.jailer.inspection import Intruder, inspect, only_process
from lambdad.sandbox.jailer.loop import Loop
from lambdad.sandbox.jailer.nested import Nest
from lambdad.sandbox.jailer.packs import Customer, Plan
from lambdad.sandbox.jailer.shell import Shell

_SPARE_SHELLS = 1
_QUIET_S = 0.004
_RETRY_S = 0.001
_RETRIES = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """What a template and the shells of its children are made from."""

    folders: Sequence[int]
    """Code and layers, as `mounts` takes them; the template's to close."""
    own_filter: str
    """Of system calls, for the template; hexadecimal."""
    filter_below: bytes
    """For the first processes of the shells."""
    init: int
    """The static first process, as a memory file."""
    pid1_group: Group
    """That first processes are in."""
    plan: Callable[[], Plan]


class Template:
    """Shells in which a child of the template waits: for its environments what a Pack is for
    others."""

    def __init__(
        self,
        shell: Shell,
        control: socket.socket,
        order: Order,
        origin: Origin,
        loop: Loop,
    ) -> None:
        (self._pid,) = shell.group.pids()
        self._shell = shell
        self._control = control
        self._order = order
        self._origin = origin
        self._loop = loop
        self._waiting: deque[Customer] = deque()
        self._spare: deque[Shell] = deque()
        self._building: set[Shell] = set()
        self._built: deque[Shell] = deque()
        self._forking: Shell | None = None
        self._running = True
        self._over: str | None = None
        """Why there are no more."""

    def serve(self, customer: Customer) -> None:
        """Give the customer a shell, now or when there is one."""
        if self._over is not None:
            customer.fail(self._over)
            return
        self._waiting.append(customer)
        self._go_on()

    def forget(self, customer: Customer) -> None:
        """The customer waits no longer."""
        if customer in self._waiting:
            self._waiting.remove(customer)

    def end(self, reason: str) -> None:
        """No more forks: the template's processes end, its environments go on."""
        if self._over is not None:
            return
        self._over = reason
        waiting, self._waiting = list(self._waiting), deque()
        for customer in waiting:
            customer.fail(reason)
        unused = [*self._spare, *self._built, *([self._forking] if self._forking else [])]
        for shell in unused:
            shell.kill()
        self._control.close()
        channel.close_all(self._origin.folders)
        self._end_processes()

    def _end_processes(self) -> None:
        """All in its group: it may have left some."""
        if self._shell.dead:
            return
        pids = self._shell.group.pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._shell.group.thaw()
        if pids:
            self._loop.later(_RETRY_S, self._end_processes)
        elif not self._shell.shells_below:
            self._shell.kill()

    # -- one step after the other ---------------------------------------------------------------

    def _go_on(self) -> None:
        if self._over is not None:
            return
        while self._waiting and self._spare:
            self._waiting.popleft().start(self._spare.popleft())
        if self._building or self._forking is not None:
            return
        if self._built:
            self._fork(self._built.popleft())
        elif self._running:
            self._expect(0, lambda _: self._rest())
        elif self._waiting:
            for _ in range(len(self._waiting)):
                self._build()
        elif len(self._spare) < _SPARE_SHELLS:
            self._loop.later(_QUIET_S, self._refill)

    def _refill(self) -> None:
        busy = self._building or self._built or self._forking or self._running or self._waiting
        if self._over is None and not busy and len(self._spare) < _SPARE_SHELLS:
            self._build()

    def _build(self) -> None:
        try:
            shell, blueprint = self._origin.plan()
        except OSError as error:
            if self._waiting:
                self._waiting.popleft().fail(str(error))
            return
        nest = Nest(
            owner=self._shell.uid,
            first_process=self._shell.pidfd,
            folders=self._origin.folders,
            scratch=self._order.scratch,
            tmp_mib=self._order.tmp_mib,
            seccomp=self._origin.filter_below,
            init=self._origin.init,
            pid1_group=self._origin.pid1_group,
        )
        ours, theirs = channel.pair()
        ours.setblocking(False)

        def run() -> int:
            ours.close()
            nested.build(blueprint, nest, theirs)
            return 0

        self._loop.fork(run, lambda status: None)
        theirs.close()
        blueprint.close()
        self._building.add(shell)
        self._shell.shells_below += 1
        self._loop.read(ours.fileno(), lambda: self._hear_builder(shell, ours))

    def _hear_builder(self, shell: Shell, report: socket.socket) -> None:
        """The shell is complete when nobody holds the other end any more."""
        try:
            message, fds = channel.receive(report)
        except BlockingIOError:
            return
        except channel.ChannelClosed:
            self._loop.forget(report.fileno())
            report.close()
            self._building.discard(shell)
            self._take_shell(shell, "it ended")
            return
        if "built" not in message:
            self._loop.forget(report.fileno())
            report.close()
            channel.close_all(fds)
            self._building.discard(shell)
            self._take_shell(shell, message["failed"])
            return
        shell.pidfd, shell.proc, shell.runtime, *way_out = fds
        if message["platform"]:
            shell.platform, *way_out = way_out
        self._loop.read(shell.pidfd, lambda: self._shell_ended(shell))
        if way_out:
            shell.opened(way_out)
            channel.close_all(way_out)

    def _take_shell(self, shell: Shell, reason: str) -> None:
        if shell.pidfd < 0:
            self._gone(shell)
            self.end(f"a shell could not be built: {reason}")
        elif self._over is not None:
            shell.kill()
        elif not shell.dead:
            self._built.append(shell)
        self._go_on()

    def _shell_ended(self, shell: Shell) -> None:
        self._loop.forget(shell.pidfd)
        for group in (self._spare, self._built):
            if shell in group:
                group.remove(shell)
        self._gone(shell)

    def _gone(self, shell: Shell) -> None:
        shell.dead = True
        shell.ended()
        self._shell.shells_below -= 1
        if self._over is not None and not self._shell.shells_below:
            self._end_processes()

    # -- forking ---------------------------------------------------------------------------------

    def _fork(self, shell: Shell) -> None:
        self._forking = shell
        ours, theirs = channel.pair()
        ours.setblocking(False)
        shell.child = ours
        inode = os.fstat(theirs.fileno()).st_ino
        try:
            self._running = True
            self._shell.group.thaw()
            channel.send(self._control, {"uid": shell.uid}, [shell.pidfd, theirs.fileno()])
        except (channel.ChannelClosed, OSError):
            self.end("the template does not listen")
            return
        finally:
            theirs.close()
        self._loop.read(ours.fileno(), lambda: self._child_waits(shell, inode))
        # In half of their time, so that who waits hears of this and not of time alone.
        self._loop.later(self._order.create_timeout_s / 2, lambda: self._late(shell))

    def _late(self, shell: Shell) -> None:
        if self._forking is shell:
            self.end("the template did not fork in time")

    def _child_waits(self, shell: Shell, inode: int) -> None:
        """It says something, whatever: nobody believes it, and fds that come along are lost."""
        assert shell.child is not None
        self._loop.forget(shell.child.fileno())
        try:
            heard = shell.child.recv(1)
        except OSError:
            heard = b""
        if self._over is not None:
            return
        if heard:
            self._expect(1, lambda pids: self._admit(shell, inode, pids.pop()))
        else:
            self.end("a process forked from the template did not reach its shell")

    def _expect(
        self, amount: int, then: Callable[[set[int]], None], retries: int = _RETRIES
    ) -> None:
        """Go on when there are so many processes beside the template: one that is on its way out
        may still be seen."""
        if self._over is not None or self._shell.dead:
            return
        others = self._shell.group.pids() - {self._pid}
        if len(others) == amount:
            then(others)
        elif retries:
            self._loop.later(_RETRY_S, lambda: self._expect(amount, then, retries - 1))
        else:
            self.end(f"the template has {len(others)} processes beside it where {amount} may be")

    def _admit(self, shell: Shell, inode: int, pid: int) -> None:
        """Look at the child; take it out of the template's hands."""
        try:
            name = only_process(shell.proc)
            if name is None:
                raise Intruder("nobody is in its shell")
            inspect(shell.proc, name, shell.uid, inode)
            order = self._order
            shell.group.limit(order.memory_mib, order.processes, order.memory_tmp_mib)
            shell.group.take(pid)
            self._watch(shell, os.pidfd_open(pid))
        except (Intruder, OSError) as error:
            self.end(f"a process forked from the template is not what it has to be: {error}")
            return
        self._forking = None
        self._spare.append(shell)
        self._go_on()

    def _rest(self) -> None:
        if self._built or self._forking is not None:
            return
        self._shell.group.freeze()
        self._running = False
        self._go_on()

    def _watch(self, shell: Shell, pidfd: int) -> None:
        """Tell its shell how the child ends."""

        def ended() -> None:
            self._loop.forget(pidfd)
            tell(_RETRIES)

        def tell(retries: int) -> None:
            status = exits.wait_status(pidfd)
            if status is None and retries:
                self._loop.later(_RETRY_S, lambda: tell(retries - 1))
                return
            os.close(pidfd)
            shell.child_ended(signal.SIGKILL if status is None else status)

        self._loop.read(pidfd, ended)


def why_none(rootless: bool, some_group: Group) -> str | None:
    """Why this machine can have no templates, if it cannot."""
    if rootless:
        return "an ordinary user's environments are one user to the kernel"
    if some_group.freezer() is None:
        return "the machine has no control group that freezes"
    if not exits.can_tell():
        return "the kernel does not tell how processes of others end (Linux 6.15 does)"
    return None
