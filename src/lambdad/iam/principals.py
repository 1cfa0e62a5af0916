"""Who calls, under every name a policy may call him, and the Principal element that names him.

Owns which principals an element means and how strongly it grants. Decides nothing. Pure.

Sources: IAM user guide, "Principal", "NotPrincipal", and the table "Resource-based policies and
implicit denies" of "Policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

from lambdad.core.arn import PARTITION
from lambdad.core.value import Value
from lambdad.iam.principal import Principal, PrincipalKind

_SESSIONS = (PrincipalKind.ASSUMED_ROLE, PrincipalKind.FEDERATED_USER)
_WITHOUT_IDENTITY = (PrincipalKind.SERVICE, PrincipalKind.FEDERATED, PrincipalKind.ANONYMOUS)


class Grant(IntEnum):
    """How strongly an Allow of a resource policy reaches a caller of the same account."""

    NONE = 0
    DELEGATED = 1
    """The account is named: its identity policies decide."""
    IDENTITY = 2
    """The role (or federating user) behind a session is named: boundary and session policy
    still limit it, the identity policies need not allow."""
    DIRECT = 3
    """The caller himself or everybody is named: only an explicit deny is stronger."""


class Caller(Value):
    """A caller as policies see him. Made once per session or key, not per request."""

    kind: PrincipalKind
    account: str | None
    """None for services, federated identities and strangers."""
    arn: str
    """What error texts call him; for a service its name (`lambda.amazonaws.com`), for a
    federated identity its provider."""
    identity: str
    """ARN of the identity whose policies apply: of the role for a session, else `arn`."""
    unique_id: str = ""
    """`AIDA…` or `AROA…`, under which a stored policy may remember a user or role."""

    @property
    def has_identity(self) -> bool:
        """Whether identity policies can be attached to him."""
        return self.kind not in _WITHOUT_IDENTITY

    @property
    def is_root(self) -> bool:
        return self.kind is PrincipalKind.ROOT


ANONYMOUS = Caller(PrincipalKind.ANONYMOUS, None, "anonymous", "anonymous")


def caller_of(principal: Principal, identity: str = "", unique_id: str = "") -> Caller:
    """The caller behind an authenticated principal.

    `identity` is the ARN of the role behind a session, or of the user behind a federated one.
    """
    return Caller(
        principal.kind, principal.account, principal.arn, identity or principal.arn, unique_id
    )


def service_caller(name: str) -> Caller:
    """An AWS service that acts of its own accord: `events.amazonaws.com`."""
    return Caller(PrincipalKind.SERVICE, None, name, name)


def federated_caller(provider: str) -> Caller:
    """Whoever holds a token of an identity provider (its ARN or domain)."""
    return Caller(PrincipalKind.FEDERATED, None, provider, provider)


class Principals(Value):
    """A Principal or NotPrincipal element."""

    negated: bool
    everyone: bool
    """`"*"` instead of an object: whoever calls, services included."""
    names: frozenset[str]
    """AWS: ARNs, unique ids and `*` (whoever signs as AWS principals do, or not at all)."""
    accounts: frozenset[str]
    services: frozenset[str]
    providers: frozenset[str]

    def grant(self, caller: Caller) -> Grant:
        """How strongly an Allow with this element reaches the caller.

        NotPrincipal reaches whoever is not named in any way, and then like everybody.
        """
        if self.negated:
            return Grant.DIRECT if self._named(caller) is Grant.NONE else Grant.NONE
        return self._named(caller)

    def denies(self, caller: Caller) -> bool:
        """Whether a Deny with this element reaches the caller.

        From NotPrincipal only he escapes who is named himself: naming his role or account does
        not save a session (IAM user guide, "NotPrincipal with Deny"). `{"AWS": "*"}` denies
        services too, though it does not grant them anything.
        """
        named = self._named(caller)
        if self.negated:
            return named is not Grant.DIRECT
        return named is not Grant.NONE or "*" in self.names

    def _named(self, caller: Caller) -> Grant:
        if self.everyone:
            return Grant.DIRECT
        kind = caller.kind
        if kind is PrincipalKind.SERVICE:
            return _direct_if(caller.arn in self.services or "*" in self.services)
        if kind is PrincipalKind.FEDERATED:
            return _direct_if(caller.arn in self.providers or "*" in self.providers)
        names = self.names
        if caller.arn in names or "*" in names:
            return Grant.DIRECT
        if caller.is_root and caller.account in self.accounts:
            return Grant.DIRECT
        if caller.identity in names or (caller.unique_id and caller.unique_id in names):
            return Grant.IDENTITY if kind in _SESSIONS else Grant.DIRECT
        return Grant.DELEGATED if caller.account in self.accounts else Grant.NONE


def _direct_if(named: bool) -> Grant:
    return Grant.DIRECT if named else Grant.NONE


def read_principals(element: str | Mapping[str, Any], *, negated: bool) -> Principals:
    """A checked Principal or NotPrincipal element."""
    if isinstance(element, str):
        return Principals(negated, True, *[frozenset[str]()] * 4)
    listed = frozenset(_listed(element, "AWS"))
    accounts = {name: account for name in listed if (account := _account(name))}
    return Principals(
        negated,
        False,
        listed - accounts.keys(),
        frozenset(accounts.values()),
        frozenset(_listed(element, "Service")),
        frozenset(_listed(element, "Federated")),
    )


def _listed(element: Mapping[str, Any], kind: str) -> Iterable[str]:
    named = element.get(kind, [])
    return [named] if isinstance(named, str) else named


def _account(name: str) -> str | None:
    # `123456789012` and `arn:aws:iam::123456789012:root` mean the same.
    account = name.removeprefix(f"arn:{PARTITION}:iam::").removesuffix(":root")
    return account if len(account) == 12 and account.isdigit() else None
