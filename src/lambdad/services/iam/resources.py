"""What policies call IAM's resources: their ARNs, their names, their tags.

ARNs carry paths, which a request does not name: they are looked up. What is not there has the ARN
that it would have without a path. Refusals call a resource as AWS's do: an existing one by kind
and name, one about to be made by its ARN.
"""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.api.call import Call, Params
from lambdad.api.requirement import NO_KEYS, NO_TAGS, Requirement, Tags
from lambdad.core.arn import parse_arn
from lambdad.core.ids import AccountId
from lambdad.iam.naming import iam_arn
from lambdad.iam.principal import PrincipalKind
from lambdad.iam.records import (
    Group,
    InstanceProfile,
    ManagedPolicy,
    MfaDevice,
    Named,
    OidcProvider,
    Record,
    Role,
    SamlProvider,
    User,
)
from lambdad.iam.uploads import ServerCertificate
from lambdad.services.iam.service import IamService

PARAMETERS: Mapping[type[Named], tuple[str, str]] = {
    User: ("UserName", "user"),
    Group: ("GroupName", "group"),
    Role: ("RoleName", "role"),
    InstanceProfile: ("InstanceProfileName", "instance profile"),
    ServerCertificate: ("ServerCertificateName", "server certificate"),
}
"""The parameter that names it, and what refusals call it."""
_KINDS: Mapping[str, type[Record]] = {
    "user": User,
    "role": Role,
    "policy": ManagedPolicy,
    "instance-profile": InstanceProfile,
    "oidc-provider": OidcProvider,
    "saml-provider": SamlProvider,
    "mfa": MfaDevice,
    "server-certificate": ServerCertificate,
}


def arn_of(service: IamService, account: AccountId, kind: type[Named], name: str) -> str:
    """Its ARN, with its path if it is there."""
    record = service.store.account(account).named(kind, name)
    return record.arn(account) if record else iam_arn(account, kind.ARN_KIND, "/", name)


def _name(call: Call, kind: type[Named], params: Params) -> str | None:
    """The name that the request gives; a user's may be the caller's own."""
    name: str | None = params.get(PARAMETERS[kind][0])
    if name is None and kind is User and call.principal.kind is PrincipalKind.USER:
        return call.principal.arn.rpartition("/")[2]
    return name


def requirement_on(
    service: IamService, call: Call, kind: type[Named], params: Params, action: str
) -> Requirement:
    """An action on what the request names; the operation itself refuses a request without."""
    name = _name(call, kind, params)
    if name is None:
        return Requirement(f"iam:{action}")
    shown = f"{PARAMETERS[kind][1]} {name}"
    return Requirement(f"iam:{action}", arn_of(service, call.account, kind, name), NO_KEYS, shown)


def tags_of(service: IamService, arn: str) -> Tags:
    """The tags of what an ARN names."""
    parsed = parse_arn(arn)
    kind, _, place = parsed.resource.partition("/") if parsed else ("", "", "")
    if parsed is None or kind not in _KINDS:
        return NO_TAGS
    records = service.store.account(AccountId(parsed.account))
    keys = {"oidc-provider": place, "mfa": f"/{place}".lower()}
    record = records.get(_KINDS[kind], keys.get(kind, place.rpartition("/")[2].lower()))
    if not isinstance(record, Named | OidcProvider | SamlProvider | MfaDevice):
        return NO_TAGS
    return dict(record.tags) if record.arn(parsed.account) == arn else NO_TAGS
