"""The chapter of `server/wiring.py` about what makes functions run by itself: event source
mappings, asynchronous events and where their outcomes go. Makes things; knows no rule."""

from __future__ import annotations

import random

from lambdad.core.value import Value
from lambdad.engines.queue.engine import QueueEngine
from lambdad.events.delivery import Plane
from lambdad.events.failed_executions import FailedExecutions
from lambdad.events.mapping import KIND, EventSourceMapping
from lambdad.events.mappings import EventSourceMappings
from lambdad.events.outcomes import Outcomes
from lambdad.events.sources.sqs import SqsSource
from lambdad.events.target import Target
from lambdad.events.targets.function import FunctionTarget
from lambdad.events.targets.sqs import SqsTarget
from lambdad.functions.resources import KINDS, Kinds, ResourceStore
from lambdad.functions.snapshot import Catalog, FunctionVersion
from lambdad.iam.session import function_session_name
from lambdad.invoke.asynchronous import AsyncInvoker
from lambdad.invoke.durable import DurableRunner
from lambdad.invoke.durable_invoker import DurableInvoker
from lambdad.invoke.loop_guard import LoopGuard
from lambdad.server.identity import Identity, Surface, internal_authorizer
from lambdad.server.site import Site

RESOURCE_KINDS: Kinds = {**KINDS, KIND: EventSourceMapping}
"""What the store of Lambda's resources holds."""


class Started(Value):
    """What triggers set in motion."""

    catalog: Catalog
    resources: ResourceStore
    invoker: DurableInvoker
    durable: DurableRunner
    events: AsyncInvoker
    loops: LoopGuard


class Triggers(Value):
    """Made, and not begun."""

    mappings: EventSourceMappings
    site: Site
    started: Started

    async def start(self) -> None:
        """Read sources, and go on with events that an earlier process has left. Functions run
        from now on."""
        await self.started.events.start()
        self.site.stack.push_async_callback(self.started.events.close)
        await self.mappings.start()
        self.site.stack.push_async_callback(self.mappings.close)


def make_triggers(
    site: Site, identity: Identity, surface: Surface, queues: QueueEngine, started: Started
) -> Triggers:
    """Every source and every target there is."""
    clock, counters = site.clock, site.counters
    authorizer = internal_authorizer(site, identity, surface.authorizer)
    plane = Plane(started.catalog, started.invoker, started.loops, counters, clock, random.random)
    sources = {"sqs": SqsSource(queues, authorizer, clock)}
    mappings = EventSourceMappings(started.resources, sources, plane, site.limits)

    def sender_id(version: FunctionVersion) -> str:
        session = function_session_name(version.name)
        principal = identity.roles.principal(version.role, session, clock.wall_ms() // 1000)
        return session if principal is None else principal.unique_id

    targets: dict[str, Target] = {
        "sqs": SqsTarget(queues, sender_id),
        "lambda": FunctionTarget(started.events, started.catalog, site.limits),
    }
    outcomes = Outcomes(started.catalog, targets, authorizer, counters, clock)
    started.events.on_over = outcomes.told
    started.durable.on_failure = FailedExecutions(started.catalog, outcomes, queues).told
    return Triggers(mappings, site, started)
