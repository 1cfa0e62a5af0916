"""Groups, and who is in them."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam import naming
from lambdad.iam.records import Group, User
from lambdad.iam.store import Records
from lambdad.services.iam.entities import require, require_free
from lambdad.services.iam.errors import (
    DeleteConflictException,
    NoSuchEntityException,
    quota_exceeded,
)
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.views import group_summary, user_summary


@operation("iam", "CreateGroup")
async def create_group(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        require_free(draft, Group, params["GroupName"])
        if draft.count(Group) >= service.quotas.groups:
            raise quota_exceeded("GroupsPerAccount", service.quotas.groups)
        group = Group(
            name=params["GroupName"],
            id=naming.new_unique_id(naming.GROUP),
            path=params.get("Path", "/"),
            created_ms=service.now_ms(),
        )
        draft.put(group)
    return {"Group": group_summary(call.account, group)}


@operation("iam", "GetGroup")
async def get_group(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    group = require(records, Group, params["GroupName"])
    chosen, rest = page(_members(records, group.name), params, lambda user: user.key)
    return {
        "Group": group_summary(call.account, group),
        "Users": [user_summary(call.account, user) for user in chosen],
    } | rest


@operation("iam", "ListGroups")
async def list_groups(service: IamService, call: Call, params: Params) -> Result:
    prefix = params.get("PathPrefix", "/")
    records = service.store.account(call.account)
    groups = [group for group in records.all(Group) if group.path.startswith(prefix)]
    chosen, rest = page(groups, params, lambda group: group.key)
    return {"Groups": [group_summary(call.account, group) for group in chosen]} | rest


@operation("iam", "UpdateGroup")
async def update_group(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        group = require(draft, Group, params["GroupName"])
        name = params.get("NewGroupName", group.name)
        if name.lower() != group.key:
            require_free(draft, Group, name)
        draft.remove(group)
        draft.put(replace(group, name=name, path=params.get("NewPath", group.path)))
        for user in _members(draft, group.name):
            groups = tuple(name if each == group.name else each for each in user.groups)
            draft.put(replace(user, groups=groups))
    return {}


@operation("iam", "DeleteGroup")
async def delete_group(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        group = require(draft, Group, params["GroupName"])
        obstacles = (
            (_members(draft, group.name), "must remove users from group first."),
            (group.attached, "must detach all policies first."),
            (group.inline, "must delete policies first."),
        )
        for obstacle, remedy in obstacles:
            if obstacle:
                raise DeleteConflictException(f"Cannot delete entity, {remedy}")
        draft.remove(group)
    return {}


@operation("iam", "AddUserToGroup")
async def add_user_to_group(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        group = require(draft, Group, params["GroupName"])
        user = require(draft, User, params["UserName"])
        if group.name in user.groups:
            return {}
        if len(user.groups) >= service.quotas.groups_per_user:
            raise quota_exceeded("GroupsPerUser", service.quotas.groups_per_user)
        draft.put(replace(user, groups=(*user.groups, group.name)))
    return {}


@operation("iam", "RemoveUserFromGroup")
async def remove_user_from_group(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        group = require(draft, Group, params["GroupName"])
        user = require(draft, User, params["UserName"])
        if group.name not in user.groups:
            raise NoSuchEntityException(f"User {user.name} not in group {group.name}")
        draft.put(replace(user, groups=tuple(each for each in user.groups if each != group.name)))
    return {}


@operation("iam", "ListGroupsForUser")
async def list_groups_for_user(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    user = require(records, User, params["UserName"])
    groups = [require(records, Group, name) for name in sorted(user.groups)]
    chosen, rest = page(groups, params, lambda group: group.key)
    return {"Groups": [group_summary(call.account, group) for group in chosen]} | rest


def _members(records: Records, group: str) -> list[User]:
    return [user for user in records.all(User) if group in user.groups]


OPERATIONS: tuple[Implementation, ...] = (
    create_group,
    get_group,
    list_groups,
    update_group,
    delete_group,
    add_user_to_group,
    remove_user_from_group,
    list_groups_for_user,
)
