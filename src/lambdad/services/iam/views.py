"""Records as members of answers. Which members an answer has is AWS's own, irregular choice;
each function says where it comes from.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from lambdad.api.call import Result
from lambdad.iam.records import (
    Group,
    InstanceProfile,
    LastUse,
    ManagedPolicy,
    PolicyVersion,
    Role,
    Tags,
    User,
)
from lambdad.iam.store import Records


def moment(at_ms: int) -> datetime:
    """A date of an answer."""
    return datetime.fromtimestamp(at_ms // 1000, UTC)


def document_text(document: str) -> str:
    """A policy document as IAM sends it: percent-encoded (RFC 3986)."""
    return quote(document, safe="-_.~")


def tag_list(tags: Tags) -> list[Result]:
    """Tags as a list of Key and Value."""
    return [{"Key": key, "Value": value} for key, value in tags]


def sorted_tags(tags: Tags) -> list[Result]:
    """Likewise, sorted by key, where the API reference says so."""
    return tag_list(tuple(sorted(tags)))


def user_summary(account: str, user: User) -> Result:
    """A user as ListUsers shows it: without tags and boundary (API reference, ListUsers)."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn(account),
        "CreateDate": moment(user.created_ms),
    }


def user_details(account: str, user: User) -> Result:
    """A user as CreateUser and GetUser show it."""
    return user_summary(account, user) | {
        "PermissionsBoundary": boundary(user.boundary),
        "Tags": tag_list(user.tags) or None,
    }


def group_summary(account: str, group: Group) -> Result:
    """A group as every operation shows it."""
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn(account),
        "CreateDate": moment(group.created_ms),
    }


def bare_role(account: str, role: Role) -> Result:
    """A role as CreateServiceLinkedRole and instance profiles show it."""
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn(account),
        "CreateDate": moment(role.created_ms),
        "AssumeRolePolicyDocument": document_text(role.trust),
    }


def role_summary(account: str, role: Role) -> Result:
    """A role as ListRoles shows it: without tags, boundary and last use (recorded)."""
    return bare_role(account, role) | {
        "Description": role.description,
        "MaxSessionDuration": role.max_session_s,
    }


def role_details(account: str, role: Role, last_use: LastUse | None) -> Result:
    """A role as GetRole shows it (recorded: RoleLastUsed is there, if empty)."""
    return role_summary(account, role) | {
        "PermissionsBoundary": boundary(role.boundary),
        "Tags": tag_list(role.tags) or None,
        "RoleLastUsed": role_last_used(last_use),
    }


def role_last_used(last_use: LastUse | None) -> Result:
    """RoleLastUsed; empty for a role never used."""
    if last_use is None:
        return {}
    return {"LastUsedDate": moment(last_use.at_ms), "Region": last_use.region}


def boundary(arn: str | None) -> Result | None:
    """PermissionsBoundary. The model's enum says PermissionsBoundaryPolicy; AWS sends Policy."""
    if arn is None:
        return None
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}


def profile_details(account: str, profile: InstanceProfile, records: Records) -> Result:
    """An instance profile with its role, as ListInstanceProfiles shows it."""
    role = records.named(Role, profile.role) if profile.role else None
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn(account),
        "CreateDate": moment(profile.created_ms),
        "Roles": [bare_role(account, role)] if role else [],
    }


def policy_summary(account: str, policy: ManagedPolicy, attached: int, bounding: int) -> Result:
    """A managed policy as ListPolicies shows it; `attached` and `bounding` count its uses."""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn(account),
        "Path": policy.path,
        "DefaultVersionId": policy.default_version,
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": bounding,
        "IsAttachable": True,
        "CreateDate": moment(policy.created_ms),
        "UpdateDate": moment(policy.updated_ms),
    }


def version_summary(policy: ManagedPolicy, version: PolicyVersion) -> Result:
    """A policy version without its document, as ListPolicyVersions shows it."""
    return {
        "VersionId": version.id,
        "IsDefaultVersion": version.id == policy.default_version,
        "CreateDate": moment(version.created_ms),
    }
