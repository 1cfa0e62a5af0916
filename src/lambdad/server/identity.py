"""The chapter of `server/wiring.py` about identity: who calls, what they may, who wrote it down.

Makes things and gives them to each other; knows no rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lambdad.api.authorizer import AccountAuthorizer, PolicyAuthorizer
from lambdad.api.dispatch import Dispatcher
from lambdad.api.internal_calls import (
    AnyInternalCall,
    InternalAuthorizer,
    PolicyInternalAuthorizer,
)
from lambdad.api.operation import Implementation, bind
from lambdad.api.requirement import ServiceRules
from lambdad.api.why import Why
from lambdad.core.value import Value, replace
from lambdad.functions.snapshot import FunctionVersion
from lambdad.gateway.operator import OperatorPages
from lambdad.iam.authenticate import (
    AnyCredentialsAuthenticator,
    Authenticator,
    SignatureAuthenticator,
)
from lambdad.iam.authorization_messages import AuthorizationMessages
from lambdad.iam.backoff import Backoff
from lambdad.iam.directory import Directory
from lambdad.iam.execution_roles import ExecutionRoles
from lambdad.iam.issuer_keys import IssuerKeys
from lambdad.iam.key_ring import KeyRing
from lambdad.iam.last_use import LastUses
from lambdad.iam.managed import ManagedPolicies, ServiceRoles
from lambdad.iam.mfa import MfaDevices
from lambdad.iam.root_keys import RootKeys
from lambdad.iam.secrets_at_rest import load_or_create_sealing_key, load_or_create_session_key
from lambdad.iam.session import SessionCredentials, SessionIssuer, function_session_name
from lambdad.iam.store import MIGRATIONS, IamStore
from lambdad.server.site import Site
from lambdad.services.iam.authorization import RULES as IAM_RULES
from lambdad.services.iam.operations import OPERATIONS as IAM_OPERATIONS
from lambdad.services.iam.service import IamService
from lambdad.services.lambda_.execution_roles import PRINCIPAL as LAMBDA
from lambdad.services.lambda_.execution_roles import RoleCheck, any_role, assumable_role
from lambdad.services.sts.authorization import RULES as STS_RULES
from lambdad.services.sts.operations import OPERATIONS as STS_OPERATIONS
from lambdad.services.sts.service import StsService
from lambdad.storage.data_keys import DataKeys
from lambdad.storage.sealing import AesGcmSealer
from lambdad.telemetry.audit import AuditLog

_CREDENTIALS_MARGIN_S = 3600
"""Credentials outlive the environment that has them: an invocation may begin at its end."""
_NOBODY = "AROA"
"""No role's unique id, so that no role's rights come with it."""


class Identity(Value):
    """Everything that knows who calls."""

    store: IamStore
    sealer: AesGcmSealer
    data_keys: DataKeys
    roots: RootKeys
    keys: KeyRing
    last_uses: LastUses
    managed: ManagedPolicies
    directory: Directory
    roles: ExecutionRoles
    sessions: SessionIssuer
    audit: AuditLog


async def make_identity(site: Site) -> Identity:
    """Loaded and started. The root key is made even where any key does: `lambdad env` always has
    one to print."""
    place = site.config.data_dir
    sealer = AesGcmSealer(load_or_create_sealing_key(place / "sealing.key"))
    store = IamStore(site.lane("iam", MIGRATIONS), sealer)
    await store.load()
    last_uses = LastUses(store, site.clock)
    last_uses.start()
    site.stack.push_async_callback(last_uses.close)
    audit = AuditLog(place / "audit", site.clock, site.limits)
    site.stack.push_async_callback(audit.close)
    roots = RootKeys(place / "credentials")
    managed = ManagedPolicies()
    directory = Directory(store, managed)
    return Identity(
        store=store,
        sealer=sealer,
        data_keys=DataKeys(sealer, place / "keys"),
        roots=roots,
        keys=KeyRing(roots.by_id, store),
        last_uses=last_uses,
        managed=managed,
        directory=directory,
        roles=ExecutionRoles(store, directory),
        sessions=SessionIssuer(load_or_create_session_key(place / "session.key")),
        audit=audit,
    )


def make_authenticator(site: Site, identity: Identity) -> Authenticator:
    """By signature, or, where the operator wants it so, by any credentials."""
    if site.config.access.accept_any_credentials:
        return AnyCredentialsAuthenticator(identity.sessions, identity.keys)
    backoff = Backoff(site.limits)
    return SignatureAuthenticator(
        identity.keys, identity.sessions, site.clock, identity.last_uses, backoff
    )


class Surface(Value):
    """What is served, and what it requires."""

    dispatcher: Dispatcher
    authorizer: PolicyAuthorizer

    def serve(
        self, service: object, operations: Iterable[Implementation], rules: ServiceRules
    ) -> None:
        """Add a service: its operations and their requirements."""
        self.dispatcher.serve(bind(service, operations))
        self.authorizer.serve(service, rules)


def make_surface(site: Site, identity: Identity) -> Surface:
    """Nothing is served on it yet. Policies decide, unless any credentials do."""
    kind = AccountAuthorizer if site.config.access.accept_any_credentials else PolicyAuthorizer
    authorizer = kind(identity.directory, site.clock)
    return Surface(Dispatcher(authorizer, identity.audit), authorizer)


def internal_authorizer(
    site: Site, identity: Identity, authorizer: PolicyAuthorizer
) -> InternalAuthorizer:
    """For what services do of their own accord: pollers, destinations, notifications."""
    if site.config.access.accept_any_credentials:
        return AnyInternalCall()
    return PolicyInternalAuthorizer(authorizer, identity.directory, identity.roles, site.clock)


def make_operator_pages(
    site: Site, identity: Identity, authenticator: Authenticator, authorizer: PolicyAuthorizer
) -> OperatorPages:
    """What the operator's commands talk to."""
    why = Why(identity.store, identity.directory, identity.roles, authorizer, site.clock)
    return OperatorPages(authenticator, identity.roots, why, identity.audit)


