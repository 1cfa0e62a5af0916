"""Permissions boundaries of users and roles."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.arn import parse_arn
from lambdad.core.value import replace
from lambdad.iam.records import User
from lambdad.iam.store import Draft
from lambdad.services.iam.entities import find_policy, require, require_modifiable
from lambdad.services.iam.errors import (
    InvalidInputException,
    NoSuchEntityException,
)
from lambdad.services.iam.service import IamService


def require_boundary(service: IamService, draft: Draft, arn: str) -> None:
    """A boundary is a managed policy that exists. Raises InvalidInputException,
    NoSuchEntityException."""
    if parse_arn(arn) is None:
        raise InvalidInputException(f"ARN {arn} is not valid.")
    if find_policy(draft, service.managed, draft.account, arn) is None:
        raise NoSuchEntityException(f"Scope ARN: {arn} does not exist or is not attachable.")


@operation("iam", "PutUserPermissionsBoundary")
async def put_user_boundary(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, params["UserName"])
        require_boundary(service, draft, params["PermissionsBoundary"])
        draft.put(replace(user, boundary=params["PermissionsBoundary"]))
    return {}


@operation("iam", "DeleteUserPermissionsBoundary")
async def delete_user_boundary(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, params["UserName"])
        if user.boundary is None:
            raise _no_boundary("user", user.name)
        draft.put(replace(user, boundary=None))
    return {}


@operation("iam", "PutRolePermissionsBoundary")
async def put_role_boundary(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        role = require_modifiable(draft, params["RoleName"])
        require_boundary(service, draft, params["PermissionsBoundary"])
        draft.put(replace(role, boundary=params["PermissionsBoundary"]))
    return {}


@operation("iam", "DeleteRolePermissionsBoundary")
async def delete_role_boundary(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        role = require_modifiable(draft, params["RoleName"])
        if role.boundary is None:
            raise _no_boundary("role", role.name)
        draft.put(replace(role, boundary=None))
    return {}


def _no_boundary(kind: str, name: str) -> NoSuchEntityException:
    return NoSuchEntityException(
        f"The {kind} with name {name} does not have a permissions boundary attached."
    )


OPERATIONS: tuple[Implementation, ...] = (
    put_user_boundary,
    delete_user_boundary,
    put_role_boundary,
    delete_role_boundary,
)
