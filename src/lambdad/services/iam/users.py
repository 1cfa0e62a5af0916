"""Users."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.ids import AccountId
from lambdad.core.value import replace
from lambdad.iam import naming
from lambdad.iam.principal import PrincipalKind
from lambdad.iam.records import AccessKey, Tags, User
from lambdad.iam.store import Draft, Records
from lambdad.services.iam.boundaries import require_boundary
from lambdad.services.iam.certificates import signing_of
from lambdad.services.iam.entities import require, require_free, user_name
from lambdad.services.iam.errors import DeleteConflictException, quota_exceeded
from lambdad.services.iam.mfa import devices_of
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.ssh_keys import keys_of
from lambdad.services.iam.tags import read_tags
from lambdad.services.iam.views import moment, user_details, user_summary


@operation("iam", "CreateUser")
async def create_user(service: IamService, call: Call, params: Params) -> Result:
    tags: Tags = read_tags(params, service.quotas)
    boundary = params.get("PermissionsBoundary")
    async with service.store.edit(call.account) as draft:
        require_free(draft, User, params["UserName"])
        if boundary is not None:
            require_boundary(service, draft, boundary)
        if draft.count(User) >= service.quotas.users:
            raise quota_exceeded("UsersPerAccount", service.quotas.users)
        user = User(
            name=params["UserName"],
            id=naming.new_unique_id(naming.USER),
            path=params.get("Path", "/"),
            created_ms=service.now_ms(),
            tags=tags,
            boundary=boundary,
        )
        draft.put(user)
    return {"User": user_details(call.account, user)}


@operation("iam", "GetUser")
async def get_user(service: IamService, call: Call, params: Params) -> Result:
    if "UserName" not in params and call.principal.kind is PrincipalKind.ROOT:
        return {"User": _root(call.account)}
    records = service.store.account(call.account)
    return {"User": user_details(call.account, require(records, User, user_name(call, params)))}


@operation("iam", "ListUsers")
async def list_users(service: IamService, call: Call, params: Params) -> Result:
    prefix = params.get("PathPrefix", "/")
    users = [
        user
        for user in service.store.account(call.account).all(User)
        if user.path.startswith(prefix)
    ]
    chosen, rest = page(users, params, lambda user: user.key)
    return {"Users": [user_summary(call.account, user) for user in chosen]} | rest


@operation("iam", "UpdateUser")
async def update_user(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, params["UserName"])
        name = params.get("NewUserName", user.name)
        if name.lower() != user.key:
            require_free(draft, User, name)
        draft.remove(user)
        draft.put(replace(user, name=name, path=params.get("NewPath", user.path)))
        for key in _keys(draft, user.name):
            draft.put(replace(key, user=name))
        for device in devices_of(draft, user.name):
            draft.put(replace(device, user=name))
        for public_key in keys_of(draft, user.name):
            draft.put(replace(public_key, user=name))
        for certificate in signing_of(draft, user.name):
            draft.put(replace(certificate, user=name))
    return {}


@operation("iam", "DeleteUser")
async def delete_user(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, params["UserName"])
        _refuse_while_used(draft, user)
        draft.remove(user)
    return {}


def _refuse_while_used(draft: Draft, user: User) -> None:
    obstacles = (
        (user.attached, "must detach all policies first."),
        (user.inline, "must delete policies first."),
        (user.groups, "must remove users from group first."),
        (_keys(draft, user.name), "must delete access keys first."),
        (signing_of(draft, user.name), "must delete signing certificate first."),
        (devices_of(draft, user.name), "must delete MFA device first."),
        (keys_of(draft, user.name), "must remove referenced objects first."),
        (user.login, "must delete login profile first."),
        (user.credentials, "must remove referenced objects first."),
    )
    for obstacle, remedy in obstacles:
        if obstacle:
            raise DeleteConflictException(f"Cannot delete entity, {remedy}")


def _keys(records: Records, user: str) -> list[AccessKey]:
    return [key for key in records.all(AccessKey) if key.user == user]


def _root(account: AccountId) -> Result:
    """The account's owner, who is no user but answers GetUser as one. When the account began is
    not recorded."""
    return {
        "UserId": account,
        "Arn": naming.root_arn(account),
        "CreateDate": moment(0),
    }


OPERATIONS: tuple[Implementation, ...] = (
    create_user,
    get_user,
    list_users,
    update_user,
    delete_user,
)
