"""The one place where concrete things are made and given to each other.

Reads like the parts list of a server: storage, identity, functions, logs, execution, surface.
Everything that has an end is ended in reverse order, also when a later part fails to start.
"""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from lambdad.api.dispatch import Dispatcher, RootOnly, WholeAccount
from lambdad.api.operation import bind
from lambdad.core.clock import SystemClock
from lambdad.core.ids import DEFAULT_ACCOUNT
from lambdad.engines.queue import MIGRATIONS as QUEUE_MIGRATIONS
from lambdad.engines.queue import DelayedQueue
from lambdad.functions.bytecode import HostBytecode
from lambdad.functions.code import CodeStore
from lambdad.functions.preparation import Preparer
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
from lambdad.runtime.freezer import Freezer
from lambdad.runtime.services import EnvironmentServices
from lambdad.sandbox.driver import Driver, Tier
from lambdad.sandbox.drivers.process import ProcessDriver
from lambdad.server.config import Config
from lambdad.server.packs import pack_catalog
from lambdad.services.iam.operations import OPERATIONS as IAM_OPERATIONS
from lambdad.services.iam.service import IamService
from lambdad.services.lambda_.operations import OPERATIONS as LAMBDA_OPERATIONS
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.logs.operations import OPERATIONS as LOGS_OPERATIONS
from lambdad.services.logs.service import LogsService
from lambdad.services.sts.operations import OPERATIONS as STS_OPERATIONS
from lambdad.services.sts.service import StsService
from lambdad.storage.blobs import BlobStore
from lambdad.storage.sqlite import open_lane
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


@asynccontextmanager
async def running(config: Config, sock: socket.socket, endpoint: str) -> AsyncIterator[Running]:
    """A whole server, answering on `sock`, which this machine reaches as `endpoint`.

    Raises OperatorError and StorageError if it cannot start."""
    async with AsyncExitStack() as stack:
        clock, limits, place = SystemClock(), config.limits, config.data_dir

        # Storage.
        control = open_lane(place / "control.db", FUNCTION_MIGRATIONS, limits=limits)
        stack.push_async_callback(control.close)
        log_lane = open_lane(place / "logs.db", LOG_MIGRATIONS, limits=limits)
        stack.push_async_callback(log_lane.close)
        blobs = BlobStore(place / "blobs")
        stack.callback(blobs.close)

        # Identity.
        iam_lane = open_lane(place / "iam.db", IAM_MIGRATIONS, limits=limits)
        stack.push_async_callback(iam_lane.close)
        sealer = AesGcmSealer(load_or_create_sealing_key(place / "sealing.key"))
        identities = IamStore(iam_lane, sealer)
        await identities.load()
        last_uses = LastUses(identities, clock)
        last_uses.start()
        stack.push_async_callback(last_uses.close)
        managed_policies = ManagedPolicies()
        directory = Directory(identities, managed_policies)
        sessions = SessionIssuer(load_or_create_session_key(place / "session.key"))
        authenticator = _authenticator(config, sessions, identities, last_uses, clock)

        # Surface; served at the end of this function.
        open_to_anyone = config.access.accept_any_credentials
        dispatcher = Dispatcher(WholeAccount() if open_to_anyone else RootOnly())
        links = CodeLinks(blobs.path, clock)
        router = Router(ServiceCatalog(), SERVICES)
        api = Api(
            router, authenticator, dispatcher, InternalPages(links), open_to_anyone=open_to_anyone
        )
        http = HttpServer(api, limits)

        # Identity's services.
        iam_service = IamService(identities, managed_policies, ServiceRoles(), clock, limits.iam)
        dispatcher.serve(bind(iam_service, IAM_OPERATIONS))
        sts_service = StsService(
            store=identities,
            directory=directory,
            sessions=sessions,
            issuer_keys=IssuerKeys(clock),
            messages=AuthorizationMessages(sealer),
            last_uses=last_uses,
            clock=clock,
            quotas=limits.iam,
        )
        dispatcher.serve(bind(sts_service, STS_OPERATIONS))

        # Logs.
        logs = LogStore(log_lane, clock, limits)
        logs.start()
        stack.push_async_callback(logs.close)
        dispatcher.serve(bind(LogsService(logs, clock, limits), LOGS_OPERATIONS))

        # Functions.
        catalog = Catalog()
        code = CodeStore(blobs, place / "code", HostBytecode(limits), clock, limits)
        stack.push_async_callback(code.close)
        functions = FunctionStore(control, catalog, code)
        await functions.load()
        preparer = Preparer(functions, code)
        await preparer.start()
        stack.push_async_callback(preparer.close)

        # Execution.
        driver = _driver(config, endpoint)
        await driver.start()
        stack.push_async_callback(driver.close)
        environments = EnvironmentServices(
            driver=driver,
            log_sink=logs,
            credentials_for=_credentials(sessions, clock),
            clock=clock,
            limits=limits,
            freezer=Freezer(clock, limits.environment_freeze_grace_ms),
            platform=http,
        )
        packs = pack_catalog(place, config.surroundings)
        invoker = Invoker(MachineFleet(environments, catalog), packs)
        stack.push_async_callback(invoker.close)
        queue_lane = open_lane(place / "queues.db", QUEUE_MIGRATIONS, limits=limits)
        stack.push_async_callback(queue_lane.close)
        queue = DelayedQueue(queue_lane, "lambda-events", limits.async_queue_events)
        events = AsyncInvoker(queue, invoker, catalog, clock, limits, random.random)
        await events.start()
        stack.push_async_callback(events.close)
        lambda_service = LambdaService(
            functions=functions,
            code=code,
            preparer=preparer,
            catalog=catalog,
            invoker=invoker,
            async_invoker=events,
            clock=clock,
            limits=limits,
            code_url=links.url,
            draw=random.random,
        )
        dispatcher.serve(bind(lambda_service, LAMBDA_OPERATIONS))

        stack.push_async_callback(http.close, config.drain_s)
        await http.listen(sock)
        yield Running(driver.tier)


def _driver(config: Config, endpoint: str) -> Driver:
    return ProcessDriver(endpoint, config.limits)


def _authenticator(
    config: Config,
    sessions: SessionIssuer,
    identities: IamStore,
    last_uses: LastUses,
    clock: SystemClock,
) -> Authenticator:
    """The root key is made even where any key does: `lambdad env` always has one to print."""
    root = load_or_create_root_key(config.data_dir / "credentials")
    principal = root_principal(DEFAULT_ACCOUNT, root.access_key_id)
    roots = {root.access_key_id: AccessKey(root.secret_access_key, principal)}
    keys = KeyRing(roots, identities)
    if config.access.accept_any_credentials:
        return AnyCredentialsAuthenticator(sessions, keys)
    return SignatureAuthenticator(keys, sessions, clock, last_uses)


def _credentials(
    sessions: SessionIssuer, clock: SystemClock
) -> Callable[[FunctionVersion], SessionCredentials]:
    """The credentials that an execution environment gets: its role's, under its own name."""

    def issue(version: FunctionVersion) -> SessionCredentials:
        name = function_session_name(version.name)
        expires_s = clock.wall_ms() // 1000 + _SESSION_S
        return sessions.issue(version.account, version.role, name, expires_s)

    return issue
