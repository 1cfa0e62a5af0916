"""Invoking a version: admission, an environment, the result.

Owns the way from a resolved version to its pool. The path of a warm invocation holds one look-up,
two counters and one future; nothing on it touches storage, threads or JSON.
"""

from __future__ import annotations

import asyncio

from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.errors import InvalidRuntimeException, TooManyRequestsException
from lambdad.invoke.fleet import MachineFleet
from lambdad.invoke.pool import FunctionPool
from lambdad.runtime.catalog.packs import MissingPack, PackCatalog
from lambdad.runtime.invocation import Invocation, InvokeRequest, InvokeResult

__all__ = ["InvokeRequest", "InvokeResult", "Invoker"]


class Invoker:
    """Runs functions."""

    def __init__(self, fleet: MachineFleet, packs: PackCatalog) -> None:
        self._fleet = fleet
        self._packs = packs
        self._pools = fleet.pools

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult:
        """Run `target` once. A function that fails is a result too.

        Raises TooManyRequestsException (with Reason), InvalidRuntimeException (no pack),
        ServiceException or SandboxError (the platform failed)."""
        pool = self._pools.get(target.deployment_id)
        if pool is None:
            pool = await self._open(target)
        concurrency = pool.concurrency
        reason = concurrency.acquire()
        if reason is not None:
            raise TooManyRequestsException(reason)
        future: asyncio.Future[InvokeResult] = asyncio.get_running_loop().create_future()
        pool.submit(Invocation(request, future, concurrency))
        return await future

    async def close(self) -> None:
        """End every environment."""
        await self._fleet.close()

    async def _open(self, target: FunctionVersion) -> FunctionPool:
        pack = self._packs.known(target.runtime)
        if pack is None:
            found = await asyncio.to_thread(self._packs.find, target.runtime)
            if isinstance(found, MissingPack):
                raise InvalidRuntimeException(found.message)
            pack = found
        return self._fleet.open_pool(target, pack)
