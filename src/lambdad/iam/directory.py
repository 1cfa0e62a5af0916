"""Who a principal is among the stored identities, and which policies come with it.

Owns the step from a Principal to what `iam/evaluate.py` asks for: caller, permissions, the context
keys that every request of the principal has. All of it is made once and remembered until
something in the account changes; a policy document is compiled once. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from lambdad.core.ids import AccountId
from lambdad.core.value import Value
from lambdad.iam.managed import OWNER, ManagedPolicies
from lambdad.iam.permissions import Permissions
from lambdad.iam.policy import Policy, PolicyKind, stored_policy
from lambdad.iam.principal import Principal, PrincipalKind
from lambdad.iam.principals import Caller, caller_of
from lambdad.iam.records import Group, Identity, ManagedPolicy, Role, User
from lambdad.iam.store import IamStore, Records

_CACHED_POLICIES = 20_000
_CACHED_STANDINGS = 10_000
_DENY_ALL = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'
_ALLOW_ALL = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'

Values = Mapping[str, str | tuple[str, ...]]


class Standing(Value):
    """A principal as policies see it."""

    caller: Caller
    permissions: Permissions
    context: Values
    """Context keys (lower case) that belong to the principal, whatever it asks for."""


class _Remembered(Value):
    principal: Principal
    version: int
    standing: Standing


class Directory:
    """Answers from memory; for one event loop."""

    def __init__(self, store: IamStore, managed: ManagedPolicies) -> None:
        self._store = store
        self._managed = managed
        self._policies: dict[tuple[str, str, PolicyKind], Policy] = {}
        self._standings: dict[str, _Remembered] = {}
        self._deny_all = self._compile("gone", _DENY_ALL, PolicyKind.IDENTITY)
        self._allow_all = self._compile("root", _ALLOW_ALL, PolicyKind.IDENTITY)

    def version(self, account: AccountId) -> int:
        """Changes with everything in the account that a standing could depend on."""
        return self._store.account(account).version

    def standing(self, principal: Principal) -> Standing:
        """What stands behind an authenticated principal now. One whose user or role is gone, or
        was made anew under the same name, is denied everything."""
        version = self.version(principal.account)
        remembered = self._standings.get(principal.access_key_id)
        if (
            remembered is not None
            and remembered.version == version
            and (remembered.principal is principal or remembered.principal == principal)
        ):
            return remembered.standing
        standing = self._look_up(principal)
        if len(self._standings) >= _CACHED_STANDINGS:
            self._standings.clear()
        self._standings[principal.access_key_id] = _Remembered(principal, version, standing)
        return standing

    def identity_policies(self, account: AccountId, identity: Identity) -> tuple[Policy, ...]:
        """Compiled: its own and, for a user, those of the user's groups. A managed policy is
        named by its ARN, an inline one by `<kind>_<identity>_<policy>`."""
        return tuple(self._policies_of(account, identity))

    def boundary(self, account: AccountId, arn: str | None) -> Policy | None:
        """The compiled boundary of this ARN. One that does not exist allows nothing."""
        if arn is None:
            return None
        return self._managed_policy(account, arn, PolicyKind.BOUNDARY) or self._deny_all

    def trust(self, account: AccountId, role: Role) -> Policy:
        """The compiled trust policy of a role."""
        return self._compile(role.arn(account), role.trust, PolicyKind.TRUST)

    def _look_up(self, principal: Principal) -> Standing:
        if principal.kind is PrincipalKind.ROOT:
            return Standing(caller_of(principal), Permissions(), _context(principal, None, ""))
        arn = _identity_arn(principal)
        if arn.endswith(":root"):
            permissions = Permissions((self._allow_all,), session=self._session(principal))
            return Standing(caller_of(principal, arn), permissions, _context(principal, None, arn))
        account = principal.account
        identity = _find(self._store.account(account), account, principal, arn)
        if identity is None:
            gone = Permissions((self._deny_all,))
            return Standing(caller_of(principal, arn), gone, _context(principal, None, arn))
        permissions = Permissions(
            self.identity_policies(account, identity),
            self.boundary(account, identity.boundary),
            self._session(principal),
        )
        arn = identity.arn(account)
        return Standing(
            caller_of(principal, arn, identity.id),
            permissions,
            _context(principal, identity, arn),
        )

    def _session(self, principal: Principal) -> tuple[Policy, ...]:
        terms = principal.session
        if terms is None:
            return ()
        inline = [
            self._compile(principal.arn, document, PolicyKind.SESSION)
            for document in terms.policies
        ]
        managed = [
            self._managed_policy(principal.account, arn, PolicyKind.SESSION) or self._deny_all
            for arn in terms.policy_arns
        ]
        return (*inline, *managed)

    def _policies_of(self, account: AccountId, identity: Identity) -> Iterator[Policy]:
        for arn in identity.attached:
            policy = self._managed_policy(account, arn, PolicyKind.IDENTITY)
            if policy is not None:
                yield policy
        for inline in identity.inline:
            name = f"{identity.KIND}_{identity.name}_{inline.name}"
            yield self._compile(name, inline.document, PolicyKind.IDENTITY)
        if isinstance(identity, User):
            for name in identity.groups:
                group = self._store.account(account).named(Group, name)
                if group is not None:
                    yield from self._policies_of(account, group)

    def _managed_policy(self, account: AccountId, arn: str, kind: PolicyKind) -> Policy | None:
        if arn.startswith(f"arn:aws:iam::{OWNER}:"):
            policy = self._managed.get(arn)
        else:
            records = self._store.account(account)
            policy = records.named(ManagedPolicy, arn.rpartition("/")[2])
        return None if policy is None else self._compile(arn, policy.document, kind)

    def _compile(self, name: str, document: str, kind: PolicyKind) -> Policy:
        policy = self._policies.get((name, document, kind))
        if policy is None:
            policy = stored_policy(document, kind, name=name)
            if len(self._policies) >= _CACHED_POLICIES:
                self._policies.clear()
            self._policies[name, document, kind] = policy
        return policy


def _identity_arn(principal: Principal) -> str:
    """The role or user behind the principal; of a role maybe without its path."""
    if principal.session is not None and principal.session.identity:
        return principal.session.identity
    if principal.kind is PrincipalKind.ASSUMED_ROLE:
        role = principal.arn.split("/")[1]
        return f"arn:aws:iam::{principal.account}:role/{role}"
    return principal.arn


def _find(
    records: Records, account: AccountId, principal: Principal, arn: str
) -> User | Role | None:
    name = arn.rpartition("/")[2]
    identity: User | Role | None
    if principal.kind is PrincipalKind.ASSUMED_ROLE:
        identity = records.named(Role, name)
    else:
        identity = records.named(User, name)
    if identity is None:
        return None
    if principal.session is not None and identity.arn(account) != arn:
        return None
    known = principal.unique_id.partition(":")[0]
    is_its_own = known and principal.kind is not PrincipalKind.FEDERATED_USER
    return None if is_its_own and known != identity.id else identity


def _context(principal: Principal, identity: User | Role | None, arn: str) -> Values:
    """Keys of the principal (IAM user guide, "Global condition context keys")."""
    context: dict[str, str | tuple[str, ...]] = {
        "aws:principalarn": arn or principal.arn,
        "aws:principalaccount": principal.account,
        "aws:principaltype": _TYPES.get(principal.kind, "Anonymous"),
        "aws:principalisawsservice": "false",
    }
    if principal.unique_id:
        context["aws:userid"] = principal.unique_id
    if isinstance(identity, User) and principal.kind is PrincipalKind.USER:
        context["aws:username"] = identity.name
    tags = list(identity.tags) if identity is not None else []
    terms = principal.session
    if terms is not None:
        tags += terms.tags
        issued = datetime.fromtimestamp(terms.issued_s, UTC)
        context["aws:tokenissuetime"] = issued.strftime("%Y-%m-%dT%H:%M:%SZ")
        context["aws:multifactorauthpresent"] = "false" if terms.mfa_s is None else "true"
        if terms.source_identity is not None:
            context["aws:sourceidentity"] = terms.source_identity
        if terms.function_arn is not None:
            context["lambda:sourcefunctionarn"] = terms.function_arn
    for key, value in tags:
        context[f"aws:principaltag/{key.lower()}"] = value
    return context


_TYPES = {
    PrincipalKind.ROOT: "Account",
    PrincipalKind.USER: "User",
    PrincipalKind.ASSUMED_ROLE: "AssumedRole",
    PrincipalKind.FEDERATED_USER: "FederatedUser",
}
