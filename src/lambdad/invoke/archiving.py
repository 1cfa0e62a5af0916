"""When archives of what init loads are made: for versions that were published or changed, and for
those that had to start without one.

AWS makes none for a function's own code. The run of init that it takes comes when the version is
Active already and has been for a while, one at a time, with what others leave of the CPU; where it
fails, functions start as they do without. May not: touch an archive's content, or a pool.
"""

from __future__ import annotations

import asyncio
import logging

from lambdad.core.errors import AwsError
from lambdad.functions.snapshot import Catalog, Function, FunctionVersion, Key
from lambdad.invoke.fleet import MachineFleet
from lambdad.invoke.packs import pack_for
from lambdad.runtime.archives import ArchiveStore, name_of
from lambdad.runtime.catalog.identifiers import family_of
from lambdad.runtime.catalog.packs import PackCatalog
from lambdad.runtime.training import MEMORY_MIB, NotTrained, TrainingRun, trainable
from lambdad.sandbox.driver import RuntimePack, Tier

_log = logging.getLogger(__name__)
_FAMILY = "java"
_MOST_WAITING = 1000
"""Versions at once; others are asked for again by their first start."""


class Archivist:
    """Has archives made and removed."""

    def __init__(
        self, fleet: MachineFleet, packs: PackCatalog, catalog: Catalog, store: ArchiveStore
    ) -> None:
        self._fleet = fleet
        self._limits = fleet.services.limits
        self._packs = packs
        self._catalog = catalog
        self._store = store
        self._turn = asyncio.Semaphore(1)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """By deployment."""
        store.keep_functions((each.account, each.region, each.name) for each in catalog)
        catalog.subscribe(self._changed)
        store.on_missing = self._want

    async def idle(self) -> None:
        """Return when none is on its way."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def close(self) -> None:
        """End what is on its way."""
        self._store.on_missing = lambda _: None
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _changed(self, key: Key, function: Function | None) -> None:
        if function is None:
            self._store.keep_only(key, ())
            return
        versions = [
            version
            for version in function.versions.values()
            if family_of(version.runtime) == _FAMILY
        ]
        for version in versions:
            if version.state == "Active":
                self._want(version)
        known = [(version, self._packs.known(version.runtime)) for version in versions]
        if all(pack is not None for _, pack in known):
            names = {
                name_of(version, pack.training) for version, pack in known if pack and pack.training
            }
            self._store.keep_only(key, names)

    def _want(self, version: FunctionVersion) -> None:
        off = not self._limits.class_archive_bytes or not self._tier.shows_archives
        pack = self._packs.known(version.runtime)
        if off or version.deployment_id in self._tasks or not self._lacks(version, pack):
            return
        if len(self._tasks) >= _MOST_WAITING:
            return
        task = asyncio.get_running_loop().create_task(self._make(version))
        self._tasks[version.deployment_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(version.deployment_id))

    def _lacks(self, version: FunctionVersion, pack: RuntimePack | None) -> bool:
        """Whether one is to be made, as far as is known without the pack."""
        if pack is None:
            return True
        if pack.training is None:
            return False
        name = name_of(version, pack.training)
        return not (self._store.has(name) or name in self._store.distrusted)

    async def _make(self, version: FunctionVersion) -> None:
        await asyncio.sleep(self._limits.class_archive_delay_s)
        async with self._turn:
            try:
                pack = await pack_for(self._packs, version.runtime)
            except AwsError:
                return  # an invocation tells what is missing
            if not self._is_current(version) or not self._lacks(version, pack):
                return
            if not await asyncio.to_thread(trainable, version):
                return
            with self._fleet.aside(MEMORY_MIB) as room:
                if room:
                    await self._train(version, pack)

    async def _train(self, version: FunctionVersion, pack: RuntimePack) -> None:
        assert pack.training is not None
        name = name_of(version, pack.training)
        run = TrainingRun(version, self._fleet.services, self._store)
        try:
            archive = await run.archive(pack)
            self._store.keep(name, archive)
        except (NotTrained, OSError) as why:
            _log.warning("%s:%s has no archive of classes: %s", version.arn, version.version, why)
            if isinstance(why, NotTrained) and why.final:
                self._store.distrusted.add(name)
        else:
            _log.info("%s:%s has an archive of classes", version.arn, version.version)

    @property
    def _tier(self) -> Tier:
        return self._fleet.services.driver.tier

    def _is_current(self, version: FunctionVersion) -> bool:
        function = self._catalog.get(version.account, version.region, version.name)
        now = function.versions.get(version.version) if function else None
        return now is not None and now.deployment_id == version.deployment_id
