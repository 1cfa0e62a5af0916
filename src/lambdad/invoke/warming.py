"""Makes packs ready before anybody waits for them.

A pack's first use costs a search of the disk and the start of its zygote, some hundred
milliseconds. A function that is being created, or was there at the start, tells that its runtime
will be used. Owns which runtimes were made ready; starts no environment.
"""

from __future__ import annotations

import asyncio

from lambdad.functions.snapshot import Catalog, Function, Key
from lambdad.runtime.catalog.packs import MissingPack, PackCatalog
from lambdad.runtime.services import Tasks
from lambdad.sandbox.driver import Driver, SandboxError


class PackWarmer:
    """Prepares the pack of each runtime that a function names, once."""

    def __init__(self, packs: PackCatalog, driver: Driver, tasks: Tasks) -> None:
        self._packs = packs
        self._driver = driver
        self._tasks = tasks
        self._runtimes: set[str] = set()

    def follow(self, catalog: Catalog) -> None:
        """Prepare what the catalog has now, and what it will have."""
        for function in catalog:
            self._want(function)
        catalog.subscribe(self._changed)

    def _changed(self, _key: Key, function: Function | None) -> None:
        if function is not None:
            self._want(function)

    def _want(self, function: Function) -> None:
        for version in function.versions.values():
            if version.runtime not in self._runtimes:
                self._runtimes.add(version.runtime)
                self._tasks.spawn(self._prepare(version.runtime))

    async def _prepare(self, runtime: str) -> None:
        try:
            pack = await asyncio.to_thread(self._packs.find, runtime)
            if not isinstance(pack, MissingPack):
                await self._driver.prepare(pack)
                return
        except SandboxError:
            pass  # the first invocation tries again, and its caller is told
        self._runtimes.discard(runtime)
