"""Environments of SnapStart: one that is a template, and those that are forked from it."""

from __future__ import annotations

import os
from typing import Any

from lambdad.guest import channel
from lambdad.sandbox.jailer.environments import Environment, Order, Surroundings
from lambdad.sandbox.jailer.inspection import Intruder, only_process
from lambdad.sandbox.jailer.packs import Pack
from lambdad.sandbox.jailer.shell import Shell
from lambdad.sandbox.jailer.templates import Origin, Template


class TemplateEnvironment(Environment):
    """The environment that is a template."""

    def __init__(
        self,
        order: Order,
        pack: Pack,
        jailer: Surroundings,
        origin: Origin,
    ) -> None:
        super().__init__(order, pack, jailer)
        self.template: Template | None = None
        self._origin = origin

    def _complete(self, message: dict[str, Any]) -> None:
        ours, theirs = channel.pair()
        ours.setblocking(False)
        message["template"] = self._origin.own_filter
        self._fds.append(theirs.detach())
        assert self._shell is not None
        self.template = Template(self._shell, ours, self.order, self._origin, self._jailer.loop)

    def _end_shell(self) -> None:
        if self.template is not None:
            self.template.end("the template ended")
        if self._shell is None or not self._shell.shells_below:
            super()._end_shell()

    def _child_ended(self, status: int) -> None:
        if self.template is not None:
            self.template.end("the template ended")
        super()._child_ended(status)

    def _close_fds(self) -> None:
        super()._close_fds()
        if self._nothing_left and self.template is None:
            channel.close_all(self._origin.folders)


class ForkedEnvironment(Environment):
    """An environment whose shell comes from a template, with its main process inspected."""

    def start(self, shell: Shell) -> None:
        self._shell = shell
        self._heard = True  # nothing that it says is
        shell.ended = self._shell_ended
        shell.on_child_end = self._child_ended
        assert shell.child is not None
        try:
            self._watch_memory(shell)
            ends = shell.make_pipes()
            self._fds += ends
            for pipe in ends:
                os.fchown(pipe, shell.uid, shell.uid)
            name = only_process(shell.proc)
            status = os.open(f"{name}/status", os.O_RDONLY | os.O_CLOEXEC, dir_fd=shell.proc)
            channel.send(shell.child, {}, self._fds)
        except (channel.ChannelClosed, Intruder, OSError) as error:
            self.fail(f"the process that waited in its shell ended: {error}")
        else:
            self._announce([status])
            os.close(status)
        finally:
            self._close_fds()
