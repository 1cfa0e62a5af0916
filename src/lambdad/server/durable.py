"""The construction of durable executions."""

from __future__ import annotations

import random
from functools import partial

from lambdad.api.internal_calls import InternalAuthorizer
from lambdad.core.clock import Clock
from lambdad.core.limits import Limits
from lambdad.engines.durable.rows import MIGRATIONS
from lambdad.engines.durable.store import DurableStore
from lambdad.functions.snapshot import Catalog
from lambdad.invoke.durable import DurableRunner
from lambdad.invoke.durable_chained import ChainedInvokes, MayInvoke
from lambdad.invoke.durable_invocation import DurableInvocations, RunsFunctions
from lambdad.server.identity import Identity, Surface, internal_authorizer
from lambdad.server.site import Site
from lambdad.storage.lane import Lane

_SESSION = "durable-execution"
"""The name of the role session under which Lambda asks whether a function may invoke another."""


def make_durable(
    site: Site, identity: Identity, surface: Surface, catalog: Catalog, invoker: RunsFunctions
) -> DurableRunner:
    """Durable executions on their own lane. Whoever calls starts them, once the operations that
    their functions call are served."""
    lane = site.lane("durable", MIGRATIONS)
    calls = internal_authorizer(site, identity, surface.authorizer)
    may_invoke = partial(_refusal, calls)
    runner = durable_runner(lane, catalog, invoker, may_invoke, (site.clock, site.limits))
    site.stack.push_async_callback(runner.close)
    return runner


def durable_runner(
    lane: Lane,
    catalog: Catalog,
    invoker: RunsFunctions,
    may_invoke: MayInvoke,
    measures: tuple[Clock, Limits],
) -> DurableRunner:
    """The parts, put together; not started yet."""
    clock, limits = measures
    chained = ChainedInvokes(invoker, catalog, limits, random.random, may_invoke)
    invocations = DurableInvocations(invoker, catalog, limits)
    store = DurableStore(lane, limits.durable_executions)
    return DurableRunner(store, invocations, chained, clock, limits)


def _refusal(calls: InternalAuthorizer, role: str, action: str, resource: str) -> str | None:
    return calls.refusal_for_role(role, _SESSION, action, resource)
