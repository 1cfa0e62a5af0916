"""IAM through boto3: what an account has one of, and its authorization details.

Sources: the IAM API reference.
"""

from __future__ import annotations

from typing import Any

from support.answers import RECENT, body
from support.iam import (
    BASIC,
    DOCUMENT,
    TAGS,
    TEXT,
    TRUST,
    TRUST_TEXT,
    arn,
    unique_id,
)


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
