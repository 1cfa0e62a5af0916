"""Invoking a version: admission, an environment, the result.

Owns the way from a resolved version to its pool. The path of a warm invocation holds one look-up,
two counters and one future; nothing on it touches storage, threads or JSON.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.errors import TooManyRequestsException
from lambdad.invoke.fleet import MachineFleet
from lambdad.invoke.packs import pack_for
from lambdad.invoke.placement import check_place
from lambdad.invoke.pool import FunctionPool, PoolKey
from lambdad.runtime.catalog.packs import PackCatalog
from lambdad.runtime.invocation import Invocation, InvokeRequest, InvokeResult, Sink
from lambdad.runtime.response_stream import ResponseStream

__all__ = ["InvokeRequest", "InvokeResult", "Invoker"]


class Observer(Protocol):
    """Wants to know what functions are sent (`invoke/recording.py`)."""

    def seen(self, target: FunctionVersion, request: InvokeRequest) -> None:
        """`target` is about to run `request`. Must not block, must not fail."""
        ...


class Invoker:
    """Runs functions."""

    def __init__(self, fleet: MachineFleet, packs: PackCatalog) -> None:
        self._fleet = fleet
        self._packs = packs
        self._pools = fleet.pools
        self.observer: Observer | None = None
        """Nearly always nobody."""
        self._now_ns = fleet.services.clock.monotonic_ns

    async def invoke(
        self, target: FunctionVersion, request: InvokeRequest, sink: Sink | None = None
    ) -> InvokeResult:
        """Run `target` once. A function that fails is a result too. `sink` takes what the function
        streams; without one a streamed response is collected.

        Raises TooManyRequestsException (with Reason), InvalidParameterValueException (a tenant is
        missing or too much), InvalidRuntimeException (no pack), ServiceException or SandboxError
        (the platform failed)."""
        if self.observer is not None:
            self.observer.seen(target, request)
        key: PoolKey = target.deployment_id
        if request.tenant_id is not None:
            key = (target.deployment_id, request.tenant_id)
        pool = self._pools.get(key)
        if pool is None:
            pool = await self._open(target, request.tenant_id)
        concurrency = pool.concurrency
        reason = concurrency.acquire(None if request.queued else self._now_ns())
        if reason is not None:
            raise TooManyRequestsException(reason)
        future: asyncio.Future[InvokeResult] = asyncio.get_running_loop().create_future()
        pool.submit(Invocation(request, future, concurrency, sink))
        return await future

    async def stream(self, target: FunctionVersion, request: InvokeRequest) -> ResponseStream:
        """Run `target` once; returns when its response begins. Raises what `invoke` does; what
        goes wrong later is in the stream's outcome or is raised by its iteration."""
        stream = ResponseStream(self._fleet.services.limits.stream_buffer_bytes)
        run = self.invoke(target, request, stream)
        stream.follow(asyncio.get_running_loop().create_task(run))
        await stream.begun()
        return stream

    async def close(self) -> None:
        """End every environment."""
        await self._fleet.close()

    async def _open(self, target: FunctionVersion, tenant_id: str | None) -> FunctionPool:
        """No pool exists for what has no place, such as a tenant of a function that isolates none:
        whoever gets past here may use it."""
        check_place(target, tenant_id)
        pack = await pack_for(self._packs, target.runtime)
        return self._fleet.open_pool(target, pack, tenant_id)
