"""The starts of one environment's processes, one after another: the first, and those after a reset.

Owns: that each is reported, waits for its turn, and finds nothing of the one before but its /tmp
(Lambda developer guide, "Runtime environment lifecycle: Failures during the invoke phase"). May
not: know invocations.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from lambdad.core.clock import Clock
from lambdad.core.ids import EnvironmentId
from lambdad.runtime.boot import Boot, InitFailure
from lambdad.runtime.recorder import Recorder
from lambdad.sandbox.driver import RuntimePack


class Starts:
    """Starts processes. `new_boot` makes what holds them."""

    def __init__(
        self, new_boot: Callable[[], Boot], recorder: Recorder, clock: Clock, pack: RuntimePack,
        stream: str,
    ) -> None:  # fmt: skip
        self.over = False
        """No more are wanted."""
        self._new_boot = new_boot
        self._recorder = recorder
        self._clock = clock
        self._pack = pack
        self._stream = stream
        self._forked: Boot | None = None
        """Whose init was its template's."""

    async def first(self, boot: Boot) -> None:
        """Create the sandbox and start the init phase in it. Raises SandboxError where the
        platform has none to give."""
        self._recorder.init_started("init")
        await boot.create(self._pack, self._stream)

    async def fork(self, boot: Boot, template: EnvironmentId | None) -> None:
        """Likewise from a template, behind its init."""
        await boot.create(self._pack, self._stream, template=template)
        self._forked = boot

    async def again(
        self, before: Boot, turn: contextlib.AbstractAsyncContextManager[object], phase: str
    ) -> int:
        """Likewise after a reset, ahead of invocations or inside one (`invoke`), when nothing of
        the one before is left and it is its turn; when that was, monotonic."""
        heir_of = await before.gone()
        async with turn:
            began_ns = self._clock.monotonic_ns()
            if not self.over:
                boot = self._new_boot()
                self._recorder.init_started(phase)
                await boot.create(self._pack, self._stream, heir_of)
        return began_ns

    async def outcome(self, boot: Boot, phase: str, limit_s: float) -> InitFailure | None:
        """See an init phase through; why it failed."""
        failure = await boot.initialised(limit_s)
        if not boot.ended:
            self._recorder.feed_with(boot.extensions.feed)  # if anybody has subscribed
            if failure is not None or boot is not self._forked:
                report = boot.init_report(phase, failure)
                self._recorder.init_ended(report, boot.extensions.extensions.members)
        return failure
