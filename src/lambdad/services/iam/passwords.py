"""Passwords of users for the console.

There is no console here, so only their existence is kept, for the tools that manage them and for
the rules that they bring (a user who has one cannot be deleted).
"""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam.records import LoginProfile, User
from lambdad.services.iam.entities import require, user_name
from lambdad.services.iam.errors import (
    EntityAlreadyExistsException,
    NoSuchEntityException,
    ValidationError,
)
from lambdad.services.iam.password_rules import check_password
from lambdad.services.iam.service import IamService
from lambdad.services.iam.views import moment


@operation("iam", "CreateLoginProfile")
async def create_login_profile(service: IamService, call: Call, params: Params) -> Result:
    if "Password" not in params:  # optional in the model for sessions of AssumeRoot alone
        raise ValidationError(
            "1 validation error detected: Value at 'password' failed to satisfy constraint: "
            "Member must not be null"
        )
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, user_name(call, params))
        if user.login is not None:
            raise EntityAlreadyExistsException(
                f"Login Profile for user {user.name} already exists."
            )
        _check(service, call, params["Password"])
        login = LoginProfile(service.now_ms(), params.get("PasswordResetRequired", False))
        draft.put(replace(user, login=login))
    return {"LoginProfile": _login(user.name, login)}


@operation("iam", "GetLoginProfile")
async def get_login_profile(service: IamService, call: Call, params: Params) -> Result:
    user = require(service.store.account(call.account), User, user_name(call, params))
    return {"LoginProfile": _login(user.name, _require_login(user))}


@operation("iam", "UpdateLoginProfile")
async def update_login_profile(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, params["UserName"])
        login = _require_login(user)
        if "Password" in params:
            _check(service, call, params["Password"])
        reset = params.get("PasswordResetRequired", login.reset_required)
        draft.put(replace(user, login=replace(login, reset_required=reset)))
    return {}


@operation("iam", "DeleteLoginProfile")
async def delete_login_profile(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, user_name(call, params))
        _require_login(user)
        draft.put(replace(user, login=None))
    return {}


def _check(service: IamService, call: Call, password: str) -> None:
    policy = service.store.settings(call.account).password_policy
    check_password(password, dict(policy) if policy is not None else None)


def _login(name: str, login: LoginProfile) -> Result:
    return {
        "UserName": name,
        "CreateDate": moment(login.created_ms),
        "PasswordResetRequired": login.reset_required,
    }


def _require_login(user: User) -> LoginProfile:
    if user.login is None:
        raise NoSuchEntityException(f"Login Profile for User {user.name} cannot be found.")
    return user.login


OPERATIONS: tuple[Implementation, ...] = (
    create_login_profile,
    get_login_profile,
    update_login_profile,
    delete_login_profile,
)
