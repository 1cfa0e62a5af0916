"""All execution environments of this machine: the pools, and what limits them together.

Owns: the machine's bounds and whom to evict at them, how many are created at once, reaping after
the keep-alive, and what happens to pools when functions change. May not: choose an environment for
an invocation; that is each pool's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from lambdad.core.ids import AccountId, Region
from lambdad.functions.snapshot import Catalog, Function, FunctionVersion, Key
from lambdad.invoke.concurrency import (
    ACCOUNT_REASON,
    RATE_REASON,
    AccountConcurrency,
    FunctionConcurrency,
    ManagedConcurrency,
    PoolConcurrency,
)
from lambdad.invoke.errors import ServiceException, TooManyRequestsException
from lambdad.invoke.keep_alive import GreedyDual
from lambdad.invoke.machine import ReadMachine, Room, unbounded
from lambdad.invoke.pool import FunctionPool, PoolKey
from lambdad.invoke.snapshot_shelf import Shelf
from lambdad.runtime.services import EnvironmentServices
from lambdad.sandbox.driver import RuntimePack


class MachineFleet:
    """The pools, and the concurrency of every function and account."""

    def __init__(
        self, services: EnvironmentServices, catalog: Catalog, read_machine: ReadMachine = unbounded
    ) -> None:
        self.services = services
        self.pools: dict[PoolKey, FunctionPool] = {}
        """Read on the hot path."""
        self.environments = 0
        self._catalog = catalog
        self._room = Room(read_machine, services.limits)
        self._kept = GreedyDual()
        self.shelf = Shelf(services.limits)
        self._accounts: dict[tuple[AccountId, Region], AccountConcurrency] = {}
        self._functions: dict[Key, FunctionConcurrency] = {}
        self._deleted: set[Key] = set()
        """Functions whose last environments may still run."""
        self._turns = asyncio.Semaphore(services.limits.environment_starts_at_once)
        self._timer: asyncio.TimerHandle | None = None
        self._keep_alive_ns = int(services.limits.environment_keep_alive_s * 1_000_000_000)
        self._closing = False
        for function in catalog:
            self._changed((function.account, function.region, function.name), function)
        catalog.subscribe(self._changed)

    def open_pool(
        self, version: FunctionVersion, pack: RuntimePack, tenant_id: str | None = None
    ) -> FunctionPool:
        """The pool of a deployment, and of a tenant where it isolates them; made if it is new."""
        if self._closing:
            raise ServiceException("lambdad is shutting down.")
        deployment_id = version.deployment_id
        key: PoolKey = deployment_id if tenant_id is None else (deployment_id, tenant_id)
        pool = self.pools.get(key)
        if pool is None:
            pool = self.pools[key] = self._new_pool(version, pack, tenant_id)
            if self._timer is None:
                self._arm()
        return pool

    def _new_pool(
        self, version: FunctionVersion, pack: RuntimePack, tenant_id: str | None
    ) -> FunctionPool:
        key: Key = (version.account, version.region, version.name)
        function = self.concurrency(key)
        slots = ManagedConcurrency if version.capacity_provider else PoolConcurrency
        pool = FunctionPool(version, pack, slots(function), self, tenant_id)
        published = self._catalog.get(*key)
        current = published.versions.get(version.version) if published else None
        if current is None or current.deployment_id != version.deployment_id:
            pool.retire()  # replaced since the caller resolved it: it runs, and nothing is kept
        if published is None:
            self._deleted.add(key)
        return pool

    def concurrency(self, key: Key) -> FunctionConcurrency:
        """What a function may use at once."""
        concurrency = self._functions.get(key)
        if concurrency is None:
            limits = self.services.limits
            account = self._accounts.get(key[:2])
            if account is None:
                account = AccountConcurrency(limits.account_concurrency)
                self._accounts[key[:2]] = account
            concurrency = FunctionConcurrency(account, limits.environment_starts_per_10s)
            self._functions[key] = concurrency
        return concurrency

    def snapshot_used(self, pool: FunctionPool) -> None:
        if self.pools.get(pool.key) is pool:
            self.shelf.keep(pool)

    async def close(self) -> None:
        """End every environment and wait until each is gone."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        error = ServiceException("lambdad is shutting down.")
        for pool in list(self.pools.values()):
            pool.close(error)
        self.services.freezer.close()
        await self.services.tasks.finish()

    # -- Fleet --------------------------------------------------------------------------------

    def admit(self, pool: FunctionPool, *, ahead: bool) -> Exception | None:
        if self._closing:
            return ServiceException("lambdad is shutting down.")
        limits, function = self.services.limits, pool.concurrency.function
        now_ns = self.services.clock.monotonic_ns()
        if pool.tenant_id is not None:
            most = limits.tenant_environments_per_slot * function.account.limit
            if function.account.tenant_environments >= most and not self._evict_tenant(pool):
                return TooManyRequestsException(ACCOUNT_REASON)
        # What was promised to nobody takes nobody's place.
        evict = not (ahead and pool.version.snap_start)
        if self.environments >= limits.environments and not (evict and self._give_up(1)):
            return TooManyRequestsException(ACCOUNT_REASON)
        size_mib = pool.size_mib
        if not self._room.fits(size_mib, now_ns) and not (evict and self._give_up(size_mib)):
            return TooManyRequestsException(ACCOUNT_REASON)
        if not ahead and not function.starts.take(now_ns):
            return TooManyRequestsException(RATE_REASON)
        self.environments += 1
        if pool.tenant_id is not None:
            function.account.tenant_environments += 1
        self._room.promise(pool.size_mib)
        return None

    @contextlib.contextmanager
    def aside(self, size_mib: int) -> Iterator[bool]:
        """Count an environment of no pool for as long as the block lasts, which nothing gives way
        to; whether there is room for it."""
        now_ns = self.services.clock.monotonic_ns()
        free = self.environments < self.services.limits.environments
        if self._closing or not free or not self._room.fits(size_mib, now_ns):
            yield False
            return
        self.environments += 1
        self._room.promise(size_mib)
        try:
            yield True
        finally:
            self.environments -= 1
            self._room.settle(size_mib)

    def started(self, size_mib: int) -> None:
        self._room.settle(size_mib)

    def released(self, pool: FunctionPool) -> None:
        self.environments -= 1
        if pool.tenant_id is not None:
            pool.concurrency.function.account.tenant_environments -= 1

    def creation_turn(self) -> contextlib.AbstractAsyncContextManager[object]:
        return self._turns

    # -- keeping it small ---------------------------------------------------------------------

    def _give_up(self, size_mib: int) -> bool:
        """End idle environments, those worth the least first, then prepared ones, until so much
        memory is free; whether there were enough."""
        while size_mib > 0:
            pool = self._kept.least(pool for pool in self.pools.values() if pool.idle)
            if pool is not None:
                pool.idle[0].end()
                size_mib -= pool.size_mib
            elif (freed_mib := self.shelf.give_up()) is not None:
                size_mib -= freed_mib
            else:
                return False
        return True

    def _evict_tenant(self, newcomer: FunctionPool) -> bool:
        """End one idle environment of a tenant in the newcomer's account, if any is idle."""
        account = newcomer.concurrency.function.account
        pool = self._kept.least(
            pool
            for pool in self.pools.values()
            if pool.idle and pool.tenant_id and pool.concurrency.function.account is account
        )
        if pool is not None:
            pool.idle[0].end()
        return pool is not None

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.services.limits.fleet_turn_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.turn()
        if self.pools:
            self._arm()

    def turn(self) -> None:
        """What is due now and then: give memory back where it is short, end what has been idle
        for the keep-alive, forget pools without environments, and start what is wanted ahead and
        found no room before."""
        now_ns = self.services.clock.monotonic_ns()
        self._give_up(self._room.shortage_mib(now_ns))
        before_ns = now_ns - self._keep_alive_ns
        for key, pool in list(self.pools.items()):
            pool.reap(before_ns)
            if pool.empty:
                del self.pools[key]
            else:
                pool.standing.top_up()
        self._forget_deleted()

    def _changed(self, key: Key, function: Function | None) -> None:
        self.concurrency(key).reserve(function.reserved_concurrency if function else None)
        current = (
            {version.deployment_id for version in function.versions.values()} if function else ()
        )
        for pool_key, pool in list(self.pools.items()):
            version = pool.version
            if (version.account, version.region, version.name) != key:
                continue
            if version.deployment_id not in current:
                pool.retire()
                if pool.empty:
                    del self.pools[pool_key]
        if function is None:
            self._deleted.add(key)
            self._forget_deleted()
        else:
            self._deleted.discard(key)

    def _forget_deleted(self) -> None:
        """Drop the accounts of functions that are gone, once nothing of them runs."""
        if not self._deleted:
            return
        running = {
            (pool.version.account, pool.version.region, pool.version.name)
            for pool in self.pools.values()
        }
        for key in self._deleted - running:
            del self._functions[key]
        self._deleted &= running
