"""Inline policies of users, groups and roles."""

from __future__ import annotations

from collections.abc import Callable

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.limits import IamQuotas
from lambdad.core.value import Value, replace
from lambdad.iam.records import Group, Identity, InlinePolicy, Role, User
from lambdad.iam.store import Records
from lambdad.services.iam.documents import check_inline
from lambdad.services.iam.entities import require, require_modifiable
from lambdad.services.iam.errors import NoSuchEntityException
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.views import document_text


class _Noun(Value):
    """What differs between the three kinds of identity."""

    word: str
    """`User`, as in UserName."""
    find: Callable[[Records, str], Identity]
    find_to_change: Callable[[Records, str], Identity]
    size_limit: Callable[[IamQuotas], int]

    @property
    def parameter(self) -> str:
        return f"{self.word}Name"


async def _put(service: IamService, call: Call, params: Params, noun: _Noun) -> Result:
    name, document = params["PolicyName"], params["PolicyDocument"]
    async with service.store.edit(call.account) as draft:
        identity = noun.find_to_change(draft, params[noun.parameter])
        others = [each for each in identity.inline if each.name != name]
        check_inline(
            document,
            [each.document for each in others],
            noun.size_limit(service.quotas),
            f"{noun.word.lower()} {identity.name}",
        )
        inline = sorted([*others, InlinePolicy(name, document)], key=lambda each: each.name)
        draft.put(replace(identity, inline=tuple(inline)))
    return {}


def _get(service: IamService, call: Call, params: Params, noun: _Noun) -> Result:
    identity = noun.find(service.store.account(call.account), params[noun.parameter])
    policy = _require(identity, params["PolicyName"], noun)
    return {
        noun.parameter: identity.name,
        "PolicyName": policy.name,
        "PolicyDocument": document_text(policy.document),
    }


async def _delete(service: IamService, call: Call, params: Params, noun: _Noun) -> Result:
    async with service.store.edit(call.account) as draft:
        identity = noun.find_to_change(draft, params[noun.parameter])
        policy = _require(identity, params["PolicyName"], noun)
        kept = tuple(each for each in identity.inline if each is not policy)
        draft.put(replace(identity, inline=kept))
    return {}


def _list(service: IamService, call: Call, params: Params, noun: _Noun) -> Result:
    identity = noun.find(service.store.account(call.account), params[noun.parameter])
    chosen, rest = page([each.name for each in identity.inline], params, str)
    return {"PolicyNames": list(chosen)} | rest


def _require(identity: Identity, name: str, noun: _Noun) -> InlinePolicy:
    for policy in identity.inline:
        if policy.name == name:
            return policy
    raise NoSuchEntityException(f"The {noun.word.lower()} policy with name {name} cannot be found.")


def _operations(noun: _Noun) -> tuple[Implementation, ...]:
    """PutXPolicy, GetXPolicy, DeleteXPolicy and ListXPolicies."""

    @operation("iam", f"Put{noun.word}Policy")
    async def put(service: IamService, call: Call, params: Params) -> Result:
        return await _put(service, call, params, noun)

    @operation("iam", f"Get{noun.word}Policy")
    async def get(service: IamService, call: Call, params: Params) -> Result:
        return _get(service, call, params, noun)

    @operation("iam", f"Delete{noun.word}Policy")
    async def delete(service: IamService, call: Call, params: Params) -> Result:
        return await _delete(service, call, params, noun)

    @operation("iam", f"List{noun.word}Policies")
    async def list_names(service: IamService, call: Call, params: Params) -> Result:
        return _list(service, call, params, noun)

    return put, get, delete, list_names


def _user(records: Records, name: str) -> User:
    return require(records, User, name)


def _group(records: Records, name: str) -> Group:
    return require(records, Group, name)


def _role(records: Records, name: str) -> Role:
    return require(records, Role, name)


OPERATIONS: tuple[Implementation, ...] = (
    *_operations(_Noun("User", _user, _user, lambda quotas: quotas.user_policies_size)),
    *_operations(_Noun("Group", _group, _group, lambda quotas: quotas.group_policies_size)),
    *_operations(
        _Noun("Role", _role, require_modifiable, lambda quotas: quotas.role_policies_size)
    ),
)
