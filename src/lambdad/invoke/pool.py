"""The execution environments of one deployment: idle ones, starting ones, and who waits for one.

Owns: which environment takes which invocation, provisioned ones first, then last used first, and
when another is started. Where a function isolates tenants, a pool is one tenant's and so are its
environments. May not: count the machine or the account; the Fleet it belongs to says whether there
is room.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from lambdad.core.errors import AwsError
from lambdad.core.value import replace
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.concurrency import PoolConcurrency
from lambdad.invoke.keep_alive import Worth
from lambdad.invoke.standing import Standing, Start
from lambdad.invoke.version_template import VersionTemplate
from lambdad.runtime.invocation import Invocation
from lambdad.runtime.purpose import InitializationType, Purpose
from lambdad.runtime.services import EnvironmentServices
from lambdad.runtime.snapshot_supervisor import SnapStartSupervisor
from lambdad.runtime.standing_supervisor import StandingSupervisor
from lambdad.runtime.supervisor import Supervisor
from lambdad.sandbox.driver import RuntimePack

_log = logging.getLogger(__name__)
_PREPARED = Purpose("snap-start", ahead=True)
_TEMPLATE = replace(_PREPARED, forks=True)
_REFILL_DELAY_S = 0.02

PoolKey = str | tuple[str, str]
"""A deployment's id; with the tenant where tenants are isolated."""


class Fleet(Protocol):
    """All pools of this machine."""

    services: EnvironmentServices

    def admit(self, pool: FunctionPool, *, ahead: bool) -> Exception | None:
        """Count one more environment; else why there is no room for it. `ahead`: nobody waits for
        it, so no rate of starts applies."""

    def started(self, size_mib: int) -> None:
        """The start of one that was admitted for so much memory is over, well or badly."""

    def released(self, pool: FunctionPool) -> None:
        """An environment is gone."""

    def snapshot_used(self, pool: FunctionPool) -> None:
        """One of its prepared environments was handed out, or none was there to be."""

    def creation_turn(self) -> contextlib.AbstractAsyncContextManager[object]:
        """Held while a sandbox is created: only so many are at once."""


