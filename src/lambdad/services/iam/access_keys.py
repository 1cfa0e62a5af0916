"""Access keys of users. The secret is told once, at creation, and kept encrypted."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam import naming
from lambdad.iam.records import AccessKey, KeyStatus, LastUse, User
from lambdad.iam.store import Records
from lambdad.services.iam.entities import key_status, require, user_name
from lambdad.services.iam.errors import NoSuchEntityException, quota_exceeded
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.views import moment


@operation("iam", "CreateAccessKey")
async def create_access_key(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, user_name(call, params))
        limit = service.quotas.access_keys_per_user
        if len(_keys(draft, user.name)) >= limit:
            raise quota_exceeded("AccessKeysPerUser", limit)
        key_id = naming.new_access_key_id(naming.LONG_TERM_KEY, call.account)
        secret = naming.new_secret()
        key = AccessKey(
            id=key_id,
            user=user.name,
            status=KeyStatus.ACTIVE,
            created_ms=service.now_ms(),
            sealed_secret=service.store.seal_secret(key_id, secret),
        )
        draft.put(key)
    return {"AccessKey": _summary(key) | {"SecretAccessKey": secret}}


@operation("iam", "ListAccessKeys")
async def list_access_keys(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    user = require(records, User, user_name(call, params))
    chosen, rest = page(_keys(records, user.name), params, lambda key: key.id)
    return {"AccessKeyMetadata": [_summary(key) for key in chosen]} | rest


@operation("iam", "UpdateAccessKey")
async def update_access_key(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        key = _require(draft, call, params)
        draft.put(replace(key, status=key_status(params)))
    return {}


@operation("iam", "DeleteAccessKey")
async def delete_access_key(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        key = _require(draft, call, params)
        draft.remove(key)
        last_use = draft.get(LastUse, key.id)
        if last_use is not None:
            draft.remove(last_use)
    return {}


@operation("iam", "GetAccessKeyLastUsed")
async def get_access_key_last_used(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    key = records.get(AccessKey, params["AccessKeyId"])
    if key is None:
        raise _missing(params["AccessKeyId"])
    last_use = records.get(LastUse, key.id)
    # "N/A" stands for a key never used (API reference, AccessKeyLastUsed).
    shown = (
        {"ServiceName": "N/A", "Region": "N/A"}
        if last_use is None
        else {
            "LastUsedDate": moment(last_use.at_ms),
            "ServiceName": last_use.service,
            "Region": last_use.region,
        }
    )
    return {"UserName": key.user, "AccessKeyLastUsed": shown}


def _keys(records: Records, user: str) -> list[AccessKey]:
    keys = [key for key in records.all(AccessKey) if key.user == user]
    return sorted(keys, key=lambda key: (key.created_ms, key.id))


def _require(records: Records, call: Call, params: Params) -> AccessKey:
    user = require(records, User, user_name(call, params))
    key = records.get(AccessKey, params["AccessKeyId"])
    if key is None or key.user != user.name:
        raise _missing(params["AccessKeyId"])
    return key


def _missing(access_key_id: str) -> NoSuchEntityException:
    return NoSuchEntityException(f"The Access Key with id {access_key_id} cannot be found.")


def _summary(key: AccessKey) -> Result:
    return {
        "UserName": key.user,
        "AccessKeyId": key.id,
        "Status": key.status.value,
        "CreateDate": moment(key.created_ms),
    }


OPERATIONS: tuple[Implementation, ...] = (
    create_access_key,
    list_access_keys,
    update_access_key,
    delete_access_key,
    get_access_key_last_used,
)
