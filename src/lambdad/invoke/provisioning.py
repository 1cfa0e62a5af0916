"""Keeps the environments that provisioned concurrency and managed instances promise.

Owns: from what is wanted for versions and aliases to how many environments each version's pool
keeps ahead, and how far that has come. Follows the catalog: an alias that moves takes its
environments along. Nothing here is stored: after a restart all of it is brought about again.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from lambdad.core.errors import AwsError
from lambdad.core.value import Value
from lambdad.functions.attachments import FunctionScaling
from lambdad.functions.names import LATEST
from lambdad.functions.snapshot import Catalog, Function, FunctionVersion, Key
from lambdad.invoke.concurrency import ManagedConcurrency
from lambdad.invoke.fleet import MachineFleet
from lambdad.invoke.packs import pack_for
from lambdad.runtime.catalog.packs import PackCatalog
from lambdad.runtime.purpose import Purpose

_PROVISIONED = Purpose("provisioned-concurrency", ahead=True)
_MANAGED = Purpose("lambda-managed-instances", ahead=True)


class Allocation(Value):
    """How far a provisioned concurrency configuration has come."""

    status: str
    """IN_PROGRESS, READY or FAILED."""
    allocated: int = 0
    """Environments that are initialised."""
    available: int = 0
    """Those of them that have nothing to do."""
    reason: str | None = None
    """Why it failed, in AWS's word."""


NOT_BEGUN = Allocation("IN_PROGRESS")


class Wish(Value):
    """How many environments a version should have ahead, and how many at most."""

    version: FunctionVersion
    ahead: int
    purpose: Purpose
    most: int | None = None
    """On managed instances; None: as many as there is room for."""
    asked_ms: int = 0
    """When it was asked for; asking again tries again what failed."""


def shares(function: Function, qualifier: str) -> Mapping[str, int]:
    """The versions that a configuration's environments are for. A weighted alias divides them as
    it divides its calls: rounded up for the version that is being tried out (semantics §1.9)."""
    requested = function.provisioned[qualifier].requested
    alias = function.aliases.get(qualifier)
    if alias is None:
        return {qualifier: requested}
    found: dict[str, int] = {}
    left = requested
    for version, weight in alias.additional_weights.items():
        found[version] = min(left, ceil(requested * weight))
        left -= found[version]
    found[alias.version] = found.get(alias.version, 0) + left
    return found


def wishes(function: Function, managed_environments: int) -> dict[str, Wish]:
    """What a function wants, by deployment. Only versions that can run want anything."""
    provisioned: dict[str, int] = {}
    asked_ms = 0
    for qualifier, configuration in function.provisioned.items():
        asked_ms = max(asked_ms, configuration.modified_ms)
        for number, amount in shares(function, qualifier).items():
            provisioned[number] = provisioned.get(number, 0) + amount
    found = {}
    for number, version in function.versions.items():
        if version.state != "Active":
            continue
        if version.capacity_provider and number != LATEST:
            default = FunctionScaling(managed_environments, None)
            scaling = function.scaling.get(number, default)
            found[version.deployment_id] = Wish(version, scaling.minimum, _MANAGED, scaling.maximum)
        elif provisioned.get(number):
            amount = provisioned[number]
            found[version.deployment_id] = Wish(version, amount, _PROVISIONED, asked_ms=asked_ms)
    return found


class Provisioner:
    """Makes it so, and tells how far it is."""

    def __init__(self, fleet: MachineFleet, packs: PackCatalog, catalog: Catalog) -> None:
        self._fleet = fleet
        self._packs = packs
        self._catalog = catalog
        self._wishes: dict[Key, dict[str, Wish]] = {}
        self._failures: dict[str, str] = {}
        """Deployments for which not even a pool could be opened, and why."""
        for function in catalog:
            self._changed((function.account, function.region, function.name), function)
        catalog.subscribe(self._changed)

    def allocation(self, key: Key, qualifier: str) -> Allocation:
        """How far the configuration of a version or alias has come."""
        function = self._catalog.get(*key)
        if function is None or qualifier not in function.provisioned:
            return NOT_BEGUN
        wanted = {
            wish.version.version: deployment_id
            for deployment_id, wish in self._wishes.get(key, {}).items()
        }
        allocated = available = 0
        ready = True
        for number, amount in shares(function, qualifier).items():
            if not amount:
                continue
            deployment_id = wanted.get(number, "")
            pool = self._fleet.pools.get(deployment_id)
            failure = self._failures.get(deployment_id) or (pool and pool.standing.failure)
            if failure:
                return Allocation("FAILED", reason=failure)
            if pool is None:
                ready = False
                continue
            allocated += min(amount, pool.standing.allocated)
            available += min(amount, len(pool.standing.idle))
            ready = ready and not pool.standing.in_progress
        return Allocation("READY" if ready else "IN_PROGRESS", allocated, available)

    def _changed(self, key: Key, function: Function | None) -> None:
        limit = self._fleet.services.limits.managed_environments
        wanted = wishes(function, limit) if function is not None else {}
        before = self._wishes.get(key, {})
        if wanted == before:
            return
        if wanted:
            self._wishes[key] = wanted
        else:
            del self._wishes[key]
        for deployment_id in before.keys() - wanted.keys():
            self._failures.pop(deployment_id, None)
            pool = self._fleet.pools.get(deployment_id)
            if pool is not None:
                pool.keep_ahead(0, _PROVISIONED)
        for deployment_id, wish in wanted.items():
            if before.get(deployment_id) != wish:
                self._fleet.services.tasks.spawn(self._grant(key, deployment_id, wish))

    async def _grant(self, key: Key, deployment_id: str, wish: Wish) -> None:
        self._failures.pop(deployment_id, None)
        pool = self._fleet.pools.get(deployment_id)
        if pool is None:
            try:
                pack = await pack_for(self._packs, wish.version.runtime)
                if self._wishes.get(key, {}).get(deployment_id) != wish:
                    return  # something else is wanted by now
                pool = self._fleet.open_pool(wish.version, pack)
            except AwsError as error:
                self._failures[deployment_id] = error.code
                return
        slots = pool.concurrency
        if isinstance(slots, ManagedConcurrency):
            most = self._fleet.services.limits.environments if wish.most is None else wish.most
            slots.bound(most, wish.version.environment_concurrency)
        pool.keep_ahead(wish.ahead, wish.purpose)
