"""Roles and who may assume them."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam import naming
from lambdad.iam.records import InstanceProfile, LastUse, Role
from lambdad.iam.store import Draft
from lambdad.services.iam.boundaries import require_boundary
from lambdad.services.iam.documents import check_trust
from lambdad.services.iam.entities import require, require_free, require_modifiable
from lambdad.services.iam.errors import DeleteConflictException, quota_exceeded
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.tags import read_tags
from lambdad.services.iam.views import (
    bare_role,
    boundary,
    role_details,
    role_summary,
    tag_list,
)


@operation("iam", "CreateRole")
async def create_role(service: IamService, call: Call, params: Params) -> Result:
    tags = read_tags(params, service.quotas)
    limit = params.get("PermissionsBoundary")
    check_trust(service, params["AssumeRolePolicyDocument"])
    async with service.store.edit(call.account) as draft:
        require_free(draft, Role, params["RoleName"])
        if limit is not None:
            require_boundary(service, draft, limit)
        if draft.count(Role) >= service.quotas.roles:
            raise quota_exceeded("RolesPerAccount", service.quotas.roles)
        role = Role(
            name=params["RoleName"],
            id=naming.new_unique_id(naming.ROLE),
            path=params.get("Path", "/"),
            created_ms=service.now_ms(),
            tags=tags,
            trust=params["AssumeRolePolicyDocument"],
            description=params.get("Description"),
            max_session_s=params.get("MaxSessionDuration", 3600),
            boundary=limit,
        )
        draft.put(role)
    # Recorded: the answer repeats what was asked for; the default duration is not in it.
    return {
        "Role": bare_role(call.account, role)
        | {
            "Description": role.description,
            "MaxSessionDuration": params.get("MaxSessionDuration"),
            "PermissionsBoundary": boundary(role.boundary),
            "Tags": tag_list(role.tags) or None,
        }
    }


@operation("iam", "GetRole")
async def get_role(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    role = require(records, Role, params["RoleName"])
    return {"Role": role_details(call.account, role, records.get(LastUse, role.id))}


@operation("iam", "ListRoles")
async def list_roles(service: IamService, call: Call, params: Params) -> Result:
    prefix = params.get("PathPrefix", "/")
    records = service.store.account(call.account)
    roles = [role for role in records.all(Role) if role.path.startswith(prefix)]
    chosen, rest = page(roles, params, lambda role: role.key)
    return {"Roles": [role_summary(call.account, role) for role in chosen]} | rest


@operation("iam", "UpdateRole")
async def update_role(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        role = require_modifiable(draft, params["RoleName"])
        draft.put(
            replace(
                role,
                description=params.get("Description", role.description),
                max_session_s=params.get("MaxSessionDuration", role.max_session_s),
            )
        )
    return {}


@operation("iam", "UpdateRoleDescription")
async def update_role_description(service: IamService, call: Call, params: Params) -> Result:
    """The one thing that an account may change of a service-linked role, too."""
    async with service.store.edit(call.account) as draft:
        role = require(draft, Role, params["RoleName"])
        role = replace(role, description=params["Description"])
        draft.put(role)
    return {"Role": role_summary(call.account, role)}


@operation("iam", "UpdateAssumeRolePolicy")
async def update_assume_role_policy(service: IamService, call: Call, params: Params) -> Result:
    check_trust(service, params["PolicyDocument"])
    async with service.store.edit(call.account) as draft:
        role = require_modifiable(draft, params["RoleName"])
        draft.put(replace(role, trust=params["PolicyDocument"]))
    return {}


@operation("iam", "DeleteRole")
async def delete_role(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        role = require_modifiable(draft, params["RoleName"])
        _refuse_while_used(draft, role)
        forget(draft, role)
    return {}


def forget(draft: Draft, role: Role) -> None:
    """Remove a role, and when it was last used."""
    draft.remove(role)
    last_use = draft.get(LastUse, role.id)
    if last_use is not None:
        draft.remove(last_use)


def _refuse_while_used(draft: Draft, role: Role) -> None:
    profiles = [each for each in draft.all(InstanceProfile) if each.role == role.name]
    obstacles = (
        (profiles, "must remove roles from instance profile first."),
        (role.attached, "must detach all policies first."),
        (role.inline, "must delete policies first."),
    )
    for obstacle, remedy in obstacles:
        if obstacle:
            raise DeleteConflictException(f"Cannot delete entity, {remedy}")


OPERATIONS: tuple[Implementation, ...] = (
    create_role,
    get_role,
    list_roles,
    update_role,
    update_role_description,
    update_assume_role_policy,
    delete_role,
)
