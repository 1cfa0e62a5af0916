"""Service-specific credentials: a user's name and password, or API key, for one AWS service.

None of them opens anything here, so their secrets are told once and not kept.
"""

from __future__ import annotations

import base64

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam import naming
from lambdad.iam.records import KeyStatus, ServiceCredential, User
from lambdad.iam.store import Records
from lambdad.services.iam.entities import key_status, require, user_name
from lambdad.services.iam.errors import NoSuchEntityException, ValidationError, quota_exceeded
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.views import moment

_DAY_MS = 86_400_000
PASSWORD_SERVICES = frozenset(("codecommit.amazonaws.com", "cassandra.amazonaws.com"))
API_KEY_SERVICES = frozenset(("bedrock.amazonaws.com", "logs.amazonaws.com"))
"""Services with credentials of their own (API reference, CreateServiceSpecificCredential; IAM
user guide, "API keys for AWS services")."""


@operation("iam", "CreateServiceSpecificCredential")
async def create_credential(service: IamService, call: Call, params: Params) -> Result:
    owner, days = params["ServiceName"], params.get("CredentialAgeDays")
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, params["UserName"])
        _check_service(owner)
        if days is not None and owner not in API_KEY_SERVICES:
            raise ValidationError(f"CredentialAgeDays is not supported for service {owner}.")
        taken = {each.number for each in user.credentials if each.service == owner}
        limit = service.quotas.service_credentials_per_user
        if len(taken) >= limit:
            raise quota_exceeded("ServiceSpecificCredentialsPerUser", limit)
        now_ms = service.now_ms()
        credential = ServiceCredential(
            naming.new_unique_id(naming.SERVICE_CREDENTIAL),
            owner,
            KeyStatus.ACTIVE,
            now_ms,
            number=min(set(range(limit)) - taken),
            expires_ms=None if days is None else now_ms + days * _DAY_MS,
        )
        draft.put(replace(user, credentials=(*user.credentials, credential)))
    return {"ServiceSpecificCredential": _with_secret(service, call, user, credential)}


@operation("iam", "ListServiceSpecificCredentials")
async def list_credentials(service: IamService, call: Call, params: Params) -> Result:
    records, everybody = service.store.account(call.account), params.get("AllUsers", False)
    if everybody and "UserName" in params:
        raise ValidationError("UserName and AllUsers cannot be specified together.")
    users = records.all(User) if everybody else [require(records, User, user_name(call, params))]
    wanted = params.get("ServiceName")
    if wanted is not None:
        _check_service(wanted)
    found = [
        (user, credential)
        for user in users
        for credential in user.credentials
        if wanted in (None, credential.service)
    ]
    if not everybody:
        shown = [_credential(service, call, *each) for each in found]
        return {"ServiceSpecificCredentials": shown}
    chosen, rest = page(found, params, lambda each: each[1].id)
    shown = [_credential(service, call, *each) for each in chosen]
    return {"ServiceSpecificCredentials": shown} | rest


@operation("iam", "UpdateServiceSpecificCredential")
async def update_credential(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user, credential = _require(draft, call, params)
        changed = replace(credential, status=key_status(params))
        credentials = tuple(changed if each is credential else each for each in user.credentials)
        draft.put(replace(user, credentials=credentials))
    return {}


@operation("iam", "ResetServiceSpecificCredential")
async def reset_credential(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    user, credential = _require(records, call, params)
    return {"ServiceSpecificCredential": _with_secret(service, call, user, credential)}


@operation("iam", "DeleteServiceSpecificCredential")
async def delete_credential(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user, credential = _require(draft, call, params)
        kept = tuple(each for each in user.credentials if each is not credential)
        draft.put(replace(user, credentials=kept))
    return {}


def _check_service(name: str) -> None:
    if name not in PASSWORD_SERVICES | API_KEY_SERVICES:
        raise NoSuchEntityException(
            f"No such service {name} is supported for Service Specific Credentials"
        )


def _require(records: Records, call: Call, params: Params) -> tuple[User, ServiceCredential]:
    """Recorded: the user is looked for first."""
    user = require(records, User, user_name(call, params))
    wanted = params["ServiceSpecificCredentialId"]
    for credential in user.credentials:
        if credential.id == wanted:
            return user, credential
    raise NoSuchEntityException(f"No such credential {wanted} exists")


def _credential(
    service: IamService, call: Call, user: User, credential: ServiceCredential
) -> Result:
    """What lists show. A password goes with a ServiceUserName, an API key with an alias."""
    expires_ms = credential.expires_ms
    expired = expires_ms is not None and expires_ms <= service.now_ms()
    is_key = credential.service in API_KEY_SERVICES
    return {
        "CreateDate": moment(credential.created_ms),
        "ExpirationDate": None if expires_ms is None else moment(expires_ms),
        "ServiceName": credential.service,
        "ServiceCredentialAlias" if is_key else "ServiceUserName": _public(call, user, credential),
        "ServiceSpecificCredentialId": credential.id,
        "UserName": user.name,
        "Status": "Expired" if expired else credential.status.value,
    }


def _with_secret(
    service: IamService, call: Call, user: User, credential: ServiceCredential
) -> Result:
    shown, secret = _credential(service, call, user, credential), naming.new_secret()
    if credential.service not in API_KEY_SERVICES:
        return shown | {"ServicePassword": secret}
    both = f"{_public(call, user, credential)}:{secret}".encode()
    return shown | {"ServiceCredentialSecret": "ABSK" + base64.b64encode(both).decode()}


def _public(call: Call, user: User, credential: ServiceCredential) -> str:
    """`jane-at-123456789012`, the second of a service `jane+1-at-123456789012`."""
    number = f"+{credential.number}" if credential.number else ""
    return f"{user.name}{number}-at-{call.account}"


OPERATIONS: tuple[Implementation, ...] = (
    create_credential,
    list_credentials,
    update_credential,
    reset_credential,
    delete_credential,
)
