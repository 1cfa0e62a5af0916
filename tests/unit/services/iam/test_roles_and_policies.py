"""Roles, managed and inline policies, boundaries, profiles, providers: rules and AWS's texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.errors import AwsError
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from support.identities import (
    ACCOUNT,
    ALLOW_ALL,
    LAMBDA_TRUST,
    OTHER_ACCOUNT,
    OTHER_ROOT,
    World,
    decoded,
    in_world,
    policy,
    trust,
)

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
OWN = f"arn:aws:iam::{ACCOUNT}:policy/p"


async def refusal(world: World, name: str, **params: Any) -> str:
    with pytest.raises(AwsError) as caught:
        await world.iam(name, **params)
    error = caught.value
    return f"{error.code} {error.status}: {error.message}"


async def role(world: World, name: str = "r", **params: Any) -> dict[str, Any]:
    document = {"AssumeRolePolicyDocument": LAMBDA_TRUST}
    made = await world.iam("CreateRole", RoleName=name, **(document | params))
    return dict(made["Role"])


async def own_policy(world: World, document: str = ALLOW_ALL, **params: Any) -> str:
    made = await world.iam("CreatePolicy", PolicyName="p", PolicyDocument=document, **params)
    return str(made["Policy"]["Arn"])


def test_a_role_shows_differently_in_each_operation(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        made = await role(
            world,
            Path="/a/",
            Description="d",
            PermissionsBoundary=READ_ONLY,
            Tags=[{"Key": "k", "Value": "v"}],
        )
        boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": READ_ONLY}
        bare = {
            "Path": "/a/",
            "RoleName": "r",
            "RoleId": made["RoleId"],
            "Arn": f"arn:aws:iam::{ACCOUNT}:role/a/r",
            "CreateDate": made["CreateDate"],
            "AssumeRolePolicyDocument": made["AssumeRolePolicyDocument"],
            "Description": "d",
        }
        tags = [{"Key": "k", "Value": "v"}]
        assert made == bare | {"PermissionsBoundary": boundary, "Tags": tags}
        assert decoded(made["AssumeRolePolicyDocument"]) == json.loads(LAMBDA_TRUST)
        listed = bare | {"MaxSessionDuration": 3600}
        assert await world.iam("ListRoles") == {"Roles": [listed], "IsTruncated": False}
        assert await world.iam("ListRoles", PathPrefix="/b") == {
            "Roles": [],
            "IsTruncated": False,
        }
        assert (await world.iam("GetRole", RoleName="r"))["Role"] == listed | {
            "PermissionsBoundary": boundary,
            "Tags": tags,
            "RoleLastUsed": {},
        }
        await world.iam("UpdateRole", RoleName="r", MaxSessionDuration=7200, Description="")
        assert (await world.iam("UpdateRoleDescription", RoleName="r", Description="e"))[
            "Role"
        ] == listed | {"Description": "e", "MaxSessionDuration": 7200}
        assert (await role(world, "s", MaxSessionDuration=3600))["MaxSessionDuration"] == 3600

    in_world(tmp_path, scenario)


def test_a_role_in_use_cannot_be_deleted(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await role(world)
        await world.iam("CreateInstanceProfile", InstanceProfileName="i")
        both = {"RoleName": "r", "InstanceProfileName": "i"}
        await world.iam("AddRoleToInstanceProfile", **both)
        conflict = "DeleteConflict 409: Cannot delete entity, "
        in_profile = conflict + "must remove roles from instance profile first."
        assert await refusal(world, "DeleteRole", RoleName="r") == in_profile
        assert await refusal(world, "DeleteInstanceProfile", InstanceProfileName="i") == in_profile
        await world.iam("RemoveRoleFromInstanceProfile", **both)
        await world.iam("AttachRolePolicy", RoleName="r", PolicyArn=READ_ONLY)
        assert await refusal(world, "DeleteRole", RoleName="r") == (
            conflict + "must detach all policies first."
        )
        await world.iam("DetachRolePolicy", RoleName="r", PolicyArn=READ_ONLY)
        inline = {"RoleName": "r", "PolicyName": "i"}
        await world.iam("PutRolePolicy", **inline, PolicyDocument=ALLOW_ALL)
        assert await refusal(world, "DeleteRole", RoleName="r") == (
            conflict + "must delete policies first."
        )
        await world.iam("DeleteRolePolicy", **inline)
        await world.iam("DeleteRole", RoleName="r")
        assert await refusal(world, "GetRole", RoleName="r") == (
            "NoSuchEntity 404: The role with name r cannot be found."
        )

    in_world(tmp_path, scenario)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("not json", "This policy contains invalid Json"),
        (policy(Action="s3:*", Resource="*"), "Has prohibited field Resource"),
        (trust(AWS="nobody"), 'Invalid principal in policy: "AWS":"nobody"'),
        (
            trust(AWS=f"arn:aws:iam::{ACCOUNT}:user/nobody"),
            f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:user/nobody"',
        ),
        (
            trust(AWS=[f"arn:aws:iam::{ACCOUNT}:user/wrong/ann"]),
            f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:user/wrong/ann"',
        ),
    ],
)
def test_a_trust_policy_that_aws_refuses(tmp_path: Path, document: str, message: str) -> None:
    async def scenario(world: World) -> None:
        await world.iam("CreateUser", UserName="ann", Path="/p/")
        await role(world)
        told = f"MalformedPolicyDocument 400: {message}"
        if "Resource" in document:
            told = told.replace(message, "")
        create = {"RoleName": "s", "AssumeRolePolicyDocument": document}
        assert (await refusal(world, "CreateRole", **create)).startswith(told)
        update = {"RoleName": "r", "PolicyDocument": document}
        assert (await refusal(world, "UpdateAssumeRolePolicy", **update)).startswith(told)
        assert [each["RoleName"] for each in (await world.iam("ListRoles"))["Roles"]] == ["r"]

    in_world(tmp_path, scenario)


def test_a_trust_policy_may_name_who_exists_or_is_elsewhere(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.iam("CreateUser", UserName="ann", Path="/p/")
        named = [
            f"arn:aws:iam::{ACCOUNT}:user/p/ann",
            f"arn:aws:iam::{ACCOUNT}:root",
            "arn:aws:iam::999988887777:role/not-held-here",
            OTHER_ACCOUNT,
            "*",
        ]
        document = trust(AWS=named, Service="lambda.amazonaws.com")
        made = await role(world, AssumeRolePolicyDocument=document)
        assert decoded(made["AssumeRolePolicyDocument"]) == json.loads(document)

    in_world(tmp_path, scenario)


def test_a_service_linked_role_is_its_services(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        made = await world.iam("CreateServiceLinkedRole", AWSServiceName="ecs.amazonaws.com")
        name = "AWSServiceRoleForECS"
        assert made["Role"]["RoleName"] == name
        protected = (
            f"UnmodifiableEntity 400: Cannot perform the operation on the protected role '{name}' "
            "- this role is only modifiable by AWS"
        )
        for operation, params in (
            ("AttachRolePolicy", {"PolicyArn": READ_ONLY}),
            ("DetachRolePolicy", {"PolicyArn": READ_ONLY}),
            ("PutRolePolicy", {"PolicyName": "i", "PolicyDocument": ALLOW_ALL}),
            ("DeleteRolePolicy", {"PolicyName": "i"}),
            ("PutRolePermissionsBoundary", {"PermissionsBoundary": READ_ONLY}),
            ("DeleteRolePermissionsBoundary", {}),
            ("UpdateAssumeRolePolicy", {"PolicyDocument": LAMBDA_TRUST}),
            ("UpdateRole", {"MaxSessionDuration": 7200}),
            ("DeleteRole", {}),
        ):
            assert await refusal(world, operation, RoleName=name, **params) == protected
        await world.iam("UpdateRoleDescription", RoleName=name, Description="mine")
        assert await refusal(
            world, "CreateServiceLinkedRole", AWSServiceName="ecs.amazonaws.com"
        ) == (
            f"InvalidInput 400: Service role name {name} has been taken in this account, please "
            "try a different suffix."
        )
        assert await refusal(world, "CreateServiceLinkedRole", AWSServiceName="x.y") == (
            "AccessDenied 403: Cannot find Service Linked Role template for x.y"
        )
        task = (await world.iam("DeleteServiceLinkedRole", RoleName=name))["DeletionTaskId"]
        assert task.startswith(f"task/aws-service-role/ecs.amazonaws.com/{name}/")
        status = await world.iam("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)
        assert status == {"Status": "SUCCEEDED"}
        assert (
            await refusal(world, "GetServiceLinkedRoleDeletionStatus", DeletionTaskId="task/x")
            == "NoSuchEntity 404: Deletion task id task/x does not exist."
        )
        await role(world)
        assert await refusal(world, "DeleteServiceLinkedRole", RoleName="r") == (
            "InvalidInput 400: Role r is not a service linked role."
        )

    in_world(tmp_path, scenario)


def test_a_policy_has_up_to_five_versions_never_numbered_twice(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        arn = await own_policy(world)
        for _ in range(4):
            await world.iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL)
        assert await refusal(
            world, "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL
        ) == (
            "LimitExceeded 409: A managed policy can have up to 5 versions. Before you create a "
            "new version, you must delete an existing version."
        )
        assert await refusal(world, "DeletePolicyVersion", PolicyArn=arn, VersionId="v1") == (
            "DeleteConflict 409: Cannot delete the default version of a policy."
        )
        await world.iam("DeletePolicyVersion", PolicyArn=arn, VersionId="v5")
        made = await world.iam(
            "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW_ALL, SetAsDefault=True
        )
        assert made["PolicyVersion"]["VersionId"] == "v6"
        assert made["PolicyVersion"]["IsDefaultVersion"] is True
        listed = (await world.iam("ListPolicyVersions", PolicyArn=arn))["Versions"]
        assert [each["VersionId"] for each in listed] == ["v6", "v4", "v3", "v2", "v1"]
        missing = f"NoSuchEntity 404: Policy {arn} version v5 does not exist or is not attachable."
        for name in ("GetPolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion"):
            assert await refusal(world, name, PolicyArn=arn, VersionId="v5") == missing
        assert await refusal(world, "DeletePolicy", PolicyArn=arn) == (
            "DeleteConflict 409: This policy has more than one version. Before you delete a "
            "policy, you must delete the policy's versions. The default version is deleted with "
            "the policy."
        )

    in_world(tmp_path, scenario)


def test_a_policy_in_use_cannot_be_deleted(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        arn = await own_policy(world)
        attached = "DeleteConflict 409: Cannot delete a policy attached to entities."
        await role(world)
        await world.iam("AttachRolePolicy", RoleName="r", PolicyArn=arn)
        assert await refusal(world, "DeletePolicy", PolicyArn=arn) == attached
        await world.iam("DetachRolePolicy", RoleName="r", PolicyArn=arn)
        await world.iam("PutRolePermissionsBoundary", RoleName="r", PermissionsBoundary=arn)
        assert await refusal(world, "DeletePolicy", PolicyArn=arn) == attached
        shown = (await world.iam("GetPolicy", PolicyArn=arn))["Policy"]
        assert (shown["AttachmentCount"], shown["PermissionsBoundaryUsageCount"]) == (0, 1)
        await world.iam("DeleteRolePermissionsBoundary", RoleName="r")
        await world.iam("DeletePolicy", PolicyArn=arn)
        assert await refusal(world, "GetPolicy", PolicyArn=arn) == (
            f"NoSuchEntity 404: Policy {arn} was not found."
        )

    in_world(tmp_path, scenario)


@pytest.mark.parametrize(
    "arn", [f"arn:aws:iam::{OTHER_ACCOUNT}:policy/p", f"{OWN}x", "arn:aws:iam::aws:policy/None"]
)
def test_a_policy_that_is_not_there_or_not_the_accounts(tmp_path: Path, arn: str) -> None:
    async def scenario(world: World) -> None:
        await own_policy(world)
        await world.iam("CreatePolicy", OTHER_ROOT, PolicyName="p", PolicyDocument=ALLOW_ALL)
        await role(world)
        missing = f"NoSuchEntity 404: Policy {arn} was not found."
        for name in ("GetPolicy", "ListPolicyVersions", "ListEntitiesForPolicy", "DeletePolicy"):
            assert await refusal(world, name, PolicyArn=arn) == missing
        assert await refusal(world, "DetachRolePolicy", RoleName="r", PolicyArn=arn) == missing
        assert await refusal(world, "AttachRolePolicy", RoleName="r", PolicyArn=arn) == (
            f"NoSuchEntity 404: Policy {arn} does not exist or is not attachable."
        )
        assert (
            await refusal(
                world, "PutRolePermissionsBoundary", RoleName="r", PermissionsBoundary=arn
            )
            == f"NoSuchEntity 404: Scope ARN: {arn} does not exist or is not attachable."
        )

    in_world(tmp_path, scenario)


def test_policies_of_aws_cannot_be_changed_nor_all_attached(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await role(world)
        for name in ("DeletePolicy", "CreatePolicyVersion"):
            told = await refusal(world, name, PolicyArn=READ_ONLY, PolicyDocument=ALLOW_ALL)
            assert told == f"NoSuchEntity 404: Policy {READ_ONLY} was not found."
        linked = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"
        assert await refusal(world, "AttachRolePolicy", RoleName="r", PolicyArn=linked) == (
            "PolicyNotAttachable 400: Cannot attach a Service Role Policy to a customer role."
        )

    in_world(tmp_path, scenario)


def test_quotas_of_roles_and_policies(tmp_path: Path) -> None:
    def long_document(size: int) -> str:
        return policy(Action="s3:*", Resource=f"arn:aws:s3:::{'b' * size}")

    async def scenario(world: World) -> None:
        await role(world)
        assert (
            await refusal(world, "CreateRole", RoleName="s", AssumeRolePolicyDocument=LAMBDA_TRUST)
            == "LimitExceeded 409: Cannot exceed quota for RolesPerAccount: 1"
        )
        arn = await own_policy(world)
        create = {"PolicyName": "q", "PolicyDocument": ALLOW_ALL}
        assert await refusal(world, "CreatePolicy", **create) == (
            "LimitExceeded 409: Cannot exceed quota for PoliciesPerAccount: 1"
        )
        too_long = {"PolicyArn": arn, "PolicyDocument": long_document(6144)}
        assert await refusal(world, "CreatePolicyVersion", **too_long) == (
            "LimitExceeded 409: Cannot exceed quota for PolicySize: 6144"
        )
        spaced = ALLOW_ALL.replace(" ", " " * 5000)  # white space does not count
        await world.iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=spaced)
        await world.iam("AttachRolePolicy", RoleName="r", PolicyArn=arn)
        await world.iam("AttachRolePolicy", RoleName="r", PolicyArn=arn)  # again is no error
        assert await refusal(world, "AttachRolePolicy", RoleName="r", PolicyArn=READ_ONLY) == (
            "LimitExceeded 409: Cannot exceed quota for PoliciesPerRole: 1"
        )
        inline = {"RoleName": "r", "PolicyDocument": long_document(6000)}
        await world.iam("PutRolePolicy", PolicyName="i", **inline)
        await world.iam("PutRolePolicy", PolicyName="i", **inline)  # replaced, not added
        assert await refusal(world, "PutRolePolicy", PolicyName="j", **inline) == (
            "LimitExceeded 409: Maximum policy size of 10240 bytes exceeded for role r"
        )
        wide = trust(Service=[f"{'s' * 100}{n}.amazonaws.com" for n in range(30)])
        assert (
            await refusal(world, "UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=wide)
            == "LimitExceeded 409: Cannot exceed quota for ACLSizePerRole: 2048"
        )

    quotas = replace(DEFAULT_LIMITS.iam, roles=1, policies=1, policies_per_identity=1)
    in_world(tmp_path, scenario, quotas=quotas)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{}", "Syntax errors in policy."),
        (
            json.dumps({"Version": "2008-10-17", "Statement": [{"Effect": "Allow"}]}),
            "Policy document must be version 2012-10-17 or greater.",
        ),
        (policy(Action="s3", Resource="*"), "Actions/Conditions must be prefaced by a vendor"),
        (
            policy(Action="s3:*", Resource="*", Principal={"AWS": "*"}),
            "Policy document should not specify a principal.",
        ),
    ],
)
def test_a_document_that_is_no_policy(tmp_path: Path, document: str, message: str) -> None:
    async def scenario(world: World) -> None:
        arn = await own_policy(world)
        await role(world)
        for name, params in (
            ("CreatePolicy", {"PolicyName": "q"}),
            ("CreatePolicyVersion", {"PolicyArn": arn}),
            ("PutRolePolicy", {"RoleName": "r", "PolicyName": "i"}),
        ):
            told = await refusal(world, name, PolicyDocument=document, **params)
            assert told.startswith(f"MalformedPolicyDocument 400: {message}")

    in_world(tmp_path, scenario)


def test_listing_policies_by_scope_and_use(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        arn = await own_policy(world, Path="/team/")
        await role(world)
        await world.iam("AttachRolePolicy", RoleName="r", PolicyArn=READ_ONLY)
        await world.iam("PutRolePermissionsBoundary", RoleName="r", PermissionsBoundary=arn)

        async def listed(**filters: Any) -> list[str]:
            answer = await world.iam("ListPolicies", MaxItems=1000, **filters)
            return [each["Arn"] for each in answer["Policies"]]

        assert await listed(Scope="Local") == [arn]
        assert await listed(Scope="Local", PathPrefix="/other/") == []
        assert await listed(OnlyAttached=True) == [arn, READ_ONLY]
        assert await listed(PolicyUsageFilter="PermissionsPolicy") == [READ_ONLY]
        assert await listed(PolicyUsageFilter="PermissionsBoundary") == [arn]
        assert len(await listed(Scope="AWS")) == 1000

        async def entities(**params: Any) -> dict[str, Any]:
            return await world.iam("ListEntitiesForPolicy", **params)

        nobody = {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": [], "IsTruncated": False}
        one = nobody | {
            "PolicyRoles": [
                {
                    "RoleName": "r",
                    "RoleId": (await world.iam("GetRole", RoleName="r"))["Role"]["RoleId"],
                }
            ]
        }
        assert await entities(PolicyArn=READ_ONLY) == one
        assert await entities(PolicyArn=READ_ONLY, EntityFilter="Role") == one
        assert await entities(PolicyArn=READ_ONLY, EntityFilter="User") == nobody
        assert await entities(PolicyArn=READ_ONLY, PathPrefix="/x/") == nobody
        boundary = {"PolicyUsageFilter": "PermissionsBoundary"}
        assert await entities(PolicyArn=READ_ONLY, **boundary) == nobody
        assert await entities(PolicyArn=arn, **boundary) == one

    in_world(tmp_path, scenario)


def test_a_boundary_has_to_be_there_to_go(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await role(world)
        assert await refusal(world, "DeleteRolePermissionsBoundary", RoleName="r") == (
            "NoSuchEntity 404: The role with name r does not have a permissions boundary attached."
        )
        assert (
            await refusal(
                world, "PutRolePermissionsBoundary", RoleName="r", PermissionsBoundary="x" * 20
            )
            == f"InvalidInput 400: ARN {'x' * 20} is not valid."
        )

    in_world(tmp_path, scenario)


def test_one_role_in_an_instance_profile(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await role(world)
        await role(world, "s")
        await world.iam("CreateInstanceProfile", InstanceProfileName="i")
        assert await refusal(world, "CreateInstanceProfile", InstanceProfileName="I") == (
            "EntityAlreadyExists 409: Instance Profile I already exists."
        )
        profile = {"InstanceProfileName": "i"}
        await world.iam("AddRoleToInstanceProfile", RoleName="r", **profile)
        assert await refusal(world, "AddRoleToInstanceProfile", RoleName="s", **profile) == (
            "LimitExceeded 409: Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
        )
        assert await refusal(world, "RemoveRoleFromInstanceProfile", RoleName="s", **profile) == (
            "NoSuchEntity 404: The role with name s cannot be found."
        )
        assert await refusal(world, "GetInstanceProfile", InstanceProfileName="x") == (
            "NoSuchEntity 404: Instance Profile x cannot be found."
        )

    in_world(tmp_path, scenario)


def test_identity_providers(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        made = await world.iam(
            "CreateOpenIDConnectProvider", Url="https://ID.example:8443/realm/", ClientIDList=["c"]
        )
        arn = made["OpenIDConnectProviderArn"]
        assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/ID.example:8443/realm"
        assert await refusal(
            world, "CreateOpenIDConnectProvider", Url="https://ID.example:8443/realm"
        ) == (
            "EntityAlreadyExists 409: Provider with url https://ID.example:8443/realm already "
            "exists."
        )
        for url in ("http://id.example", "id.example", "https://", "https://u@h", "https://h?q=1"):
            assert await refusal(world, "CreateOpenIDConnectProvider", Url=url) == (
                "ValidationError 400: Invalid Open ID Connect Provider URL"
            )
        which = {"OpenIDConnectProviderArn": arn}
        assert (
            await refusal(
                world,
                "UpdateOpenIDConnectProviderThumbprint",
                **which,
                ThumbprintList=["a" * 40] * 6,
            )
            == "InvalidInput 400: Thumbprint list must contain fewer than 5 entries."
        )
        await world.iam("AddClientIDToOpenIDConnectProvider", **which, ClientID="d")
        await world.iam("RemoveClientIDFromOpenIDConnectProvider", **which, ClientID="c")
        await world.iam("RemoveClientIDFromOpenIDConnectProvider", **which, ClientID="none")
        shown = await world.iam("GetOpenIDConnectProvider", **which)
        assert shown["ClientIDList"] == ["d"]
        await world.iam("DeleteOpenIDConnectProvider", **which)
        assert await refusal(world, "GetOpenIDConnectProvider", **which) == (
            f"NoSuchEntity 404: OpenIDConnect Provider not found for arn {arn}"
        )
        assert (
            await refusal(
                world, "CreateSAMLProvider", Name="s", SAMLMetadataDocument="<!DOCTYPE x>"
            )
            == "InvalidInput 400: Could not parse metadata"
        )
        saml = f"arn:aws:iam::{ACCOUNT}:saml-provider/none"
        assert await refusal(world, "DeleteSAMLProvider", SAMLProviderArn=saml) == (
            f"NoSuchEntity 404: Manifest not found for arn {saml}"
        )

    in_world(tmp_path, scenario)


def test_an_alias_is_unique_over_all_accounts(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.iam("CreateAccountAlias", AccountAlias="team")
        with pytest.raises(AwsError, match="The account alias team already exists"):
            await world.iam("CreateAccountAlias", OTHER_ROOT, AccountAlias="team")
        await world.iam("CreateAccountAlias", AccountAlias="other")  # takes the old one's place
        assert (await world.iam("ListAccountAliases"))["AccountAliases"] == ["other"]
        assert await refusal(world, "DeleteAccountAlias", AccountAlias="team") == (
            "NoSuchEntity 404: The account alias team cannot be found."
        )
        await world.iam("DeleteAccountAlias", AccountAlias="other")
        missing = (
            f"NoSuchEntity 404: The Password Policy with domain name {ACCOUNT} cannot be found."
        )
        for name in ("GetAccountPasswordPolicy", "DeleteAccountPasswordPolicy"):
            assert await refusal(world, name) == missing

    in_world(tmp_path, scenario)