def serve_identity(site: Site, identity: Identity, surface: Surface) -> None:
    """IAM and STS."""
    clock, quotas = site.clock, site.limits.iam
    mfa = MfaDevices(identity.store, identity.sealer, clock, site.limits)
    iam = IamService(identity.store, identity.managed, ServiceRoles(), clock, quotas, mfa)
    sts = StsService(
        store=identity.store,
        directory=identity.directory,
        sessions=identity.sessions,
        issuer_keys=IssuerKeys(clock, site.config.data_dir / "oidc-keys"),
        messages=AuthorizationMessages(identity.sealer),
        last_uses=identity.last_uses,
        mfa=mfa,
        clock=clock,
        quotas=quotas,
    )
    surface.serve(iam, IAM_OPERATIONS, IAM_RULES)
    surface.serve(sts, STS_OPERATIONS, STS_RULES)


def role_check(site: Site, identity: Identity) -> RoleCheck:
    """Which roles functions may have."""
    if site.config.access.accept_any_credentials:
        return any_role
    return assumable_role(identity.roles)


def function_credentials(
    site: Site, identity: Identity
) -> Callable[[FunctionVersion], SessionCredentials]:
    """The credentials that an execution environment gets: its role's, under its own name. A role
    that IAM does not hold, or that has come to trust Lambda no more, still has a name, and no
    rights."""
    clock, roles, sessions = site.clock, identity.roles, identity.sessions
    anyone = site.config.access.accept_any_credentials
    lifetime_s = int(site.limits.environment_lifetime_s) + _CREDENTIALS_MARGIN_S

    def issue(version: FunctionVersion) -> SessionCredentials:
        name, now_s = function_session_name(version.name), clock.wall_ms() // 1000
        principal = roles.principal(version.role, name, now_s, version.arn)
        if principal is None:
            return sessions.issue(version.account, version.role, name, now_s + lifetime_s)
        source = {"aws:sourcearn": version.arn, "aws:sourceaccount": version.account}
        if not anyone and not roles.trusts(version.role, LAMBDA, source):
            principal = replace(principal, unique_id=f"{_NOBODY}:{name}")
        return sessions.grant(principal, now_s + lifetime_s)

    return issue
