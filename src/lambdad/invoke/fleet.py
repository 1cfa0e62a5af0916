"""All execution environments of this machine: the pools, and what limits them together.

Owns: the machine's bound and whom to evict at it, how many are created at once, reaping after the
keep-alive, and what happens to pools when functions change. May not: choose an environment for
an invocation; that is each pool's.
"""

from __future__ import annotations

import asyncio
import contextlib

from lambdad.core.ids import AccountId, Region
from lambdad.functions.snapshot import Catalog, Function, FunctionVersion, Key
from lambdad.invoke.concurrency import (
    ACCOUNT_REASON,
    RATE_REASON,
    AccountConcurrency,
    FunctionConcurrency,
)
from lambdad.invoke.errors import ServiceException, TooManyRequestsException
from lambdad.invoke.pool import FunctionPool
from lambdad.runtime.services import EnvironmentServices
from lambdad.sandbox.driver import RuntimePack

_REAP_STEPS = 10


class MachineFleet:
    """The pools by deployment, and the concurrency of every function and account."""

    def __init__(self, services: EnvironmentServices, catalog: Catalog) -> None:
        self.services = services
        self.pools: dict[str, FunctionPool] = {}
        """By deployment id; read on the hot path."""
        self.environments = 0
        self._accounts: dict[tuple[AccountId, Region], AccountConcurrency] = {}
        self._functions: dict[Key, FunctionConcurrency] = {}
        self._turns = asyncio.Semaphore(services.limits.environment_starts_at_once)
        self._reaper: asyncio.TimerHandle | None = None
        self._closing = False
        for function in catalog:
            self._changed((function.account, function.region, function.name), function)
        catalog.subscribe(self._changed)

    def open_pool(self, version: FunctionVersion, pack: RuntimePack) -> FunctionPool:
        """The pool of a deployment, made if it is new."""
        if self._closing:
            raise ServiceException("lambdad is shutting down.")
        pool = self.pools.get(version.deployment_id)
        if pool is None:
            concurrency = self.concurrency((version.account, version.region, version.name))
            pool = FunctionPool(version, pack, concurrency, self)
            self.pools[version.deployment_id] = pool
            if self._reaper is None:
                self._arm_reaper()
        return pool

    def concurrency(self, key: Key) -> FunctionConcurrency:
        """What a function may use at once."""
        concurrency = self._functions.get(key)
        if concurrency is None:
            limits = self.services.limits
            account = self._accounts.setdefault(
                key[:2], AccountConcurrency(limits.account_concurrency)
            )
            concurrency = FunctionConcurrency(account, limits.environment_starts_per_10s)
            self._functions[key] = concurrency
        return concurrency

    async def close(self) -> None:
        """End every environment and wait until each is gone."""
        self._closing = True
        if self._reaper is not None:
            self._reaper.cancel()
        error = ServiceException("lambdad is shutting down.")
        for pool in list(self.pools.values()):
            pool.close(error)
        self.services.freezer.close()
        await self.services.tasks.finish()

    # -- Fleet --------------------------------------------------------------------------------

    def admit(self, pool: FunctionPool) -> Exception | None:
        if self._closing:
            return ServiceException("lambdad is shutting down.")
        if self.environments >= self.services.limits.environments and not self._evict():
            return TooManyRequestsException(ACCOUNT_REASON)
        if not pool.concurrency.may_start(self.services.clock.monotonic_ns()):
            return TooManyRequestsException(RATE_REASON)
        self.environments += 1
        return None

    def released(self) -> None:
        self.environments -= 1

    def creation_turn(self) -> contextlib.AbstractAsyncContextManager[object]:
        return self._turns

    # -- keeping it small ---------------------------------------------------------------------

    def _evict(self) -> bool:
        """End the environment that has been idle for the longest time, if any is."""
        idle = [pool for pool in self.pools.values() if pool.idle]
        if not idle:
            return False
        min(idle, key=lambda pool: pool.idle[0].idle_since_ns).idle[0].end()
        return True

    def _arm_reaper(self) -> None:
        step_s = self.services.limits.environment_keep_alive_s / _REAP_STEPS
        self._reaper = asyncio.get_running_loop().call_later(step_s, self._on_reaper)

    def _on_reaper(self) -> None:
        self._reaper = None
        self.reap()
        if self.pools:
            self._arm_reaper()

    def reap(self) -> None:
        """End what has been idle for the keep-alive, forget pools without environments."""
        keep_ns = int(self.services.limits.environment_keep_alive_s * 1_000_000_000)
        before_ns = self.services.clock.monotonic_ns() - keep_ns
        for deployment_id, pool in list(self.pools.items()):
            pool.reap(before_ns)
            if pool.empty:
                del self.pools[deployment_id]

    def _changed(self, key: Key, function: Function | None) -> None:
        self.concurrency(key).reserve(function.reserved_concurrency if function else None)
        current = (
            {version.deployment_id for version in function.versions.values()} if function else ()
        )
        for deployment_id, pool in list(self.pools.items()):
            version = pool.version
            if (version.account, version.region, version.name) != key:
                continue
            if deployment_id not in current:
                pool.retire()
                if pool.empty:
                    del self.pools[deployment_id]
        if function is None and self._functions[key].in_use == 0:
            del self._functions[key]
