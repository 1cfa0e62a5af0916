"""One run of a function's init from which an archive of what it loads is kept.

It runs the tenant's code, so it has a sandbox as every environment has, and what comes out of it is
bytes in a pipe: bounded, looked into by nobody. Nothing of it is an invocation: no log, no report,
no event. May not: know which versions should have one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from lambdad.core.errors import AwsError
from lambdad.core.value import replace
from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.archives import ArchiveStore
from lambdad.runtime.boot import Boot
from lambdad.runtime.collector import Feed
from lambdad.runtime.connection import Next
from lambdad.runtime.entry import WRAPPER_VARIABLE
from lambdad.runtime.environment import Environment, Step
from lambdad.runtime.extension_host import external_extensions
from lambdad.runtime.faults import Fault
from lambdad.runtime.platform_log import log_stream
from lambdad.runtime.purpose import Purpose
from lambdad.runtime.runs import Runs
from lambdad.runtime.services import EnvironmentServices
from lambdad.sandbox.driver import RuntimePack

MEMORY_MIB = 768
"""At least: to write an archive takes more than the function itself may have."""
_BACKGROUND = Purpose(ahead=True, background=True)


class NotTrained(Exception):
    """No archive was made; the message says why. `final`: nor will another try make one."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


def trainable(version: FunctionVersion) -> bool:
    """Extensions and wrappers would do their work for nobody's invocation, so what has them has
    no archive."""
    wrapped = WRAPPER_VARIABLE in version.environment
    return not wrapped and not external_extensions(version.layer_dirs)


class TrainingRun:
    """Used once."""

    def __init__(
        self, version: FunctionVersion, services: EnvironmentServices, store: ArchiveStore
    ) -> None:
        self.running = None
        self._limits = services.limits
        self._pipe = _ArchivePipe(store)
        self._stream = log_stream(services.clock.wall_ms(), version.version, "training")
        roomy = replace(version, memory_mib=max(version.memory_mib, MEMORY_MIB))
        events = (self, Runs(self, services.limits, services.clock))
        self._boot = Boot(roomy, _BACKGROUND, services, self._pipe, events, self)

    async def archive(self, pack: RuntimePack) -> Path:
        """Run it; the archive as `ArchiveStore.keep` takes it. Raises NotTrained."""
        assert pack.training is not None
        pack = replace(pack, argv=pack.training.argv, training=None)
        complete = False
        try:
            async with asyncio.timeout(self._limits.class_archive_timeout_s):
                complete = await self._run(pack)
        except (AwsError, TimeoutError) as error:
            raise NotTrained(f"its init could not be run now: {error!r}", final=False) from error
        finally:
            self._boot.end()
            await self._boot.gone()
            written = await self._pipe.archive()
            if written is not None and not complete:
                written.unlink()
        if written is None or not complete:
            raise NotTrained("its runtime wrote none, or one that is too large", final=True)
        return written

    async def _run(self, pack: RuntimePack) -> bool:
        """Whether all of an archive was written to the pipe."""
        await self._boot.create(pack, self._stream)
        failure = await self._boot.initialised(self._limits.class_archive_timeout_s)
        if failure is not None:
            raise NotTrained(f"its init failed: {failure.error_type}", final=True)
        self._boot.terminate()
        exited = asyncio.ensure_future(self._boot.exited())
        reading = asyncio.ensure_future(self._pipe.archive())
        await asyncio.wait([exited, reading], return_when=asyncio.FIRST_COMPLETED)
        if reading.done() and reading.result() is None:  # too large: it would write for ever
            exited.cancel()
            return False
        end = await exited
        return end is not None and end.code == 0

    # -- what the runtime does: it is only waited for ------------------------------------------

    @property
    def environment(self) -> Environment:
        return self._boot.environment

    def on_next(self, waiting: Next) -> None:
        if self._boot.environment.next_requested() is Step.INITIALISED:
            self._boot.runtime_ready()

    def on_next_abandoned(self, waiting: Next) -> None:
        self._boot.environment.next_abandoned()

    def on_init_error(self, error_type: str, payload: bytes) -> None:
        self._boot.init_error_posted(error_type, payload)

    def on_failure(self, boot: Boot, fault_for: Callable[[str], Fault]) -> None:
        """It ends, as it was told to."""

    def complete(self, payload: bytes, fault: Fault | None) -> None:
        """Never: there is no invocation."""

    def withhold(self, fault: Fault) -> None:
        """Likewise."""


class _ArchivePipe:
    """Takes the archive where others take log lines."""

    def __init__(self, store: ArchiveStore) -> None:
        self.feed: Feed | None = None
        self._store = store
        self._reading: asyncio.Future[Path | None] | None = None

    def attach(self, output_fd: int, telemetry_fd: int, feed: Feed | None = None) -> None:
        source = os.dup(output_fd)  # the sandbox closes its own at its end
        os.set_blocking(source, True)
        loop = asyncio.get_running_loop()
        self._reading = loop.run_in_executor(None, self._read, source)

    def _read(self, source: int) -> Path | None:
        try:
            return self._store.receive(source)
        finally:
            os.close(source)

    async def archive(self) -> Path | None:
        """What was written, when its writers are gone. Raises OSError."""
        return None if self._reading is None else await asyncio.shield(self._reading)

    def detach(self) -> None:
        """Its end is that of its writers."""

    def extension_output(self, data: bytes) -> None:
        """It is nobody's log."""
