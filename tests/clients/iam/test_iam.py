"""IAM through boto3: whole answers of every group of operations, and errors as clients see them.

Sources: recorded conversations for users, roles, policies, service-linked roles and service
credentials; the IAM API reference for the rest.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.answers import RECENT, Matching, body
from support.server import LambdadServer

ACCOUNT = "000000000000"
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
TEXT, TRUST_TEXT = json.dumps(DOCUMENT), json.dumps(TRUST)
TAGS = [{"Key": "team", "Value": "blå Ω"}]


def unique_id(prefix: str) -> Matching:
    return Matching(prefix + "[A-Z2-7]{17}")


@pytest.fixture
def iam(server: LambdadServer) -> Any:
    return server.client("iam")


def arn(resource: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{resource}"


def test_users(iam: Any) -> None:
    user = {
        "Path": "/team/",
        "UserName": "user-1",
        "UserId": unique_id("AIDA"),
        "Arn": arn("user/team/user-1"),
        "CreateDate": RECENT,
    }
    made = iam.create_user(UserName="user-1", Path="/team/", Tags=TAGS)
    assert body(made) == {"User": user | {"Tags": TAGS}}
    assert body(iam.get_user(UserName="user-1")) == {"User": user | {"Tags": TAGS}}
    assert body(iam.list_users(PathPrefix="/team/")) == {"Users": [user], "IsTruncated": False}
    assert body(iam.list_user_tags(UserName="user-1")) == {"Tags": TAGS, "IsTruncated": False}
    assert body(iam.tag_user(UserName="user-1", Tags=[{"Key": "x", "Value": ""}])) == {}
    assert body(iam.untag_user(UserName="user-1", TagKeys=["x"])) == {}
    assert body(iam.update_user(UserName="user-1", NewUserName="user-2")) == {}
    assert body(iam.delete_user(UserName="user-2")) == {}
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        iam.get_user(UserName="user-2")
    assert caught.value.response["Error"] == {
        "Type": "Sender",
        "Code": "NoSuchEntity",
        "Message": "The user with name user-2 cannot be found.",
    }
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_groups(iam: Any) -> None:
    group = {
        "Path": "/",
        "GroupName": "group-1",
        "GroupId": unique_id("AGPA"),
        "Arn": arn("group/group-1"),
        "CreateDate": RECENT,
    }
    assert body(iam.create_group(GroupName="group-1")) == {"Group": group}
    user = iam.create_user(UserName="member")["User"]
    assert body(iam.add_user_to_group(GroupName="group-1", UserName="member")) == {}
    assert body(iam.get_group(GroupName="group-1")) == {
        "Group": group,
        "Users": [user],
        "IsTruncated": False,
    }
    expected = {"Groups": [group], "IsTruncated": False}
    assert body(iam.list_groups_for_user(UserName="member")) == expected
    assert body(iam.list_groups()) == expected
    assert body(iam.update_group(GroupName="group-1", NewPath="/p/")) == {}
    assert body(iam.remove_user_from_group(GroupName="group-1", UserName="member")) == {}
    iam.delete_user(UserName="member")
    assert body(iam.delete_group(GroupName="group-1")) == {}


def test_roles(iam: Any) -> None:
    bare = {
        "Path": "/",
        "RoleName": "role-1",
        "RoleId": unique_id("AROA"),
        "Arn": arn("role/role-1"),
        "CreateDate": RECENT,
        "AssumeRolePolicyDocument": TRUST,
    }
    made = iam.create_role(
        RoleName="role-1", AssumeRolePolicyDocument=TRUST_TEXT, MaxSessionDuration=7200
    )
    assert body(made) == {"Role": bare | {"MaxSessionDuration": 7200}}
    listed = bare | {"MaxSessionDuration": 7200}
    assert body(iam.get_role(RoleName="role-1")) == {"Role": listed | {"RoleLastUsed": {}}}
    assert listed in iam.list_roles()["Roles"]
    assert body(iam.update_role(RoleName="role-1", Description="d")) == {}
    answer = iam.update_role_description(RoleName="role-1", Description="e")
    assert body(answer) == {"Role": listed | {"Description": "e"}}
    update = iam.update_assume_role_policy(RoleName="role-1", PolicyDocument=TRUST_TEXT)
    assert body(update) == {}
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": BASIC}
    put = iam.put_role_permissions_boundary(RoleName="role-1", PermissionsBoundary=BASIC)
    assert body(put) == {}
    assert iam.get_role(RoleName="role-1")["Role"]["PermissionsBoundary"] == boundary
    assert body(iam.delete_role_permissions_boundary(RoleName="role-1")) == {}
    assert body(iam.tag_role(RoleName="role-1", Tags=TAGS)) == {}
    assert iam.get_role(RoleName="role-1")["Role"]["Tags"] == TAGS
    assert body(iam.delete_role(RoleName="role-1")) == {}


def test_managed_policies(iam: Any) -> None:
    policy = {
        "PolicyName": "policy-1",
        "PolicyId": unique_id("ANPA"),
        "Arn": arn("policy/p/policy-1"),
        "Path": "/p/",
        "DefaultVersionId": "v1",
        "AttachmentCount": 0,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": RECENT,
        "UpdateDate": RECENT,
    }
    made = iam.create_policy(
        PolicyName="policy-1", Path="/p/", PolicyDocument=TEXT, Description="d"
    )
    assert body(made) == {"Policy": policy | {"Description": "d"}}
    which = {"PolicyArn": arn("policy/p/policy-1")}
    shown = policy | {"Description": "d", "Tags": []}
    assert body(iam.get_policy(**which)) == {"Policy": shown}
    assert body(iam.list_policies(Scope="Local")) == {"Policies": [policy], "IsTruncated": False}
    version = {"VersionId": "v1", "IsDefaultVersion": True, "CreateDate": RECENT}
    second = version | {"VersionId": "v2", "IsDefaultVersion": False}
    answer = iam.create_policy_version(**which, PolicyDocument=TEXT)
    assert body(answer) == {"PolicyVersion": second}
    assert body(iam.get_policy_version(**which, VersionId="v1")) == {
        "PolicyVersion": version | {"Document": DOCUMENT}
    }
    assert body(iam.list_policy_versions(**which)) == {
        "Versions": [second, version],
        "IsTruncated": False,
    }
    assert body(iam.set_default_policy_version(**which, VersionId="v2")) == {}
    assert body(iam.delete_policy_version(**which, VersionId="v1")) == {}
    assert body(iam.tag_policy(**which, Tags=TAGS)) == {}
    assert iam.get_policy(**which)["Policy"]["Tags"] == TAGS
    assert body(iam.delete_policy(**which)) == {}


def test_policies_of_aws(iam: Any) -> None:
    policy = iam.get_policy(PolicyArn=BASIC)["Policy"]
    assert policy["PolicyName"] == "AWSLambdaBasicExecutionRole"
    assert policy["CreateDate"].isoformat() == "2015-04-09T15:03:43+00:00"
    version = iam.get_policy_version(PolicyArn=BASIC, VersionId="v1")["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"][0] == "logs:CreateLogGroup"
    pages = list(iam.get_paginator("list_policies").paginate(Scope="AWS"))
    names = [policy["PolicyName"] for page in pages for policy in page["Policies"]]
    assert len(names) == len(set(names)) > 1000
    assert {"AdministratorAccess", "AWSLambdaBasicExecutionRole"} <= set(names)


@pytest.mark.parametrize("noun", ["user", "group", "role"])
def test_attached_and_inline_policies(iam: Any, noun: str) -> None:
    which = {f"{noun.title()}Name": "holder"}
    trust = {"AssumeRolePolicyDocument": TRUST_TEXT} if noun == "role" else {}
    getattr(iam, f"create_{noun}")(**which, **trust)

    def call(name: str, **params: Any) -> dict[str, Any]:
        return body(getattr(iam, name.format(noun))(**which, **params))

    attached = [{"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC}]
    assert call("attach_{}_policy", PolicyArn=BASIC) == {}
    listed = {"AttachedPolicies": attached, "IsTruncated": False}
    assert call("list_attached_{}_policies") == listed
    assert call("list_attached_{}_policies", PathPrefix="/service-role/") == listed
    assert call("list_attached_{}_policies", PathPrefix="/x/")["AttachedPolicies"] == []
    entities = body(iam.list_entities_for_policy(PolicyArn=BASIC))
    assert [each[f"{noun.title()}Name"] for each in entities[f"Policy{noun.title()}s"]] == [
        "holder"
    ]
    assert call("put_{}_policy", PolicyName="inline", PolicyDocument=TEXT) == {}
    assert call("list_{}_policies") == {"PolicyNames": ["inline"], "IsTruncated": False}
    assert call("get_{}_policy", PolicyName="inline") == which | {
        "PolicyName": "inline",
        "PolicyDocument": DOCUMENT,
    }
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        call("get_{}_policy", PolicyName="none")
    assert caught.value.response["Error"]["Message"] == (
        f"The {noun} policy with name none cannot be found."
    )
    assert call("delete_{}_policy", PolicyName="inline") == {}
    assert call("detach_{}_policy", PolicyArn=BASIC) == {}
    assert call("delete_{}") == {}


def test_documents_with_every_kind_of_character(iam: Any) -> None:
    odd = DOCUMENT | {
        "Statement": [
            {
                "Sid": "",
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::b/ü+%20&=<>'\"?#",
            }
        ]
    }
    iam.create_role(RoleName="odd", AssumeRolePolicyDocument=TRUST_TEXT)
    for text in (json.dumps(odd), json.dumps(odd, ensure_ascii=False, indent=2)):
        iam.put_role_policy(RoleName="odd", PolicyName="p", PolicyDocument=text)
        shown = iam.get_role_policy(RoleName="odd", PolicyName="p")
        assert shown["PolicyDocument"] == odd


def test_access_keys(iam: Any) -> None:
    iam.create_user(UserName="key-user")
    metadata = {
        "UserName": "key-user",
        "AccessKeyId": Matching("AKIA[A-Z2-7]{16}"),
        "Status": "Active",
        "CreateDate": RECENT,
    }
    made = body(iam.create_access_key(UserName="key-user"))
    secret = {"SecretAccessKey": Matching("[A-Za-z0-9+/]{40}")}
    assert made == {"AccessKey": metadata | secret}
    which = {"UserName": "key-user", "AccessKeyId": made["AccessKey"]["AccessKeyId"]}
    listed = {"AccessKeyMetadata": [metadata], "IsTruncated": False}
    assert body(iam.list_access_keys(UserName="key-user")) == listed
    assert body(iam.update_access_key(**which, Status="Inactive")) == {}
    shown = body(iam.get_access_key_last_used(AccessKeyId=which["AccessKeyId"]))
    assert shown == {
        "UserName": "key-user",
        "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"},
    }
    assert body(iam.delete_access_key(**which)) == {}
    iam.delete_user(UserName="key-user")


def test_passwords(iam: Any) -> None:
    iam.create_user(UserName="pass-user")
    profile = {"UserName": "pass-user", "CreateDate": RECENT, "PasswordResetRequired": False}
    made = iam.create_login_profile(UserName="pass-user", Password="Correct-Horse-1")
    assert body(made) == {"LoginProfile": profile}
    assert body(iam.get_login_profile(UserName="pass-user")) == {"LoginProfile": profile}
    assert body(iam.update_login_profile(UserName="pass-user", Password="Other-1")) == {}
    assert body(iam.delete_login_profile(UserName="pass-user")) == {}
    made = iam.create_service_specific_credential(
        UserName="pass-user", ServiceName="codecommit.amazonaws.com"
    )
    credential = {
        "CreateDate": RECENT,
        "ServiceName": "codecommit.amazonaws.com",
        "ServiceUserName": f"pass-user-at-{ACCOUNT}",
        "ServiceSpecificCredentialId": unique_id("ACCA"),
        "UserName": "pass-user",
        "Status": "Active",
    }
    assert body(made) == {
        "ServiceSpecificCredential": credential | {"ServicePassword": Matching(".{40}")}
    }


def test_what_a_user_has_none_of(iam: Any) -> None:
    iam.create_user(UserName="plain")
    for name, member in (
        ("list_mfa_devices", "MFADevices"),
        ("list_ssh_public_keys", "SSHPublicKeys"),
        ("list_signing_certificates", "Certificates"),
    ):
        answer = getattr(iam, name)(UserName="plain")
        assert body(answer) == {member: [], "IsTruncated": False}
    none = {"ServerCertificateMetadataList": [], "IsTruncated": False}
    assert body(iam.list_server_certificates()) == none
    devices = {"VirtualMFADevices": [], "IsTruncated": False}
    assert body(iam.list_virtual_mfa_devices()) == devices


def test_instance_profiles(iam: Any) -> None:
    iam.create_role(RoleName="profile-role", AssumeRolePolicyDocument=TRUST_TEXT)
    profile = {
        "Path": "/",
        "InstanceProfileName": "profile",
        "InstanceProfileId": unique_id("AIPA"),
        "Arn": arn("instance-profile/profile"),
        "CreateDate": RECENT,
        "Roles": [],
    }
    which = {"InstanceProfileName": "profile"}
    assert body(iam.create_instance_profile(**which, Tags=TAGS)) == {
        "InstanceProfile": profile | {"Tags": TAGS}
    }
    assert body(iam.add_role_to_instance_profile(**which, RoleName="profile-role")) == {}
    role = {
        "Path": "/",
        "RoleName": "profile-role",
        "RoleId": unique_id("AROA"),
        "Arn": arn("role/profile-role"),
        "CreateDate": RECENT,
        "AssumeRolePolicyDocument": TRUST,
    }
    full = profile | {"Roles": [role]}
    assert body(iam.get_instance_profile(**which)) == {"InstanceProfile": full | {"Tags": TAGS}}
    listed = {"InstanceProfiles": [full], "IsTruncated": False}
    assert body(iam.list_instance_profiles()) == listed
    assert body(iam.list_instance_profiles_for_role(RoleName="profile-role")) == listed
    assert body(iam.remove_role_from_instance_profile(**which, RoleName="profile-role")) == {}
    assert body(iam.delete_instance_profile(**which)) == {}


def test_providers(iam: Any) -> None:
    made = body(
        iam.create_open_id_connect_provider(
            Url="https://id.example/realm", ClientIDList=["c"], ThumbprintList=["a" * 40]
        )
    )
    which = {"OpenIDConnectProviderArn": arn("oidc-provider/id.example/realm")}
    assert made == which
    assert body(iam.get_open_id_connect_provider(**which)) == {
        "Url": "id.example/realm",
        "ClientIDList": ["c"],
        "ThumbprintList": ["a" * 40],
        "CreateDate": RECENT,
        "Tags": [],
    }
    assert body(iam.list_open_id_connect_providers()) == {
        "OpenIDConnectProviderList": [{"Arn": which["OpenIDConnectProviderArn"]}]
    }
    assert body(iam.delete_open_id_connect_provider(**which)) == {}

    metadata = f"<EntityDescriptor >{'x' * 1000}</EntityDescriptor>"
    saml = {"SAMLProviderArn": arn("saml-provider/idp")}
    assert body(iam.create_saml_provider(Name="idp", SAMLMetadataDocument=metadata)) == saml
    shown = body(iam.get_saml_provider(**saml))
    valid_until = shown.pop("ValidUntil")
    assert valid_until.year - shown["CreateDate"].year in (99, 100)
    assert shown == {"SAMLMetadataDocument": metadata, "CreateDate": RECENT, "Tags": []}
    (listed,) = body(iam.list_saml_providers())["SAMLProviderList"]
    assert listed == saml_entry(saml["SAMLProviderArn"], valid_until)
    assert body(iam.update_saml_provider(**saml, SAMLMetadataDocument=metadata)) == saml
    assert body(iam.delete_saml_provider(**saml)) == {}


def saml_entry(provider: str, valid_until: Any) -> dict[str, Any]:
    return {"Arn": provider, "ValidUntil": valid_until, "CreateDate": RECENT}


def test_account(iam: Any) -> None:
    assert body(iam.create_account_alias(AccountAlias="team-blue")) == {}
    aliases = {"AccountAliases": ["team-blue"], "IsTruncated": False}
    assert body(iam.list_account_aliases()) == aliases
    assert body(iam.delete_account_alias(AccountAlias="team-blue")) == {}
    assert body(iam.update_account_password_policy(RequireSymbols=True, MaxPasswordAge=90)) == {}
    assert body(iam.get_account_password_policy()) == {
        "PasswordPolicy": {
            "MinimumPasswordLength": 6,
            "RequireSymbols": True,
            "RequireNumbers": False,
            "RequireUppercaseCharacters": False,
            "RequireLowercaseCharacters": False,
            "AllowUsersToChangePassword": False,
            "ExpirePasswords": True,
            "MaxPasswordAge": 90,
        }
    }
    assert body(iam.delete_account_password_policy()) == {}
    summary = body(iam.get_account_summary())["SummaryMap"]
    assert summary["RolesQuota"] == 1000
    assert summary["AccessKeysPerUserQuota"] == 2
    assert len(summary) == 34


def test_account_authorization_details(start_server: Any) -> None:
    iam = start_server().client("iam")
    iam.create_group(GroupName="g")
    iam.create_user(UserName="u", Tags=TAGS)
    iam.add_user_to_group(GroupName="g", UserName="u")
    iam.put_user_policy(UserName="u", PolicyName="i", PolicyDocument=TEXT)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST_TEXT)
    iam.attach_role_policy(RoleName="r", PolicyArn=BASIC)
    made = iam.create_policy(PolicyName="p", PolicyDocument=TEXT)["Policy"]
    details = body(iam.get_account_authorization_details())
    policies = details.pop("Policies")
    assert details == {
        "UserDetailList": [
            {
                "Path": "/",
                "UserName": "u",
                "UserId": unique_id("AIDA"),
                "Arn": arn("user/u"),
                "CreateDate": RECENT,
                "UserPolicyList": [{"PolicyName": "i", "PolicyDocument": DOCUMENT}],
                "GroupList": ["g"],
                "AttachedManagedPolicies": [],
                "Tags": TAGS,
            }
        ],
        "GroupDetailList": [
            {
                "Path": "/",
                "GroupName": "g",
                "GroupId": unique_id("AGPA"),
                "Arn": arn("group/g"),
                "CreateDate": RECENT,
                "GroupPolicyList": [],
                "AttachedManagedPolicies": [],
            }
        ],
        "RoleDetailList": [
            {
                "Path": "/",
                "RoleName": "r",
                "RoleId": unique_id("AROA"),
                "Arn": arn("role/r"),
                "CreateDate": RECENT,
                "AssumeRolePolicyDocument": TRUST,
                "InstanceProfileList": [],
                "RolePolicyList": [],
                "AttachedManagedPolicies": [
                    {"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC}
                ],
                "Tags": [],
                "RoleLastUsed": {},
            }
        ],
        "IsTruncated": False,
    }
    version = {"VersionId": "v1", "IsDefaultVersion": True, "CreateDate": RECENT}
    assert policies[0] == made | {"PolicyVersionList": [version | {"Document": DOCUMENT}]}
    assert [each["Arn"] for each in policies] == [made["Arn"], BASIC]
    only = iam.get_account_authorization_details(Filter=["Group"])
    assert (len(only["GroupDetailList"]), only["UserDetailList"]) == (1, [])
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        PaginationConfig={"PageSize": 1}
    )
    assert sum(len(page["Policies"]) for page in pages) == 2


def test_service_linked_roles(iam: Any) -> None:
    made = body(iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com"))["Role"]
    assert made == {
        "Path": "/aws-service-role/ssm.amazonaws.com/",
        "RoleName": "AWSServiceRoleForAmazonSSM",
        "RoleId": unique_id("AROA"),
        "Arn": arn("role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"),
        "CreateDate": RECENT,
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "ssm.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        },
        "Description": "Provides access to AWS Resources managed or used by Amazon SSM.",
    }
    answer = iam.delete_service_linked_role(RoleName=made["RoleName"])
    task = body(answer)["DeletionTaskId"]
    status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    assert body(status) == {"Status": "SUCCEEDED"}


def test_simulation(iam: Any) -> None:
    answer = iam.simulate_custom_policy(PolicyInputList=[TEXT], ActionNames=["s3:GetObject"])
    assert body(answer)["EvaluationResults"][0]["EvalDecision"] == "allowed"
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[TEXT])
    assert body(keys) == {"ContextKeyNames": []}
    iam.create_role(RoleName="simulated", AssumeRolePolicyDocument=TRUST_TEXT)
    which = {"PolicySourceArn": arn("role/simulated")}
    answer = iam.simulate_principal_policy(**which, ActionNames=["s3:GetObject"])
    assert body(answer)["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"
    keys = iam.get_context_keys_for_principal_policy(**which)
    assert body(keys) == {"ContextKeyNames": []}


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        (
            "create_role",
            {"RoleName": "x", "AssumeRolePolicyDocument": "{"},
            "MalformedPolicyDocument",
        ),
        ("create_user", {"UserName": "a b"}, "ValidationError"),
        ("list_users", {"Marker": "x"}, "ValidationError"),
        ("attach_role_policy", {"RoleName": "none", "PolicyArn": BASIC}, "NoSuchEntity"),
        ("get_policy", {"PolicyArn": "x" * 20}, "ValidationError"),
        ("create_open_id_connect_provider", {"Url": "http://x"}, "ValidationError"),
    ],
)
def test_refusals(iam: Any, name: str, params: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(iam, name)(**params)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Type"]) == (code, "Sender")


def test_pages_of_a_paginator(start_server: Any) -> None:
    iam = start_server().client("iam")
    names = [f"user-{number:02}" for number in range(7)]
    for name in names:
        iam.create_user(UserName=name)
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["Users"]) for page in pages] == [3, 3, 1]
    assert [user["UserName"] for page in pages for user in page["Users"]] == names


def test_the_command_line(server: LambdadServer) -> None:
    role = server.aws(
        "iam",
        "create-role",
        "--role-name",
        "cli-role",
        "--assume-role-policy-document",
        TRUST_TEXT,
    )["Role"]
    assert role["Arn"] == arn("role/cli-role")
    server.aws("iam", "attach-role-policy", "--role-name", "cli-role", "--policy-arn", BASIC)
    waited = server.aws("iam", "wait", "role-exists", "--role-name", "cli-role", check=False)
    assert waited.returncode == 0


def test_everything_is_there_after_the_power_fails(start_server: Any) -> None:
    server = start_server()
    iam = server.client("iam")
    iam.create_user(UserName="kept")
    key = iam.create_access_key(UserName="kept")["AccessKey"]
    made = iam.create_policy(PolicyName="kept", PolicyDocument=TEXT)["Policy"]
    iam.attach_user_policy(UserName="kept", PolicyArn=made["Arn"])
    server.kill9()
    files = [path for path in server.data_dir.rglob("*") if path.is_file()]
    secret = key["SecretAccessKey"].encode()
    assert all(secret not in path.read_bytes() for path in files)
    server.start()
    iam = server.client("iam")
    attached = iam.list_attached_user_policies(UserName="kept")["AttachedPolicies"]
    assert attached == [{"PolicyName": "kept", "PolicyArn": made["Arn"]}]
    keys = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    identity = server.client("sts", **keys).get_caller_identity()
    assert identity["Arn"] == arn("user/kept")
    assert key["SecretAccessKey"] not in server.log_text()
