"""The chapter of `server/wiring.py` about queues, SQS and asynchronous events. Makes things; knows
no rule."""

from __future__ import annotations

import random

from lambdad.engines.queue.engine import QueueEngine
from lambdad.engines.queue.schema import MIGRATIONS
from lambdad.functions.snapshot import Catalog
from lambdad.gateway.operator import OperatorPages
from lambdad.gateway.queues import QueuePages
from lambdad.invoke.asynchronous import AsyncInvoker
from lambdad.invoke.durable_invoker import DurableInvoker
from lambdad.invoke.event_queue import EventQueue
from lambdad.invoke.loop_guard import LoopGuard
from lambdad.server.identity import Surface
from lambdad.server.site import Site
from lambdad.services.sqs.authorization import RULES
from lambdad.services.sqs.operations import OPERATIONS
from lambdad.services.sqs.service import SqsService


async def make_queues(site: Site) -> QueueEngine:
    """Every queue of the server, open."""
    queues = QueueEngine(site.lane("queues", MIGRATIONS), site.clock, site.limits)
    await queues.start()
    site.stack.push_async_callback(queues.close)
    return queues


def make_events(
    site: Site, queues: QueueEngine, catalog: Catalog, invoker: DurableInvoker, loops: LoopGuard
) -> AsyncInvoker:
    """Asynchronous invocation; whoever starts it also ends it."""
    queue = EventQueue(queues, site.clock, site.limits, site.counters)
    events = AsyncInvoker(queue, invoker, catalog, site.clock, site.limits, random.random)
    events.loops = loops
    return events


def serve_queues(
    site: Site, queues: QueueEngine, surface: Surface, operator: OperatorPages
) -> None:
    """SQS over the queues, and the operator's look into them."""
    service = SqsService(queues, site.clock, site.limits.sqs)
    surface.serve(service, OPERATIONS, RULES)
    operator.add(QueuePages(queues).pages())
