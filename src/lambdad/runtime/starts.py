"""The starts of one environment's processes, one after another: the first, and those after a reset.

Owns: that each is reported, waits for its turn, and finds nothing of the one before but its /tmp
(Lambda developer guide, "Runtime environment lifecycle: Failures during the invoke phase"). May
not: know invocations.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from lambdad.core.clock import Clock
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

    async def first(self, boot: Boot) -> None:
        """Create the sandbox and start the init phase in it. Raises SandboxError where the
        platform has none to give."""
        self._recorder.init_started("init")
        await boot.create(self._pack, self._stream)

    async def again(
        self, before: Boot, turn: contextlib.AbstractAsyncContextManager[object]
    ) -> int:
        """Likewise inside an invocation, when nothing of the one before is left and it is its turn;
        when that was, monotonic."""
        heir_of = await before.gone()
        async with turn:
            began_ns = self._clock.monotonic_ns()
            if not self.over:
                boot = self._new_boot()
                self._recorder.init_started("invoke")
                await boot.create(self._pack, self._stream, heir_of)
        return began_ns

    async def outcome(self, boot: Boot, phase: str, limit_s: float) -> InitFailure | None:
        """See an init phase through; why it failed."""
        failure = await boot.initialised(limit_s)
        if not boot.ended:
            self._recorder.feed_with(boot.extensions.feed)  # if anybody has subscribed
            report = boot.init_report(phase, failure)
            self._recorder.init_ended(report, boot.extensions.extensions.members)
        return failure
