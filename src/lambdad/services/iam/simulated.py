"""What a simulation is made of: the policies of an identity or of the request, and a caller."""

from __future__ import annotations

from collections.abc import Iterator

from lambdad.api.call import Params
from lambdad.core.arn import parse_arn
from lambdad.core.ids import AccountId
from lambdad.core.value import Value
from lambdad.iam.naming import root_arn
from lambdad.iam.policy import MalformedPolicy, Policy, PolicyKind, parse_policy
from lambdad.iam.principal import PrincipalKind
from lambdad.iam.principals import Caller
from lambdad.iam.records import Group, Identity, Role, User
from lambdad.services.iam.entities import find_policy, require
from lambdad.services.iam.errors import InvalidInputException
from lambdad.services.iam.service import IamService

_KINDS: dict[str, type[Identity]] = {"user": User, "group": Group, "role": Role}
_IAM_POLICY = "IAM Policy"
"""What AWS answers as SourcePolicyType, though its model has other names (recorded)."""


class Source(Value):
    """A policy with its text."""

    policy: Policy
    kind: PolicyKind
    text: str
    type: str = _IAM_POLICY
    level: int | None = None
    """Of a service control policy: how far from the organization's root."""


def find_identity(service: IamService, account: AccountId, arn: str) -> Identity:
    """The user, group or role of an ARN. Raises InvalidInputException, NoSuchEntityException."""
    parsed = parse_arn(arn)
    kind = parsed.resource.partition("/")[0] if parsed else ""
    if parsed is None or kind not in _KINDS or parsed.account != account:
        raise InvalidInputException(
            f"Invalid Entity Arn: {arn} does not clearly define entity type and name."
        )
    return require(service.store.account(account), _KINDS[kind], arn.rpartition("/")[2])


def identity_sources(
    service: IamService, account: AccountId, identity: Identity
) -> Iterator[Source]:
    """The policies of an identity: its own, its boundary, those of a user's groups."""
    records = service.store.account(account)
    for arn in identity.attached:
        policy = find_policy(records, service.managed, account, arn)
        if policy is not None:
            yield _source(policy.name, PolicyKind.IDENTITY, policy.document)
    for inline in identity.inline:
        name = f"{identity.KIND}_{identity.name}_{inline.name}"
        yield _source(name, PolicyKind.IDENTITY, inline.document)
    if isinstance(identity, User | Role) and identity.boundary is not None:
        policy = find_policy(records, service.managed, account, identity.boundary)
        if policy is not None:
            yield _source(policy.name, PolicyKind.BOUNDARY, policy.document)
    if isinstance(identity, User):
        for name in identity.groups:
            yield from identity_sources(service, account, require(records, Group, name))


def given_sources(params: Params) -> Iterator[Source]:
    """The policies that a request brings. Raises InvalidInputException."""
    for name, kind in (
        ("PolicyInputList", PolicyKind.IDENTITY),
        ("PermissionsBoundaryPolicyInputList", PolicyKind.BOUNDARY),
    ):
        for number, text in enumerate(params.get(name, ()), 1):
            yield _source(f"{name}.{number}", kind, text)
    for level, given in enumerate(params.get("OrderedOrganizationPolicyInputList", ())):
        for number, text in enumerate(given.get("ServiceControlPolicyInputList", ()), 1):
            name = f"ServiceControlPolicyInputList.{number}"
            yield _source(name, PolicyKind.SERVICE_CONTROL, text, level=level)
    if "ResourcePolicy" in params:
        text = params["ResourcePolicy"]
        yield _source("ResourcePolicy", PolicyKind.RESOURCE, text, type_="Resource Policy")


def identity_caller(account: AccountId, identity: Identity) -> Caller:
    """The identity as a caller; a role stands for any of its sessions."""
    kind = PrincipalKind.ASSUMED_ROLE if isinstance(identity, Role) else PrincipalKind.USER
    arn = identity.arn(account)
    return Caller(kind, account, arn, arn, identity.id)


def identity_context(account: AccountId, identity: Identity) -> dict[str, str | tuple[str, ...]]:
    """The context keys that the identity itself brings to every call."""
    context: dict[str, str | tuple[str, ...]] = {
        "aws:principalarn": identity.arn(account),
        "aws:principalaccount": account,
    }
    if isinstance(identity, User):
        context |= {"aws:username": identity.name, "aws:userid": identity.id}
    return context | {f"aws:principaltag/{key.lower()}": value for key, value in identity.tags}


def given_caller(params: Params, account: AccountId) -> Caller:
    """The caller that a request names; the account itself where it names none."""
    arn = params.get("CallerArn", root_arn(account))
    parsed = parse_arn(arn)
    if parsed is None:
        raise InvalidInputException(f"Invalid Caller Arn: {arn}")
    return Caller(PrincipalKind.USER, parsed.account, arn, arn)


def _source(
    name: str, kind: PolicyKind, text: str, *, type_: str = _IAM_POLICY, level: int | None = None
) -> Source:
    try:
        return Source(parse_policy(text, kind, name=name), kind, text, type_, level)
    except MalformedPolicy as malformed:
        raise InvalidInputException(malformed.message) from None
