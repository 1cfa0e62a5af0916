"""The work behind Pending and InProgress: unpack the code, then let the function serve.

One task per change, begun after the change is durable and begun again at the next start for
whatever a crash interrupted. Also removes code that nothing needs any more, now and then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Protocol

from lambdad.core.errors import AwsError
from lambdad.core.ids import new_uuid
from lambdad.functions import lifecycle
from lambdad.functions.code import CodeStore
from lambdad.functions.names import FunctionKey
from lambdad.functions.package import PackageRefused
from lambdad.functions.records import Deployment, Reason, Version
from lambdad.functions.store import FunctionStore

_log = logging.getLogger(__name__)
_SWEEP_S = 60.0
_RETRY_S = 1.0


class SnapshotMaker(Protocol):
    """Initialises versions with SnapStart; `invoke/snapshots.py` does."""

    async def make(self, key: FunctionKey, number: str) -> Reason | None:
        """Why the version's own init failed; None when it is prepared as well as it can be."""
        ...


class Preparer:
    """Brings every function that is being created or updated to its end."""

    def __init__(self, store: FunctionStore, code: CodeStore) -> None:
        self._store = store
        self._code = code
        self._snapshots: SnapshotMaker | None = None
        self._initialising: set[str] = set()
        """Deployments."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """After the store was loaded: make sure that what serves is unpacked, and keep removing
        unused code."""
        served = [
            version.serving
            for record in self._store
            for version in record.all_versions()
            if version.serving is not None
        ]
        for deployment in await self._code.missing(served):
            await self._restore(deployment)
        self._sweeper = self._spawn(self._sweep())

    def carry_on(self, snapshots: SnapshotMaker) -> None:
        """Functions can run: see to what was interrupted, with `snapshots` for SnapStart."""
        self._snapshots = snapshots
        for record in self._store:
            if lifecycle.unsettled(record):
                self.begin(record.key)

    def begin(self, key: FunctionKey) -> None:
        """See to a function that just became Pending or InProgress. Returns at once."""
        self._spawn(self._settle(key))

    async def idle(self) -> None:
        """Return when no function is being prepared."""
        while pending := self._tasks - {self._sweeper}:
            await asyncio.wait(pending)

    async def close(self) -> None:
        """Stop; what is not finished is carried on at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _settle(self, key: FunctionKey) -> None:
        record = self._store.get(key)
        waiting = lifecycle.unsettled(record) if record else ()
        reason = await self._prepare(key, waiting)
        snapshots = [version for version in waiting if reason is None and version.wants_snapshot]
        others = [version for version in waiting if version not in snapshots]
        if others:
            await self._store_end(key, others, reason)
        for version in snapshots:
            await self._initialise(key, version)

    async def _initialise(self, key: FunctionKey, version: Version) -> None:
        """Once, however often the function changes meanwhile."""
        if self._snapshots is None or version.deployment.id in self._initialising:
            return
        self._initialising.add(version.deployment.id)
        try:
            reason = await self._snapshots.make(key, version.version)
            await self._store_end(key, [version], reason)
        finally:
            self._initialising.discard(version.deployment.id)

    async def _store_end(
        self, key: FunctionKey, waiting: Iterable[Version], reason: Reason | None
    ) -> None:
        while True:
            try:
                return await self._finish(key, waiting, reason)
            except AwsError:  # the lane is full or its disk is: the function stays as it is
                _log.warning("%s could not be stored, trying again", key.arn(), exc_info=True)
                await asyncio.sleep(_RETRY_S)

    async def _prepare(self, key: FunctionKey, waiting: Iterable[Version]) -> Reason | None:
        """None if all is ready, else why it cannot be."""
        try:
            for version in waiting:
                await self._code.prepare(version.deployment)
        except PackageRefused as error:
            _log.error("%s: its package cannot be unpacked: %s", key.arn(), error.reason)
            return Reason(
                "Could not unzip uploaded file. Please check your file, then try to upload again.",
                "InvalidZipFileException",
            )
        except Exception:
            _log.exception("%s: its package cannot be unpacked", key.arn())
            return Reason("The function's code could not be stored.", "InternalError")
        return None

    async def _finish(
        self, key: FunctionKey, waiting: Iterable[Version], reason: Reason | None
    ) -> None:
        async with self._store.editing(key) as edit:
            if edit.record is None:
                return
            revision_ids = {
                version.version: new_uuid()
                for version in waiting
                if (now := edit.record.version(version.version)) is not None
                and now.deployment.id == version.deployment.id
                and not now.is_settled
            }
            if reason is None:
                await edit.commit(lifecycle.settle(edit.record, revision_ids))
            else:
                await edit.commit(lifecycle.fail(edit.record, revision_ids, reason))

    async def _restore(self, deployment: Deployment) -> None:
        """Unpack again what should be there (someone emptied the folder, or lambdad now runs on
        another Python). One bad package must not keep all the others from running."""
        try:
            await self._code.prepare(deployment)
        except (PackageRefused, OSError) as error:
            _log.error(
                "The package with CodeSha256 %s is damaged or missing (%s): functions made of it "
                "cannot run until their code is uploaded again.",
                deployment.code.sha256,
                error,
            )

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                await self._code.collect()
            except OSError:
                _log.exception("unused code could not be removed; trying again later")

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
