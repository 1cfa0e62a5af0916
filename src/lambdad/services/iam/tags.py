"""Tags of everything in IAM that has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.limits import IamQuotas
from lambdad.core.value import replace
from lambdad.iam.records import (
    InstanceProfile,
    ManagedPolicy,
    MfaDevice,
    OidcProvider,
    Role,
    SamlProvider,
    Tags,
    User,
)
from lambdad.iam.store import Draft, Records
from lambdad.iam.tag_rules import tags_complaint
from lambdad.iam.uploads import ServerCertificate
from lambdad.services.iam.entities import (
    require,
    require_device,
    require_oidc,
    require_own_policy,
    require_saml,
)
from lambdad.services.iam.errors import InvalidInputException, LimitExceededException
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.views import tag_list

Tagged = (
    User
    | Role
    | ManagedPolicy
    | InstanceProfile
    | OidcProvider
    | SamlProvider
    | MfaDevice
    | ServerCertificate
)
Find = Callable[[Records, Call, Params], Tagged]


def read_tags(params: Params, quotas: IamQuotas) -> Tags:
    """The tags of a request that creates or tags. Raises InvalidInputException for tags that may
    not be set, LimitExceededException."""
    tags = tuple((tag["Key"], tag["Value"]) for tag in params.get("Tags", ()))
    complaint = tags_complaint(tags)
    if complaint is not None:
        raise InvalidInputException(complaint)
    _check_number(tags, quotas)
    return tags


def merge(present: Tags, added: Tags) -> Tags:
    """Tags after adding: a key that is there, regardless of case, gives way in its place."""
    merged = {key.lower(): (key, value) for key, value in present}
    merged |= {key.lower(): (key, value) for key, value in added}
    return tuple(merged.values())


def without(present: Tags, keys: Iterable[str]) -> Tags:
    """Tags after removing keys, regardless of case; those not there do not matter."""
    gone = {key.lower() for key in keys}
    return tuple((key, value) for key, value in present if key.lower() not in gone)


def _check_number(tags: Tags, quotas: IamQuotas) -> None:
    if len(tags) > quotas.tags:
        raise LimitExceededException("The number of tags has reached the maximum limit.")


def _list(service: IamService, call: Call, params: Params, find: Find) -> Result:
    """Sorted by key (API reference, each ListXTags)."""
    tagged = find(service.store.account(call.account), call, params)
    chosen, rest = page(sorted(tagged.tags), params, lambda tag: tag[0])
    return {"Tags": tag_list(tuple(chosen))} | rest


async def _tag(service: IamService, call: Call, params: Params, find: Find) -> Result:
    added = read_tags(params, service.quotas)
    async with service.store.edit(call.account) as draft:
        tagged = find(draft, call, params)
        tags = merge(tagged.tags, added)
        _check_number(tags, service.quotas)
        _put(draft, tagged, tags)
    return {}


async def _untag(service: IamService, call: Call, params: Params, find: Find) -> Result:
    async with service.store.edit(call.account) as draft:
        tagged = find(draft, call, params)
        _put(draft, tagged, without(tagged.tags, params["TagKeys"]))
    return {}


def _put(draft: Draft, tagged: Tagged, tags: Tags) -> None:
    draft.put(replace(tagged, tags=tags))


def _user(records: Records, call: Call, params: Params) -> User:
    return require(records, User, params["UserName"])


def _role(records: Records, call: Call, params: Params) -> Role:
    return require(records, Role, params["RoleName"])


def _policy(records: Records, call: Call, params: Params) -> ManagedPolicy:
    return require_own_policy(records, call.account, params["PolicyArn"])


def _profile(records: Records, call: Call, params: Params) -> InstanceProfile:
    return require(records, InstanceProfile, params["InstanceProfileName"])


def _oidc(records: Records, call: Call, params: Params) -> OidcProvider:
    return require_oidc(records, call.account, params["OpenIDConnectProviderArn"])


def _saml(records: Records, call: Call, params: Params) -> SamlProvider:
    return require_saml(records, call.account, params["SAMLProviderArn"])


def _device(records: Records, call: Call, params: Params) -> MfaDevice:
    return require_device(records, call.account, params["SerialNumber"])


def _certificate(records: Records, call: Call, params: Params) -> ServerCertificate:
    return require(records, ServerCertificate, params["ServerCertificateName"])


def _operations(noun: str, find: Find) -> tuple[Implementation, ...]:
    """ListXTags, TagX and UntagX, which differ in nothing but how X is named."""

    @operation("iam", f"List{noun}Tags")
    async def list_tags(service: IamService, call: Call, params: Params) -> Result:
        return _list(service, call, params, find)

    @operation("iam", f"Tag{noun}")
    async def tag(service: IamService, call: Call, params: Params) -> Result:
        return await _tag(service, call, params, find)

    @operation("iam", f"Untag{noun}")
    async def untag(service: IamService, call: Call, params: Params) -> Result:
        return await _untag(service, call, params, find)

    return list_tags, tag, untag


OPERATIONS: tuple[Implementation, ...] = (
    *_operations("User", _user),
    *_operations("Role", _role),
    *_operations("Policy", _policy),
    *_operations("InstanceProfile", _profile),
    *_operations("OpenIDConnectProvider", _oidc),
    *_operations("SAMLProvider", _saml),
    *_operations("MFADevice", _device),
    *_operations("ServerCertificate", _certificate),
)
