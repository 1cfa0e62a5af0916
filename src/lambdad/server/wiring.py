"""The one place where concrete things are made and given to each other.

Reads like the parts list of a server: storage, identity, functions, logs, execution, surface.
Everything that has an end is ended in reverse order, also when a later part fails to start.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from lambdad.core.clock import SystemClock
from lambdad.core.value import Value
from lambdad.engines.queue.engine import QueueEngine
from lambdad.functions.bytecode import HostBytecode
from lambdad.functions.code import CodeStore
from lambdad.functions.layers import LayerStore
from lambdad.functions.preparation import Preparer
from lambdad.functions.resources import ResourceStore
from lambdad.functions.schema import MIGRATIONS as FUNCTION_MIGRATIONS
from lambdad.functions.snapshot import Catalog
from lambdad.functions.store import FunctionStore
from lambdad.gateway.api import Api
from lambdad.gateway.code import CodeLinks
from lambdad.gateway.front import Front
from lambdad.gateway.http import HttpServer
from lambdad.gateway.internal import InternalPages
from lambdad.invoke.archiving import Archivist
from lambdad.invoke.durable_invoker import DurableInvoker
from lambdad.invoke.fleet import MachineFleet
from lambdad.invoke.invoker import Invoker
from lambdad.invoke.loop_guard import LoopGuard
from lambdad.invoke.machine import linux_reader
from lambdad.invoke.provisioning import Provisioner
from lambdad.invoke.snapshots import Snapshots
from lambdad.invoke.warming import PackWarmer
from lambdad.runtime.archives import ArchiveStore
from lambdad.runtime.freezer import Freezer
from lambdad.runtime.services import EnvironmentServices
from lambdad.sandbox.driver import Driver, Tier
from lambdad.server.config import Config
from lambdad.server.door import Door
from lambdad.server.durable import make_durable
from lambdad.server.function_urls import make_function_urls
from lambdad.server.identity import (
    Identity,
    Surface,
    function_credentials,
    make_authenticator,
    make_identity,
    make_operator_pages,
    make_surface,
    role_check,
    serve_identity,
)
from lambdad.server.packs import pack_catalog
from lambdad.server.queues import make_events, make_queues, serve_queues
from lambdad.server.recorded_events import record_events
from lambdad.server.site import Site
from lambdad.server.triggers import RESOURCE_KINDS, Started, Triggers, make_triggers
from lambdad.server.walls import Walls
from lambdad.services.lambda_.authorization import RULES as LAMBDA_RULES
from lambdad.services.lambda_.operations import OPERATIONS as LAMBDA_OPERATIONS
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.logs.authorization import RULES as LOGS_RULES
from lambdad.services.logs.operations import OPERATIONS as LOGS_OPERATIONS
from lambdad.services.logs.service import LogsService
from lambdad.storage.blobs import BlobStore
from lambdad.storage.data_keys import DataKeys
from lambdad.telemetry.log_schema import LOG_MIGRATIONS
from lambdad.telemetry.logs import LogStore
from lambdad.wire.model import ServiceCatalog
from lambdad.wire.routing import Router

SERVICES = ("iam", "lambda", "logs", "sqs", "sts")
"""botocore's names of the AWS services that are served."""


class Running(Value):
    """A server that answers."""

    endpoint: str
    """The URL under which this machine reaches it."""
    tier: Tier
    warm_up: Callable[[], None]
    """Does now, in some 20 ms, what the first requests would otherwise wait for."""


@asynccontextmanager
async def running(config: Config, door: Door, walls: Walls) -> AsyncIterator[Running]:
    """A whole server, answering at `door`, its functions behind `walls`.

    Raises OperatorError and StorageError if it cannot start."""
    async with AsyncExitStack() as stack:
        site = Site(config, SystemClock(), stack)
        driver = walls.driver(config, door.endpoint)
        stack.push_async_callback(driver.close)
        driver_started = asyncio.create_task(driver.start())  # another process: meanwhile, the rest
        await asyncio.sleep(0)
        identity = await make_identity(site)
        blobs = BlobStore(config.data_dir / "blobs", identity.data_keys.key("code"))
        stack.callback(blobs.close)

        # The surface comes first, because sandboxes are given it; it serves nothing yet.
        surface = make_surface(site, identity)
        links = CodeLinks(blobs.open, site.clock)
        router = Router(ServiceCatalog(), SERVICES)
        authenticator = make_authenticator(site, identity)
        operator = make_operator_pages(site, identity, authenticator, surface.authorizer)
        api = Api(
            router,
            authenticator,
            surface.dispatcher,
            InternalPages(links, operator),
            open_to_anyone=config.access.accept_any_credentials,
            audit=identity.audit,
        )
        front = Front(api)
        http = HttpServer(front, site.limits)

        logs = await _logs(site)
        functions = await _functions(site, blobs, links, identity.data_keys)
        queues = await make_queues(site)
        await driver_started
        execution = await _execution(site, driver, http, logs, identity, functions)
        functions.preparer.carry_on(execution.snapshots)
        lambda_service, triggers = _lambda(site, identity, surface, queues, functions, execution)
        surface.serve(lambda_service, LAMBDA_OPERATIONS, LAMBDA_RULES)
        logs_service = LogsService(logs, site.clock, site.limits)
        surface.serve(logs_service, LOGS_OPERATIONS, LOGS_RULES)
        serve_identity(site, identity, surface)
        serve_queues(site, queues, surface, operator)

        await record_events(site, identity, execution.invoker, functions.catalog, operator)
        front.function_urls = make_function_urls(
            site, identity, authenticator, surface.authorizer, triggers.started
        )
        await lambda_service.durable.start()  # its functions call what is served by now
        await triggers.start()
        stack.push_async_callback(http.close, config.drain_s)
        await http.listen(door.sock, door.tls)
        yield Running(door.endpoint, driver.tier, lambda: router.preload(SERVICES))


