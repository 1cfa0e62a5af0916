"""What the operations of IAM require (Service Authorization Reference, "AWS Identity and Access
Management").

How resources are called is `resources`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lambdad.api.call import Call, Params
from lambdad.api.requirement import (
    NO_KEYS,
    Keys,
    Requirement,
    Rule,
    ServiceRules,
    request_tags,
    tag_keys,
)
from lambdad.core.arn import parse_arn
from lambdad.iam.errors import AccessDenied
from lambdad.iam.naming import iam_arn
from lambdad.iam.records import (
    Group,
    InstanceProfile,
    ManagedPolicy,
    Named,
    Role,
    User,
)
from lambdad.iam.uploads import ServerCertificate
from lambdad.services.iam.resources import PARAMETERS, arn_of, requirement_on, tags_of
from lambdad.services.iam.service import IamService

_ON_NAMED: Mapping[type[Named], tuple[str, ...]] = {
    User: (
        "CreateAccessKey", "CreateLoginProfile", "CreateServiceSpecificCredential",
        "DeleteAccessKey", "DeleteLoginProfile", "DeleteServiceSpecificCredential",
        "DeactivateMFADevice", "DeleteSSHPublicKey", "DeleteSigningCertificate", "DeleteUser",
        "EnableMFADevice", "GetLoginProfile", "GetMFADevice", "GetSSHPublicKey", "GetUser",
        "GetUserPolicy", "ListAccessKeys", "ListAttachedUserPolicies", "ListGroupsForUser",
        "ListMFADevices", "ListSSHPublicKeys", "ListSigningCertificates", "ListUserPolicies",
        "ListUserTags", "ResetServiceSpecificCredential", "ResyncMFADevice", "UpdateAccessKey",
        "UpdateLoginProfile", "UpdateSSHPublicKey", "UpdateServiceSpecificCredential",
        "UpdateSigningCertificate", "UploadSSHPublicKey", "UploadSigningCertificate",
    ),
    Group: (
        "AddUserToGroup", "AttachGroupPolicy", "DeleteGroup", "DeleteGroupPolicy",
        "DetachGroupPolicy", "GetGroup", "GetGroupPolicy", "ListAttachedGroupPolicies",
        "ListGroupPolicies", "PutGroupPolicy", "RemoveUserFromGroup",
    ),
    Role: (
        "DeleteRole", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies",
        "ListInstanceProfilesForRole", "ListRolePolicies", "ListRoleTags",
        "UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription",
    ),
    InstanceProfile: (
        "DeleteInstanceProfile", "GetInstanceProfile", "ListInstanceProfileTags",
        "RemoveRoleFromInstanceProfile",
    ),
    ServerCertificate: (
        "DeleteServerCertificate", "GetServerCertificate", "ListServerCertificateTags",
    ),
}  # fmt: skip
_BOUNDED: Mapping[type[Named], tuple[str, ...]] = {
    User: (
        "AttachUserPolicy", "DeleteUserPermissionsBoundary", "DeleteUserPolicy",
        "DetachUserPolicy", "PutUserPermissionsBoundary", "PutUserPolicy",
    ),
    Role: (
        "AttachRolePolicy", "DeleteRolePermissionsBoundary", "DeleteRolePolicy",
        "DetachRolePolicy", "PutRolePermissionsBoundary", "PutRolePolicy",
    ),
}  # fmt: skip
"""They change what an identity may do, and may be allowed for bounded identities only."""
_ON_ARN: Mapping[str, tuple[str, ...]] = {
    "PolicyArn": (
        "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "GetPolicy",
        "GetPolicyVersion", "ListEntitiesForPolicy", "ListPolicyTags", "ListPolicyVersions",
        "SetDefaultPolicyVersion",
    ),
    "OpenIDConnectProviderArn": (
        "AddClientIDToOpenIDConnectProvider", "DeleteOpenIDConnectProvider",
        "GetOpenIDConnectProvider", "ListOpenIDConnectProviderTags",
        "RemoveClientIDFromOpenIDConnectProvider", "UpdateOpenIDConnectProviderThumbprint",
    ),
    "SAMLProviderArn": (
        "DeleteSAMLProvider", "GetSAMLProvider", "ListSAMLProviderTags", "UpdateSAMLProvider",
    ),
    "SerialNumber": ("DeleteVirtualMFADevice", "ListMFADeviceTags"),
    "PolicySourceArn": ("GetContextKeysForPrincipalPolicy", "SimulatePrincipalPolicy"),
}  # fmt: skip
_ON_EVERYTHING = (
    "CreateAccountAlias", "DeleteAccountAlias", "DeleteAccountPasswordPolicy",
    "GenerateCredentialReport", "GetAccountAuthorizationDetails", "GetAccountPasswordPolicy",
    "GetAccountSummary", "GetContextKeysForCustomPolicy", "GetCredentialReport",
    "ListAccountAliases", "ListOpenIDConnectProviders", "ListSAMLProviders",
    "SetSecurityTokenServicePreferences", "SimulateCustomPolicy",
    "UpdateAccountPasswordPolicy",
)  # fmt: skip
_LISTS: Mapping[str, str] = {
    "ListGroups": "group",
    "ListInstanceProfiles": "instance-profile",
    "ListRoles": "role",
    "ListServerCertificates": "server-certificate",
    "ListUsers": "user",
    "ListVirtualMFADevices": "mfa",
}
"""Their resource is the path that is listed."""
_TAGGING: Mapping[str, type[Named] | str] = {
    "User": User,
    "Role": Role,
    "InstanceProfile": InstanceProfile,
    "Policy": "PolicyArn",
    "OpenIDConnectProvider": "OpenIDConnectProviderArn",
    "SAMLProvider": "SAMLProviderArn",
    "MFADevice": "SerialNumber",
    "ServerCertificate": ServerCertificate,
}
"""Tag… and Untag…: what they are about, by kind or by the parameter that holds the ARN."""


# What a request is about.


def _on_named(kind: type[Named], action: str) -> Rule:
    def rule(service: IamService, call: Call, params: Params) -> Iterable[Requirement]:
        return (requirement_on(service, call, kind, params, action),)

    return rule


def _on_bounded(kind: type[Named], action: str) -> Rule:
    def rule(service: IamService, call: Call, params: Params) -> Iterable[Requirement]:
        keys: dict[str, str | tuple[str, ...]] = {}
        record = service.store.account(call.account).named(kind, params[PARAMETERS[kind][0]])
        boundary = record.boundary if isinstance(record, User | Role) else None
        boundary = params.get("PermissionsBoundary", boundary)
        if boundary is not None:
            keys["iam:permissionsboundary"] = boundary
        if "PolicyArn" in params:
            keys["iam:policyarn"] = params["PolicyArn"]
        return (requirement_on(service, call, kind, params, action)._replace(keys=keys),)

    return rule


def _on_group_policy(action: str) -> Rule:
    def rule(service: IamService, call: Call, params: Params) -> Iterable[Requirement]:
        keys = {"iam:policyarn": params["PolicyArn"]}
        return (requirement_on(service, call, Group, params, action)._replace(keys=keys),)

    return rule


def _on_arn(parameter: str, action: str) -> Rule:
    def rule(_: IamService, __: Call, params: Params) -> Iterable[Requirement]:
        arn: str = params[parameter]
        shown = f"policy {arn}" if parameter == "PolicyArn" else None
        return (Requirement(f"iam:{action}", arn, NO_KEYS, shown),)

    return rule


def _on_everything(action: str) -> Rule:
    required = (Requirement(f"iam:{action}"),)
    return lambda _, __, ___: required


def _list(action: str, kind: str) -> Rule:
    def rule(_: IamService, call: Call, params: Params) -> Iterable[Requirement]:
        arn = iam_arn(call.account, kind, params.get("PathPrefix", "/"), "")
        return (Requirement(f"iam:{action}", arn),)

    return rule


def _list_policies(_: IamService, __: Call, params: Params) -> Iterable[Requirement]:
    return (Requirement("iam:ListPolicies", f"policy path {params.get('PathPrefix', '/')}"),)


# Making things.


def _create(kind: type[Named], action: str, parameter: str) -> Rule:
    def rule(_: IamService, call: Call, params: Params) -> Iterable[Requirement]:
        arn = iam_arn(call.account, kind.ARN_KIND, params.get("Path", "/"), params[parameter])
        keys = _given_tags(params)
        if "PermissionsBoundary" in params:
            keys["iam:permissionsboundary"] = params["PermissionsBoundary"]
        return (Requirement(f"iam:{action}", arn, keys),)

    return rule


def _create_oidc(_: IamService, call: Call, params: Params) -> Iterable[Requirement]:
    url = params["Url"].removeprefix("https://")
    arn = iam_arn(call.account, "oidc-provider", "/", url)
    return (Requirement("iam:CreateOpenIDConnectProvider", arn, _given_tags(params)),)


def _create_saml(_: IamService, call: Call, params: Params) -> Iterable[Requirement]:
    arn = iam_arn(call.account, "saml-provider", "/", params["Name"])
    return (Requirement("iam:CreateSAMLProvider", arn, _given_tags(params)),)


def _create_device(_: IamService, call: Call, params: Params) -> Iterable[Requirement]:
    arn = iam_arn(call.account, "mfa", params.get("Path", "/"), params["VirtualMFADeviceName"])
    return (Requirement("iam:CreateVirtualMFADevice", arn, _given_tags(params)),)


def _create_linked_role(service: IamService, call: Call, params: Params) -> Iterable[Requirement]:
    owner = params["AWSServiceName"]
    template = service.service_roles.get(owner)
    name = template.role if template else "*"
    if template and params.get("CustomSuffix"):
        name = f"{name}_{params['CustomSuffix']}"
    arn = iam_arn(call.account, "role", f"/aws-service-role/{owner}/", name)
    keys = {"iam:awsservicename": owner}
    return (Requirement("iam:CreateServiceLinkedRole", arn, keys),)


def _delete_linked_role(service: IamService, call: Call, params: Params) -> Iterable[Requirement]:
    role = service.store.account(call.account).named(Role, params["RoleName"])
    owner = role.linked_service if role else None
    keys = NO_KEYS if owner is None else {"iam:awsservicename": owner}
    return (
        requirement_on(service, call, Role, params, "DeleteServiceLinkedRole")._replace(keys=keys),
    )


def _deletion_status(_: IamService, call: Call, params: Params) -> Iterable[Requirement]:
    place = "/".join(params["DeletionTaskId"].split("/")[1:-1])  # task/<path and name>/<uuid>
    arn = iam_arn(call.account, "role", "/", place)
    return (Requirement("iam:GetServiceLinkedRoleDeletionStatus", arn),)


def _rename(kind: type[Named], action: str, new_name: str) -> Rule:
    """Whoever moves a thing needs to be allowed to on both names (API reference, UpdateUser)."""

    def rule(service: IamService, call: Call, params: Params) -> Iterable[Requirement]:
        here = requirement_on(service, call, kind, params, action)
        if new_name not in params and "NewPath" not in params:
            return (here,)
        old = parse_arn(here.resource)
        path = "/" if old is None else old.resource.removeprefix(kind.ARN_KIND)
        path = params.get("NewPath", path.rpartition("/")[0] + "/")
        name: str = params.get(new_name) or params[PARAMETERS[kind][0]]
        there = iam_arn(call.account, kind.ARN_KIND, path, name)
        return (here, Requirement(f"iam:{action}", there))

    return rule


def _add_role_to_profile(service: IamService, call: Call, params: Params) -> Iterable[Requirement]:
    role = arn_of(service, call.account, Role, params["RoleName"])
    return (
        requirement_on(service, call, InstanceProfile, params, "AddRoleToInstanceProfile"),
        Requirement("iam:PassRole", role, {"iam:passedtoservice": "ec2.amazonaws.com"}),
    )


def _key_last_used(service: IamService, call: Call, params: Params) -> Iterable[Requirement]:
    found = service.store.find_key(params["AccessKeyId"])
    if found is None or found[0] != call.account:
        return (Requirement("iam:GetAccessKeyLastUsed"),)
    arn = arn_of(service, call.account, User, found[1].user)
    return (Requirement("iam:GetAccessKeyLastUsed", arn, NO_KEYS, f"user {found[1].user}"),)


def _list_credentials(service: IamService, call: Call, params: Params) -> Iterable[Requirement]:
    action = "ListServiceSpecificCredentials"
    if params.get("AllUsers"):
        return (Requirement(f"iam:{action}"),)
    return (requirement_on(service, call, User, params, action),)


# Tags.


def _tagging(what: type[Named] | str, action: str) -> Rule:
    rule = _on_arn(what, action) if isinstance(what, str) else _on_named(what, action)

    def tagged(service: IamService, call: Call, params: Params) -> Iterable[Requirement]:
        keys: Keys = _given_tags(params) if "Tags" in params else tag_keys(params["TagKeys"])
        return [required._replace(keys=keys) for required in rule(service, call, params)]

    return tagged


def _given_tags(params: Params) -> dict[str, str | tuple[str, ...]]:
    return request_tags((tag["Key"], tag["Value"]) for tag in params.get("Tags") or ())


_RULES: Mapping[str, Rule] = {
    **{name: _on_named(kind, name) for kind, names in _ON_NAMED.items() for name in names},
    **{name: _on_bounded(kind, name) for kind, names in _BOUNDED.items() for name in names},
    **{name: _on_group_policy(name) for name in ("AttachGroupPolicy", "DetachGroupPolicy")},
    **{name: _on_arn(place, name) for place, names in _ON_ARN.items() for name in names},
    **{name: _on_everything(name) for name in _ON_EVERYTHING},
    **{name: _list(name, kind) for name, kind in _LISTS.items()},
    **{f"Tag{name}": _tagging(what, f"Tag{name}") for name, what in _TAGGING.items()},
    **{f"Untag{name}": _tagging(what, f"Untag{name}") for name, what in _TAGGING.items()},
    "ListPolicies": _list_policies,
    "CreateUser": _create(User, "CreateUser", "UserName"),
    "CreateGroup": _create(Group, "CreateGroup", "GroupName"),
    "CreateRole": _create(Role, "CreateRole", "RoleName"),
    "CreatePolicy": _create(ManagedPolicy, "CreatePolicy", "PolicyName"),
    "CreateInstanceProfile": _create(
        InstanceProfile, "CreateInstanceProfile", "InstanceProfileName"
    ),
    "UploadServerCertificate": _create(
        ServerCertificate, "UploadServerCertificate", "ServerCertificateName"
    ),
    "CreateOpenIDConnectProvider": _create_oidc,
    "CreateSAMLProvider": _create_saml,
    "CreateVirtualMFADevice": _create_device,
    "CreateServiceLinkedRole": _create_linked_role,
    "DeleteServiceLinkedRole": _delete_linked_role,
    "GetServiceLinkedRoleDeletionStatus": _deletion_status,
    "UpdateUser": _rename(User, "UpdateUser", "NewUserName"),
    "UpdateServerCertificate": _rename(
        ServerCertificate, "UpdateServerCertificate", "NewServerCertificateName"
    ),
    "UpdateGroup": _rename(Group, "UpdateGroup", "NewGroupName"),
    "AddRoleToInstanceProfile": _add_role_to_profile,
    "GetAccessKeyLastUsed": _key_last_used,
    "ListServiceSpecificCredentials": _list_credentials,
}
RULES = ServiceRules("iam", _RULES, AccessDenied, tags_of)
