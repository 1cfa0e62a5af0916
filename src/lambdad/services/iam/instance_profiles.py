"""Instance profiles: a role under another name. Deploy tools make and read them; no machine here
takes a role from one.
"""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam import naming
from lambdad.iam.records import InstanceProfile, Role
from lambdad.services.iam.entities import require, require_free, require_modifiable
from lambdad.services.iam.errors import (
    DeleteConflictException,
    NoSuchEntityException,
    quota_exceeded,
)
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.tags import read_tags
from lambdad.services.iam.views import profile_details, tag_list


@operation("iam", "CreateInstanceProfile")
async def create_instance_profile(service: IamService, call: Call, params: Params) -> Result:
    tags = read_tags(params, service.quotas)
    async with service.store.edit(call.account) as draft:
        require_free(draft, InstanceProfile, params["InstanceProfileName"])
        if draft.count(InstanceProfile) >= service.quotas.instance_profiles:
            raise quota_exceeded("InstanceProfilesPerAccount", service.quotas.instance_profiles)
        profile = InstanceProfile(
            name=params["InstanceProfileName"],
            id=naming.new_unique_id(naming.PROFILE),
            path=params.get("Path", "/"),
            created_ms=service.now_ms(),
            tags=tags,
        )
        draft.put(profile)
        details = profile_details(call.account, profile, draft)
    return {"InstanceProfile": details | {"Tags": tag_list(tags) or None}}


@operation("iam", "GetInstanceProfile")
async def get_instance_profile(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    profile = require(records, InstanceProfile, params["InstanceProfileName"])
    details = profile_details(call.account, profile, records)
    return {"InstanceProfile": details | {"Tags": tag_list(profile.tags)}}


@operation("iam", "ListInstanceProfiles")
async def list_instance_profiles(service: IamService, call: Call, params: Params) -> Result:
    prefix = params.get("PathPrefix", "/")
    profiles = [
        profile
        for profile in service.store.account(call.account).all(InstanceProfile)
        if profile.path.startswith(prefix)
    ]
    return _list(service, call, params, profiles)


@operation("iam", "ListInstanceProfilesForRole")
async def list_instance_profiles_for_role(
    service: IamService, call: Call, params: Params
) -> Result:
    records = service.store.account(call.account)
    role = require(records, Role, params["RoleName"])
    profiles = [each for each in records.all(InstanceProfile) if each.role == role.name]
    return _list(service, call, params, profiles)


@operation("iam", "AddRoleToInstanceProfile")
async def add_role_to_instance_profile(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        profile = require(draft, InstanceProfile, params["InstanceProfileName"])
        role = require_modifiable(draft, params["RoleName"])
        if profile.role is not None:
            raise quota_exceeded("InstanceSessionsPerInstanceProfile", 1)
        draft.put(replace(profile, role=role.name))
    return {}


@operation("iam", "RemoveRoleFromInstanceProfile")
async def remove_role_from_instance_profile(
    service: IamService, call: Call, params: Params
) -> Result:
    async with service.store.edit(call.account) as draft:
        profile = require(draft, InstanceProfile, params["InstanceProfileName"])
        if profile.role != params["RoleName"]:
            raise NoSuchEntityException(f"The role with name {params['RoleName']} cannot be found.")
        draft.put(replace(profile, role=None))
    return {}


@operation("iam", "DeleteInstanceProfile")
async def delete_instance_profile(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        profile = require(draft, InstanceProfile, params["InstanceProfileName"])
        if profile.role is not None:
            raise DeleteConflictException(
                "Cannot delete entity, must remove roles from instance profile first."
            )
        draft.remove(profile)
    return {}


def _list(
    service: IamService, call: Call, params: Params, profiles: list[InstanceProfile]
) -> Result:
    records = service.store.account(call.account)
    chosen, rest = page(profiles, params, lambda profile: profile.key)
    shown = [profile_details(call.account, profile, records) for profile in chosen]
    return {"InstanceProfiles": shown} | rest


OPERATIONS: tuple[Implementation, ...] = (
    create_instance_profile,
    get_instance_profile,
    list_instance_profiles,
    list_instance_profiles_for_role,
    add_role_to_instance_profile,
    remove_role_from_instance_profile,
    delete_instance_profile,
)
