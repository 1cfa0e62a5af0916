"""Versions of managed policies."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam.records import ManagedPolicy, PolicyVersion
from lambdad.services.iam.documents import check_managed
from lambdad.services.iam.entities import require_own_policy, require_policy
from lambdad.services.iam.errors import (
    DeleteConflictException,
    LimitExceededException,
    NoSuchEntityException,
)
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.views import document_text, version_summary


@operation("iam", "CreatePolicyVersion")
async def create_policy_version(service: IamService, call: Call, params: Params) -> Result:
    check_managed(service, params["PolicyDocument"])
    async with service.store.edit(call.account) as draft:
        policy = require_own_policy(draft, call.account, params["PolicyArn"])
        limit = service.quotas.versions_per_policy
        if len(policy.versions) >= limit:
            raise LimitExceededException(
                f"A managed policy can have up to {limit} versions. Before you create a new "
                "version, you must delete an existing version."
            )
        number = policy.versions_made + 1
        now_ms = service.now_ms()
        version = PolicyVersion(f"v{number}", params["PolicyDocument"], now_ms)
        default = version.id if params.get("SetAsDefault") else policy.default_version
        policy = replace(
            policy,
            versions=(*policy.versions, version),
            versions_made=number,
            default_version=default,
            updated_ms=now_ms,
        )
        draft.put(policy)
    return {"PolicyVersion": version_summary(policy, version)}


@operation("iam", "GetPolicyVersion")
async def get_policy_version(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    policy = require_policy(records, service.managed, call.account, params["PolicyArn"])
    version = _require(policy, params)
    return {
        "PolicyVersion": version_summary(policy, version)
        | {"Document": document_text(version.document)}
    }


@operation("iam", "ListPolicyVersions")
async def list_policy_versions(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    policy = require_policy(records, service.managed, call.account, params["PolicyArn"])
    chosen, rest = page(policy.versions[::-1], params, lambda version: version.id)
    return {"Versions": [version_summary(policy, version) for version in chosen]} | rest


@operation("iam", "SetDefaultPolicyVersion")
async def set_default_policy_version(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        policy = require_own_policy(draft, call.account, params["PolicyArn"])
        version = _require(policy, params)
        draft.put(replace(policy, default_version=version.id, updated_ms=service.now_ms()))
    return {}


@operation("iam", "DeletePolicyVersion")
async def delete_policy_version(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        policy = require_own_policy(draft, call.account, params["PolicyArn"])
        version = _require(policy, params)
        if version.id == policy.default_version:
            raise DeleteConflictException("Cannot delete the default version of a policy.")
        kept = tuple(each for each in policy.versions if each.id != version.id)
        draft.put(replace(policy, versions=kept))
    return {}


def _require(policy: ManagedPolicy, params: Params) -> PolicyVersion:
    for version in policy.versions:
        if version.id == params["VersionId"]:
            return version
    raise NoSuchEntityException(
        f"Policy {params['PolicyArn']} version {params['VersionId']} does not exist or is not "
        "attachable."
    )


OPERATIONS: tuple[Implementation, ...] = (
    create_policy_version,
    get_policy_version,
    list_policy_versions,
    set_default_policy_version,
    delete_policy_version,
)
