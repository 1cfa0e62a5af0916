"""Finding what a request names, or AWS's refusal."""

from __future__ import annotations

from typing import TypeVar

from lambdad.api.call import Call, Params
from lambdad.core.arn import parse_arn
from lambdad.iam.managed import OWNER, ManagedPolicies
from lambdad.iam.principal import PrincipalKind
from lambdad.iam.records import (
    Group,
    InstanceProfile,
    KeyStatus,
    ManagedPolicy,
    MfaDevice,
    Named,
    OidcProvider,
    Role,
    SamlProvider,
    User,
)
from lambdad.iam.store import Records
from lambdad.iam.uploads import ServerCertificate
from lambdad.services.iam.errors import (
    EntityAlreadyExistsException,
    InvalidInputException,
    NoSuchEntityException,
    UnmodifiableEntityException,
    ValidationError,
)

N = TypeVar("N", bound=Named)

_MISSING: dict[type[Named], str] = {
    User: "The user with name {name} cannot be found.",
    Group: "The group with name {name} cannot be found.",
    Role: "The role with name {name} cannot be found.",
    InstanceProfile: "Instance Profile {name} cannot be found.",
    ServerCertificate: "The Server Certificate with name {name} cannot be found.",
}
_TAKEN: dict[type[Named], str] = {
    User: "User with name {name} already exists.",
    Group: "Group with name {name} already exists.",
    Role: "Role with name {name} already exists.",
    InstanceProfile: "Instance Profile {name} already exists.",
    ServerCertificate: "The Server Certificate with name {name} already exists.",
    ManagedPolicy: "A policy called {name} already exists. Duplicate names are not allowed.",
}


def require(records: Records, kind: type[N], name: str) -> N:
    """The user, group, role or instance profile of this name. Raises NoSuchEntityException."""
    record = records.named(kind, name)
    if record is None:
        raise NoSuchEntityException(_MISSING[kind].format(name=name))
    return record


def require_free(records: Records, kind: type[Named], name: str) -> None:
    """Names are taken regardless of case. Raises EntityAlreadyExistsException."""
    if records.get(kind, name.lower()) is not None:
        raise EntityAlreadyExistsException(_TAKEN[kind].format(name=name))


def require_modifiable(records: Records, name: str) -> Role:
    """A role that its account may change. Raises NoSuchEntityException and, for service-linked
    roles, UnmodifiableEntityException."""
    role = require(records, Role, name)
    if role.linked_service is not None:
        raise UnmodifiableEntityException(
            f"Cannot perform the operation on the protected role '{name}' - this role is only "
            "modifiable by AWS"
        )
    return role


def find_policy(
    records: Records, managed: ManagedPolicies, account: str, arn: str
) -> ManagedPolicy | None:
    """A managed policy, the account's own or AWS's, or None. Raises ValidationError where the
    text is no ARN."""
    parsed = parse_arn(arn)
    if parsed is not None and parsed.account == OWNER:
        return managed.get(arn)
    return _find_own(records, account, arn)


def require_policy(
    records: Records, managed: ManagedPolicies, account: str, arn: str
) -> ManagedPolicy:
    """As `find_policy`, raising NoSuchEntityException instead of answering None."""
    policy = find_policy(records, managed, account, arn)
    if policy is None:
        raise _no_policy(arn)
    return policy


def require_own_policy(records: Records, account: str, arn: str) -> ManagedPolicy:
    """A policy that the account may change. Raises NoSuchEntityException, ValidationError."""
    policy = _find_own(records, account, arn)
    if policy is None:
        raise _no_policy(arn)
    return policy


def _find_own(records: Records, account: str, arn: str) -> ManagedPolicy | None:
    if parse_arn(arn) is None:
        raise ValidationError("Invalid ARN:  Could not be parsed!")
    policy = records.named(ManagedPolicy, arn.rpartition("/")[2])
    return policy if policy is not None and policy.arn(account) == arn else None


def _no_policy(arn: str) -> NoSuchEntityException:
    return NoSuchEntityException(f"Policy {arn} was not found.")


def require_oidc(records: Records, account: str, arn: str) -> OidcProvider:
    """An OpenID Connect provider by its ARN. Raises NoSuchEntityException."""
    provider = records.get(OidcProvider, arn.partition(":oidc-provider/")[2])
    if provider is None or provider.arn(account) != arn:
        raise NoSuchEntityException(f"OpenIDConnect Provider not found for arn {arn}")
    return provider


def require_saml(records: Records, account: str, arn: str) -> SamlProvider:
    """A SAML provider by its ARN. Raises NoSuchEntityException."""
    provider = records.get(SamlProvider, arn.partition(":saml-provider/")[2].lower())
    if provider is None or provider.arn(account) != arn:
        raise NoSuchEntityException(f"Manifest not found for arn {arn}")
    return provider


def find_device(records: Records, account: str, serial: str) -> MfaDevice | None:
    """A virtual MFA device by its serial number, which is its ARN."""
    device = records.get(MfaDevice, serial.partition(":mfa")[2].lower())
    return device if device is not None and device.arn(account) == serial else None


def require_device(records: Records, account: str, serial: str) -> MfaDevice:
    """Likewise. Raises NoSuchEntityException."""
    device = find_device(records, account, serial)
    if device is None:
        raise NoSuchEntityException(f"VirtualMFADevice with serial number {serial} doesn't exist.")
    return device


def user_name(call: Call, params: Params) -> str:
    """The user that an operation is about: the one named, else the caller."""
    if "UserName" in params:
        name: str = params["UserName"]
        return name
    if call.principal.kind is not PrincipalKind.USER:
        raise ValidationError("Must specify userName when calling with non-User credentials")
    return call.principal.arn.rpartition("/")[2]


def key_status(params: Params) -> KeyStatus:
    """The status that a request sets. Raises InvalidInputException for Expired, which the model
    has and nobody can set."""
    try:
        return KeyStatus(params["Status"])
    except ValueError:
        raise InvalidInputException("Status can be set to Active or Inactive only.") from None
