"""Passwords of users: for the console and for single services.

Neither opens anything here, so only their existence is kept, for the tools that manage them and
for the rules that they bring (a user who has one cannot be deleted).
"""

from __future__ import annotations

from dataclasses import replace

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.iam import naming
from lambdad.iam.records import KeyStatus, LoginProfile, ServiceCredential, User
from lambdad.iam.store import Records
from lambdad.services.iam.entities import key_status, require, user_name
from lambdad.services.iam.errors import (
    EntityAlreadyExistsException,
    NoSuchEntityException,
    quota_exceeded,
)
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.views import moment

SERVICES = frozenset(
    ("codecommit.amazonaws.com", "cassandra.amazonaws.com", "bedrock.amazonaws.com")
)
"""Services with passwords of their own (API reference, CreateServiceSpecificCredential)."""


@operation("iam", "CreateLoginProfile")
async def create_login_profile(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, user_name(call, params))
        if user.login is not None:
            raise EntityAlreadyExistsException(
                f"Login Profile for user {user.name} already exists."
            )
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


@operation("iam", "CreateServiceSpecificCredential")
async def create_service_credential(service: IamService, call: Call, params: Params) -> Result:
    owner = params["ServiceName"]
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, params["UserName"])
        if owner not in SERVICES:
            raise NoSuchEntityException(
                f"No such service {owner} is supported for Service Specific Credentials"
            )
        limit = service.quotas.service_credentials_per_user
        if sum(each.service == owner for each in user.credentials) >= limit:
            raise quota_exceeded("ServiceSpecificCredentialsPerUser", limit)
        credential = ServiceCredential(
            naming.new_unique_id(naming.SERVICE_CREDENTIAL),
            owner,
            KeyStatus.ACTIVE,
            service.now_ms(),
        )
        draft.put(replace(user, credentials=(*user.credentials, credential)))
    return {"ServiceSpecificCredential": _with_password(call, user, credential)}


@operation("iam", "ListServiceSpecificCredentials")
async def list_service_credentials(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    users = (
        records.all(User)
        if params.get("AllUsers")
        else [require(records, User, user_name(call, params))]
    )
    wanted = params.get("ServiceName")
    if wanted is not None and wanted not in SERVICES:
        raise NoSuchEntityException(
            f"No such service {wanted} is supported for Service Specific Credentials"
        )
    found = [
        (user, credential)
        for user in users
        for credential in user.credentials
        if wanted in (None, credential.service)
    ]
    if not params.get("AllUsers"):
        return {"ServiceSpecificCredentials": [_credential(call, *each) for each in found]}
    chosen, rest = page(found, params, lambda each: each[1].id)
    return {"ServiceSpecificCredentials": [_credential(call, *each) for each in chosen]} | rest


@operation("iam", "UpdateServiceSpecificCredential")
async def update_service_credential(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user, credential = _require_credential(draft, call, params)
        changed = replace(credential, status=key_status(params))
        credentials = tuple(changed if each is credential else each for each in user.credentials)
        draft.put(replace(user, credentials=credentials))
    return {}


@operation("iam", "ResetServiceSpecificCredential")
async def reset_service_credential(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    user, credential = _require_credential(records, call, params)
    return {"ServiceSpecificCredential": _with_password(call, user, credential)}


@operation("iam", "DeleteServiceSpecificCredential")
async def delete_service_credential(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user, credential = _require_credential(draft, call, params)
        kept = tuple(each for each in user.credentials if each is not credential)
        draft.put(replace(user, credentials=kept))
    return {}


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


def _require_credential(
    records: Records, call: Call, params: Params
) -> tuple[User, ServiceCredential]:
    """Recorded: the user is looked for first."""
    user = require(records, User, user_name(call, params))
    wanted = params["ServiceSpecificCredentialId"]
    for credential in user.credentials:
        if credential.id == wanted:
            return user, credential
    raise NoSuchEntityException(f"No such credential {wanted} exists")


def _credential(call: Call, user: User, credential: ServiceCredential) -> Result:
    return {
        "CreateDate": moment(credential.created_ms),
        "ServiceName": credential.service,
        "ServiceUserName": f"{user.name}-at-{call.account}",
        "ServiceSpecificCredentialId": credential.id,
        "UserName": user.name,
        "Status": credential.status.value,
    }


def _with_password(call: Call, user: User, credential: ServiceCredential) -> Result:
    return _credential(call, user, credential) | {"ServicePassword": naming.new_secret()}


OPERATIONS: tuple[Implementation, ...] = (
    create_login_profile,
    get_login_profile,
    update_login_profile,
    delete_login_profile,
    create_service_credential,
    list_service_credentials,
    update_service_credential,
    reset_service_credential,
    delete_service_credential,
)
