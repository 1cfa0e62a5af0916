"""Managed policies attached to users, groups and roles."""

from __future__ import annotations

from collections.abc import Callable

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.arn import parse_arn
from lambdad.core.value import replace
from lambdad.iam.records import Group, Identity, Role, User
from lambdad.iam.store import Records
from lambdad.services.iam.entities import find_policy, require, require_modifiable
from lambdad.services.iam.errors import (
    NoSuchEntityException,
    PolicyNotAttachableException,
    quota_exceeded,
)
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService

Find = Callable[[Records, str], Identity]


async def _attach(service: IamService, call: Call, params: Params, name: str, find: Find) -> Result:
    arn = params["PolicyArn"]
    async with service.store.edit(call.account) as draft:
        identity = find(draft, params[name])
        policy = find_policy(draft, service.managed, call.account, arn)
        if policy is None:
            raise NoSuchEntityException(f"Policy {arn} does not exist or is not attachable.")
        if policy.path.startswith("/aws-service-role/"):
            raise PolicyNotAttachableException(
                "Cannot attach a Service Role Policy to a customer role."
            )
        if arn in identity.attached:
            return {}
        limit = service.quotas.policies_per_identity
        if len(identity.attached) >= limit:
            raise quota_exceeded(f"PoliciesPer{type(identity).__name__}", limit)
        draft.put(replace(identity, attached=(*identity.attached, arn)))
    return {}


async def _detach(service: IamService, call: Call, params: Params, name: str, find: Find) -> Result:
    arn = params["PolicyArn"]
    async with service.store.edit(call.account) as draft:
        identity = find(draft, params[name])
        if arn not in identity.attached:
            find_policy(draft, service.managed, call.account, arn)
            raise NoSuchEntityException(f"Policy {arn} was not found.")
        kept = tuple(each for each in identity.attached if each != arn)
        draft.put(replace(identity, attached=kept))
    return {}


def _list(service: IamService, call: Call, params: Params, identity: Identity) -> Result:
    prefix = params.get("PathPrefix", "/")
    arns = [arn for arn in identity.attached if _path(arn).startswith(prefix)]
    chosen, rest = page(arns, params, str)
    return {
        "AttachedPolicies": [
            {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in chosen
        ]
    } | rest


def _path(arn: str) -> str:
    parsed = parse_arn(arn)
    resource = parsed.resource if parsed else arn
    return resource.removeprefix("policy").rpartition("/")[0] + "/"


def _user(records: Records, name: str) -> User:
    return require(records, User, name)


def _group(records: Records, name: str) -> Group:
    return require(records, Group, name)


def _operations(noun: str, find: Find, find_to_change: Find) -> tuple[Implementation, ...]:
    """AttachXPolicy, DetachXPolicy and ListAttachedXPolicies, which differ in the X alone."""
    name = f"{noun}Name"

    @operation("iam", f"Attach{noun}Policy")
    async def attach(service: IamService, call: Call, params: Params) -> Result:
        return await _attach(service, call, params, name, find_to_change)

    @operation("iam", f"Detach{noun}Policy")
    async def detach(service: IamService, call: Call, params: Params) -> Result:
        return await _detach(service, call, params, name, find_to_change)

    @operation("iam", f"ListAttached{noun}Policies")
    async def list_attached(service: IamService, call: Call, params: Params) -> Result:
        return _list(service, call, params, find(service.store.account(call.account), params[name]))

    return attach, detach, list_attached


def _role(records: Records, name: str) -> Role:
    return require(records, Role, name)


OPERATIONS: tuple[Implementation, ...] = (
    *_operations("User", _user, _user),
    *_operations("Group", _group, _group),
    *_operations("Role", _role, require_modifiable),
)