class FunctionPool:
    """Environments of one deployment of one version. The Owner of its environments."""

    def __init__(
        self,
        version: FunctionVersion,
        pack: RuntimePack,
        concurrency: PoolConcurrency,
        fleet: Fleet,
        tenant_id: str | None = None,
    ) -> None:
        self.version = version
        self.tenant_id = tenant_id
        self.concurrency = concurrency
        self.idle: list[Supervisor] = []
        """On demand, longest idle first."""
        self.standing = Standing(self)
        self.on_standing: Callable[[FunctionPool], None] | None = None
        """Told when the standing environments change."""
        self.members: set[Supervisor] = set()
        self.waiting: deque[Invocation] = deque()
        self.retired = False
        """The deployment was replaced: what waits still runs, nothing is kept."""
        self.worth = Worth()
        self.init_ms = 0.0
        self.size_mib = fleet.services.limits.environment_memory_guess_mib
        self._pack = pack
        self._fleet = fleet
        self._lifetime_ns = int(fleet.services.limits.environment_lifetime_s * 1_000_000_000)
        kind: InitializationType = "on-demand"
        if version.capacity_provider is not None:
            kind = "lambda-managed-instances"
        elif version.snap_start:
            kind = "snap-start"
        self._on_demand = Purpose(kind, tenant_id)
        self._ready = [] if version.snap_start else self.standing.idle
        """Taken first. Prepared environments are not: restored ones are quicker."""
        self._starting = 0
        self.template = VersionTemplate(version, tenant_id, fleet.services.limits.template_pause_s)

    @property
    def key(self) -> PoolKey:
        """Under which the fleet keeps it."""
        deployment_id = self.version.deployment_id
        return deployment_id if self.tenant_id is None else (deployment_id, self.tenant_id)

    @property
    def idle_since_ns(self) -> int:
        """Since when one of its environments on demand has been idle; only where one is."""
        return self.idle[0].idle_since_ns

    @property
    def empty(self) -> bool:
        return not (self.members or self.waiting or self._starting or self.standing.wanted)

    def submit(self, invocation: Invocation) -> None:
        """Run it on an idle environment, or on the first that becomes free or has started."""
        self.worth.uses += 1
        if self._ready:
            self._ready.pop().invoke(invocation)
            return
        if self.idle:
            self.idle.pop().invoke(invocation)
            return
        self.waiting.append(invocation)
        self._scale_up()

    def keep_ahead(self, amount: int, purpose: Purpose) -> None:
        """Keep so many environments initialised, whatever becomes of them."""
        if not self.retired:
            self.concurrency.provision(amount)
            self.standing.want(amount, purpose)

    def prepare(self, amount: int) -> int:
        """SnapStart: keep so many environments that wait behind their init, and a template if
        any; how many end."""
        before = self.standing.allocated
        if not self.retired:
            self.standing.want(amount, _PREPARED)
        ended = 0 if amount else self.template.end()
        return before - self.standing.allocated + ended

    def retire(self) -> None:
        """Keep no environment any longer than it runs."""
        self.template.end()
        self.keep_ahead(0, self._on_demand)
        self.retired = True
        for environment in list(self.idle):
            environment.end()

    def reap(self, before_ns: int) -> None:
        """End the environments on demand that have been idle since before then."""
        while self.idle and self.idle[0].idle_since_ns < before_ns:
            self.idle[0].end()

    def close(self, error: Exception) -> None:
        """End everything; who waits or runs is told why."""
        self.template.end()
        self.keep_ahead(0, self._on_demand)
        self.retired = True
        while self.waiting:
            self.waiting.popleft().fail(error)
        for environment in list(self.members):
            environment.abandon(error)

    # -- Owner --------------------------------------------------------------------------------

    def available(self, environment: Supervisor) -> None:
        if environment.ended:
            return
        if environment.idle_since_ns - environment.made_ns > self._lifetime_ns:
            environment.end()  # before its credentials do; a new one has new ones
            return
        while self.waiting:
            invocation = self.waiting.popleft()
            if invocation.future.cancelled():  # nobody waits for it and nothing ran
                invocation.slot.release()
                continue
            environment.invoke(invocation)
            return
        if self.retired:
            environment.end()
        elif environment.purpose.ahead:
            self.standing.rest(environment)
        else:
            self.idle.append(environment)

    def ended(self, environment: Supervisor) -> None:
        self.members.discard(environment)
        self._fleet.released(self)
        self.template.ended(environment)
        if environment.purpose.ahead:
            self.standing.ended(environment)
        else:
            with contextlib.suppress(ValueError):
                self.idle.remove(environment)
        self._scale_up()

    def reroute(self, invocation: Invocation) -> None:
        for idle in (self._ready, self.idle):
            if idle:
                idle.pop().invoke(invocation)
                return
        self.waiting.appendleft(invocation)
        self._scale_up()

    def creation_turn(self) -> contextlib.AbstractAsyncContextManager[object]:
        return self._fleet.creation_turn()

    # -- starting -----------------------------------------------------------------------------

    def standing_changed(self) -> None:
        if self.on_standing is not None:
            self.on_standing(self)

    def start_ahead(self, purpose: Purpose) -> bool:
        if self.retired or self.template.starting:
            return False
        if self._fleet.admit(self, ahead=True) is not None:
            return False
        if purpose is _PREPARED and self.template.lacking:
            purpose, self.template.starting = _TEMPLATE, True
        environment = self._member(purpose)
        self._fleet.services.tasks.spawn(self._start_ahead(environment, self.size_mib))
        return True

    def _scale_up(self) -> None:
        while self._starting < len(self.waiting):
            if self.version.snap_start and self._hand_out():
                continue
            refusal = self._fleet.admit(self, ahead=False)
            if refusal is not None:
                self.waiting.pop().fail(refusal)
                continue
            environment = self._member(self._unprepared() or self._on_demand)
            self._starting += 1
            self._fleet.services.tasks.spawn(self._start(environment, self.size_mib))

    def _hand_out(self) -> bool:
        """Give a prepared environment to who waits longest, if there is one; the next is prepared
        once that one is on its way."""
        environment = self.standing.hand_out()
        if environment is None:
            return False
        asyncio.get_running_loop().call_later(_REFILL_DELAY_S, self._fleet.snapshot_used, self)
        environment.purpose = self._on_demand
        self.available(environment)
        return True

    def _unprepared(self) -> Purpose | None:
        """Of a SnapStart environment that has to be started anew."""
        if not self.version.snap_start or self.template.environment is not None:
            return None
        reason = "none of its environments was prepared at this moment"
        reason = self.template.explain(reason)
        if self.standing.failure is not None:
            reason = "its last init for a prepared environment failed"
        _log.info("%s:%s starts anew: %s", self.version.arn, self.version.version, reason)
        note = f"SnapStart: an ordinary start, because {reason}."
        return replace(self._on_demand, note=note)

    def _member(self, purpose: Purpose) -> Supervisor:
        kind: type[Supervisor] = StandingSupervisor if purpose.ahead else Supervisor
        if purpose.restores:
            kind = SnapStartSupervisor
        environment = kind(self.version, self._pack, self._fleet.services, self, purpose)
        self.members.add(environment)
        return environment

    async def _start(self, environment: Supervisor, promised_mib: int) -> None:
        try:
            needed = await self._create(environment)
            if needed and await environment.initialise():
                self._measure(environment)
        except Exception as error:  # whatever it is, somebody waits for this environment
            self._start_over(promised_mib)
            if self.waiting:
                self.waiting.popleft().fail(error)
            environment.end()
            return
        self._start_over(promised_mib)
        if self.version.snap_start:
            self._fleet.snapshot_used(self)  # for the next one; this one went first
        if needed:
            self.available(environment)
        else:
            environment.end()

    def _start_over(self, promised_mib: int) -> None:
        self._starting -= 1
        self._fleet.started(promised_mib)

    async def _create(self, environment: Supervisor) -> bool:
        """Create it when it is its turn, unless those who waited were served meanwhile."""
        async with self.creation_turn():
            if environment.ended or self._starting > len(self.waiting):
                return False
            await self._create_now(environment)
            return True

    async def _create_now(self, environment: Supervisor) -> None:
        if not await self.template.fork(environment):
            await environment.create()

    async def _start_ahead(self, environment: Supervisor, promised_mib: int) -> None:
        initialised = False
        try:
            async with self.creation_turn():
                if not environment.ended:
                    await self._create_now(environment)
            initialised = not environment.ended and await environment.initialise()
            outcome = Start.READY if initialised else Start.FAILED
        except Exception as error:  # nobody waits for it, so nobody else would be told
            if not isinstance(error, AwsError):
                _log.exception("%s: an environment could not be started ahead", self.version.arn)
            outcome = Start.PUT_OFF
            environment.end()
        self._fleet.started(promised_mib)
        if environment.purpose.forks and self.template.started(environment, initialised):
            self._measure(environment)
            if self.retired or not self.standing.wanted:
                self.template.end()
            self.standing.start_over(environment, Start.TEMPLATE)
            return
        self.standing.start_over(environment, Start.PUT_OFF if self.retired else outcome)
        if initialised:
            self._measure(environment)
            if self.version.snap_start and not self.retired:
                self.standing.rest(environment)
                self._scale_up()
            else:
                self.available(environment)

    def _measure(self, environment: Supervisor) -> None:
        """What its successors will cost."""
        self.init_ms = environment.init_ms
        self.size_mib = environment.memory_peak_mib or self.size_mib
