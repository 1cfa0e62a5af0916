"""The one place where concrete things are made and given to each other.

Reads like the parts list of a server: storage, identity, functions, logs, execution, surface.
Everything that has an end is ended in reverse order, also when a later part fails to start.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from lambdad.api.authorizer import PolicyAuthorizer
from lambdad.api.dispatch import Dispatcher, WholeAccount
from lambdad.api.operation import Implementation, bind
from lambdad.api.requirement import ServiceRules
from lambdad.core.clock import SystemClock
from lambdad.core.ids import DEFAULT_ACCOUNT
from lambdad.core.limits import Limits
from lambdad.engines.queue import MIGRATIONS as QUEUE_MIGRATIONS
from lambdad.engines.queue import DelayedQueue
from lambdad.functions.bytecode import HostBytecode
from lambdad.functions.code import CodeStore
from lambdad.functions.layers import LayerStore
from lambdad.functions.preparation import Preparer
from lambdad.functions.resources import ResourceStore
from lambdad.functions.schema import MIGRATIONS as FUNCTION_MIGRATIONS
from lambdad.functions.snapshot import Catalog, FunctionVersion
from lambdad.functions.store import FunctionStore
from lambdad.gateway.api import Api
from lambdad.gateway.code import CodeLinks
from lambdad.gateway.http import HttpServer
from lambdad.gateway.internal import InternalPages
from lambdad.iam.authenticate import (
    AccessKey,
    AnyCredentialsAuthenticator,
    Authenticator,
    SignatureAuthenticator,
    root_principal,
)
from lambdad.iam.authorization_messages import AuthorizationMessages
from lambdad.iam.directory import Directory
from lambdad.iam.execution_roles import ExecutionRoles
from lambdad.iam.issuer_keys import IssuerKeys
from lambdad.iam.key_ring import KeyRing
from lambdad.iam.last_use import LastUses
from lambdad.iam.managed import ManagedPolicies, ServiceRoles
from lambdad.iam.sealing import AesGcmSealer
from lambdad.iam.secrets_at_rest import (
    load_or_create_root_key,
    load_or_create_sealing_key,
    load_or_create_session_key,
)
from lambdad.iam.session import SessionCredentials, SessionIssuer, function_session_name
from lambdad.iam.store import MIGRATIONS as IAM_MIGRATIONS
from lambdad.iam.store import IamStore
from lambdad.invoke.asynchronous import AsyncInvoker
from lambdad.invoke.fleet import MachineFleet
from lambdad.invoke.invoker import Invoker
from lambdad.invoke.warming import PackWarmer
from lambdad.runtime.freezer import Freezer
from lambdad.runtime.services import EnvironmentServices
from lambdad.sandbox.driver import Driver, Tier
from lambdad.sandbox.drivers.namespaces import NamespaceDriver
from lambdad.sandbox.drivers.process import ProcessDriver
from lambdad.sandbox.probe import probe
from lambdad.sandbox.selection import choose_tier
from lambdad.server.config import Config
from lambdad.server.packs import pack_catalog
from lambdad.server.tiers import TIERS
from lambdad.services.iam.authorization import RULES as IAM_RULES
from lambdad.services.iam.operations import OPERATIONS as IAM_OPERATIONS
from lambdad.services.iam.service import IamService
from lambdad.services.lambda_.authorization import RULES as LAMBDA_RULES
from lambdad.services.lambda_.execution_roles import any_role, assumable_role
from lambdad.services.lambda_.operations import OPERATIONS as LAMBDA_OPERATIONS
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.logs.authorization import RULES as LOGS_RULES
from lambdad.services.logs.operations import OPERATIONS as LOGS_OPERATIONS
from lambdad.services.logs.service import LogsService
from lambdad.services.sts.authorization import RULES as STS_RULES
from lambdad.services.sts.operations import OPERATIONS as STS_OPERATIONS
from lambdad.services.sts.service import StsService
from lambdad.storage.blobs import BlobStore
from lambdad.storage.lane import Lane
from lambdad.storage.sqlite import open_lane
from lambdad.telemetry.audit import AuditLog
from lambdad.telemetry.log_schema import LOG_MIGRATIONS
from lambdad.telemetry.logs import LogStore
from lambdad.wire.model import ServiceCatalog
from lambdad.wire.routing import Router

SERVICES = ("iam", "lambda", "logs", "sts")
"""botocore's names of the AWS services that are served."""
_SESSION_S = 12 * 3600
"""How long the credentials of an execution environment hold."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    tier: Tier
    warm_up: Callable[[], None]
    """Does now, in some 20 ms, what the first requests would otherwise wait for."""


@dataclass(frozen=True, slots=True)
class _Site:
    """What every part is made from."""

    config: Config
    clock: SystemClock
    stack: AsyncExitStack
    """Ends what was made, last first."""

    @property
    def limits(self) -> Limits:
        return self.config.limits

    def lane(self, name: str, migrations: Sequence[str]) -> Lane:
        """An open database of the data directory."""
        lane = open_lane(self.config.data_dir / f"{name}.db", migrations, limits=self.limits)
        self.stack.push_async_callback(lane.close)
        return lane


@asynccontextmanager
async def running(config: Config, sock: socket.socket, endpoint: str) -> AsyncIterator[Running]:
    """A whole server, answering on `sock`, which this machine reaches as `endpoint`.

    Raises OperatorError and StorageError if it cannot start."""
    async with AsyncExitStack() as stack:
        site = _Site(config, SystemClock(), stack)
        driver = _driver(config, endpoint)
        stack.push_async_callback(driver.close)
        driver_started = asyncio.create_task(driver.start())  # another process: meanwhile, the rest
        await asyncio.sleep(0)
        identity = await _identity(site)
        blobs = BlobStore(config.data_dir / "blobs")
        stack.callback(blobs.close)

        # The surface comes first, because sandboxes are given it; it serves nothing yet.
        open_to_anyone = config.access.accept_any_credentials
        authorizer = PolicyAuthorizer(identity.directory, site.clock)
        audit = AuditLog(config.data_dir / "audit", site.clock, site.limits)
        stack.push_async_callback(audit.close)
        dispatcher = Dispatcher(WholeAccount() if open_to_anyone else authorizer, audit)
        links = CodeLinks(blobs.path, site.clock)
        router = Router(ServiceCatalog(), SERVICES)
        authenticator = _authenticator(site, identity)
        pages = InternalPages(links)
        api = Api(router, authenticator, dispatcher, pages, open_to_anyone=open_to_anyone)
        http = HttpServer(api, site.limits)

        logs = _logs(site)
        functions = await _functions(site, blobs)
        await driver_started
        execution = await _execution(site, driver, http, logs, identity, functions)

        lambda_service = LambdaService(
            functions=functions.store,
            layers=functions.layers,
            resources=functions.resources,
            code=functions.code,
            preparer=functions.preparer,
            catalog=functions.catalog,
            invoker=execution.invoker,
            async_invoker=execution.events,
            clock=site.clock,
            limits=site.limits,
            code_url=links.url,
            draw=random.random,
            check_role=any_role if open_to_anyone else assumable_role(identity.roles),
        )
        surface = Surface(dispatcher, authorizer)
        surface.serve(lambda_service, LAMBDA_OPERATIONS, LAMBDA_RULES)
        logs_service = LogsService(logs, site.clock, site.limits)
        surface.serve(logs_service, LOGS_OPERATIONS, LOGS_RULES)
        _serve_identity(site, identity, surface)

        stack.push_async_callback(http.close, config.drain_s)
        await http.listen(sock)
        yield Running(driver.tier, lambda: router.preload(SERVICES))


@dataclass(frozen=True, slots=True)
class Surface:
    """What is served, and what it requires."""

    dispatcher: Dispatcher
    authorizer: PolicyAuthorizer

    def serve(
        self, service: object, operations: Iterable[Implementation], rules: ServiceRules
    ) -> None:
        """Add a service: its operations and their requirements."""
        self.dispatcher.serve(bind(service, operations))
        self.authorizer.serve(service, rules)


# Identity.


@dataclass(frozen=True, slots=True)
class _Identity:
    store: IamStore
    sealer: AesGcmSealer
    last_uses: LastUses
    managed: ManagedPolicies
    directory: Directory
    roles: ExecutionRoles
    sessions: SessionIssuer


async def _identity(site: _Site) -> _Identity:
    place = site.config.data_dir
    sealer = AesGcmSealer(load_or_create_sealing_key(place / "sealing.key"))
    store = IamStore(site.lane("iam", IAM_MIGRATIONS), sealer)
    await store.load()
    last_uses = LastUses(store, site.clock)
    last_uses.start()
    site.stack.push_async_callback(last_uses.close)
    sessions = SessionIssuer(load_or_create_session_key(place / "session.key"))
    managed = ManagedPolicies()
    directory = Directory(store, managed)
    roles = ExecutionRoles(store, directory)
    return _Identity(store, sealer, last_uses, managed, directory, roles, sessions)


def _authenticator(site: _Site, identity: _Identity) -> Authenticator:
    """The root key is made even where any key does: `lambdad env` always has one to print."""
    root = load_or_create_root_key(site.config.data_dir / "credentials")
    principal = root_principal(DEFAULT_ACCOUNT, root.access_key_id)
    roots = {root.access_key_id: AccessKey(root.secret_access_key, principal)}
    keys = KeyRing(roots, identity.store)
    if site.config.access.accept_any_credentials:
        return AnyCredentialsAuthenticator(identity.sessions, keys)
    return SignatureAuthenticator(keys, identity.sessions, site.clock, identity.last_uses)


def _serve_identity(site: _Site, identity: _Identity, surface: Surface) -> None:
    clock, quotas = site.clock, site.limits.iam
    iam = IamService(identity.store, identity.managed, ServiceRoles(), clock, quotas)
    sts = StsService(
        store=identity.store,
        directory=identity.directory,
        sessions=identity.sessions,
        issuer_keys=IssuerKeys(clock, site.config.data_dir / "oidc-keys"),
        messages=AuthorizationMessages(identity.sealer),
        last_uses=identity.last_uses,
        clock=clock,
        quotas=quotas,
    )
    surface.serve(iam, IAM_OPERATIONS, IAM_RULES)
    surface.serve(sts, STS_OPERATIONS, STS_RULES)


# Logs and functions.


def _logs(site: _Site) -> LogStore:
    logs = LogStore(site.lane("logs", LOG_MIGRATIONS), site.clock, site.limits)
    logs.start()
    site.stack.push_async_callback(logs.close)
    return logs


@dataclass(frozen=True, slots=True)
class _Functions:
    store: FunctionStore
    layers: LayerStore
    resources: ResourceStore
    code: CodeStore
    preparer: Preparer
    catalog: Catalog


async def _functions(site: _Site, blobs: BlobStore) -> _Functions:
    catalog = Catalog()
    trees = site.config.data_dir / "code"
    code = CodeStore(blobs, trees, HostBytecode(site.limits), site.clock, site.limits)
    site.stack.push_async_callback(code.close)
    lane = site.lane("control", FUNCTION_MIGRATIONS)
    layers = LayerStore(lane, code)
    await layers.load()
    resources = ResourceStore(lane)
    await resources.load()
    store = FunctionStore(lane, catalog, code)
    await store.load()
    preparer = Preparer(store, code)
    await preparer.start()
    site.stack.push_async_callback(preparer.close)
    return _Functions(store, layers, resources, code, preparer, catalog)


# Execution.


@dataclass(frozen=True, slots=True)
class _Execution:
    invoker: Invoker
    events: AsyncInvoker


async def _execution(
    site: _Site,
    driver: Driver,
    http: HttpServer,
    logs: LogStore,
    identity: _Identity,
    functions: _Functions,
) -> _Execution:
    clock, limits, stack = site.clock, site.limits, site.stack
    environments = EnvironmentServices(
        driver=driver,
        log_sink=logs,
        credentials_for=_credentials(identity, clock),
        clock=clock,
        limits=limits,
        freezer=Freezer(clock, limits.environment_freeze_grace_ms),
        platform=http,
    )
    packs = pack_catalog(site.config.data_dir, site.config.surroundings)
    PackWarmer(packs, driver, environments.tasks).follow(functions.catalog)
    invoker = Invoker(MachineFleet(environments, functions.catalog), packs)
    stack.push_async_callback(invoker.close)
    queue_lane = site.lane("queues", QUEUE_MIGRATIONS)
    queue = DelayedQueue(queue_lane, "lambda-events", limits.async_queue_events)
    events = AsyncInvoker(queue, invoker, functions.catalog, clock, limits, random.random)
    await events.start()
    stack.push_async_callback(events.close)
    return _Execution(invoker, events)


def _driver(config: Config, endpoint: str) -> Driver:
    """The strongest isolation that this machine offers. Raises SandboxError below the minimum.

    Looking at the machine forks: called before there are threads."""
    choice = choose_tier(probe(), TIERS, config.sandbox.min_tier)
    if choice.tier is Tier.PROCESS:
        return ProcessDriver(endpoint, config.limits)
    scratch_dir = config.data_dir / "scratch"
    return NamespaceDriver(choice.tier, scratch_dir, choice.missing_layers, config.limits)


def _credentials(
    identity: _Identity, clock: SystemClock
) -> Callable[[FunctionVersion], SessionCredentials]:
    """The credentials that an execution environment gets: its role's, under its own name. A role
    that IAM does not hold still has a name, and no rights."""

    def issue(version: FunctionVersion) -> SessionCredentials:
        name, now_s = function_session_name(version.name), clock.wall_ms() // 1000
        principal = identity.roles.principal(version.role, name, now_s)
        if principal is None:
            return identity.sessions.issue(version.account, version.role, name, now_s + _SESSION_S)
        return identity.sessions.grant(principal, now_s + _SESSION_S)

    return issue