# Logs and functions.


async def _logs(site: Site) -> LogStore:
    logs = LogStore(site.lane("logs", LOG_MIGRATIONS), site.clock, site.limits)
    await logs.load()
    logs.start()
    site.stack.push_async_callback(logs.close)
    return logs


class _Functions(Value):
    store: FunctionStore
    layers: LayerStore
    resources: ResourceStore
    code: CodeStore
    preparer: Preparer
    catalog: Catalog
    links: CodeLinks


async def _functions(site: Site, blobs: BlobStore, links: CodeLinks, keys: DataKeys) -> _Functions:
    catalog = Catalog()
    trees = site.config.data_dir / "code"
    code = CodeStore(blobs, trees, HostBytecode(site.limits), site.clock, site.limits)
    site.stack.push_async_callback(code.close)
    lane = site.lane("control", FUNCTION_MIGRATIONS)
    layers = LayerStore(lane, code)
    await layers.load()
    resources = ResourceStore(lane, RESOURCE_KINDS)
    await resources.load()
    store = FunctionStore(lane, catalog, code, keys)
    await store.load()
    preparer = Preparer(store, code)
    await preparer.start()
    site.stack.push_async_callback(preparer.close)
    return _Functions(store, layers, resources, code, preparer, catalog, links)


# Execution.


class _Execution(Value):
    invoker: Invoker
    provisioner: Provisioner
    snapshots: Snapshots
    loops: LoopGuard


async def _execution(
    site: Site,
    driver: Driver,
    http: HttpServer,
    logs: LogStore,
    identity: Identity,
    functions: _Functions,
) -> _Execution:
    clock, limits, stack = site.clock, site.limits, site.stack
    archives = ArchiveStore(site.config.data_dir / "archives", limits)
    environments = EnvironmentServices(
        driver=driver,
        log_sink=logs,
        credentials_for=function_credentials(site, identity),
        clock=clock,
        limits=limits,
        freezer=Freezer(clock, limits.environment_freeze_grace_ms),
        platform=http,
        archives=archives,
    )
    packs = pack_catalog(site.config.data_dir, site.config.surroundings)
    PackWarmer(packs, driver, environments.tasks).follow(functions.catalog)
    fleet = MachineFleet(environments, functions.catalog, linux_reader())
    provisioner = Provisioner(fleet, packs, functions.catalog)
    invoker = Invoker(fleet, packs)
    stack.push_async_callback(invoker.close)
    stack.push_async_callback(Archivist(fleet, packs, functions.catalog, archives).close)
    snapshots = Snapshots(fleet, packs, functions.catalog)
    return _Execution(invoker, provisioner, snapshots, LoopGuard(site.counters))


# Lambda.


def _lambda(
    site: Site,
    identity: Identity,
    surface: Surface,
    queues: QueueEngine,
    functions: _Functions,
    execution: _Execution,
) -> tuple[LambdaService, Triggers]:
    """The service, and what makes functions run by itself; neither has begun."""
    durable = make_durable(site, identity, surface, functions.catalog, execution.invoker)
    invoker = DurableInvoker(execution.invoker, durable, site.limits)
    events = make_events(site, queues, functions.catalog, invoker, execution.loops)
    started = Started(
        functions.catalog, functions.resources, invoker, durable, events, execution.loops
    )
    triggers = make_triggers(site, identity, surface, queues, started)
    service = LambdaService(
        functions=functions.store,
        layers=functions.layers,
        resources=functions.resources,
        mappings=triggers.mappings,
        loops=execution.loops,
        code=functions.code,
        preparer=functions.preparer,
        catalog=functions.catalog,
        invoker=execution.invoker,
        async_invoker=events,
        durable=durable,
        clock=site.clock,
        limits=site.limits,
        code_url=functions.links.url,
        draw=random.random,
        allocation=execution.provisioner.allocation,
        check_role=role_check(site, identity),
    )
    return service, triggers
