"""IAM through boto3: managed and inline policies.

Sources: recorded conversations; the IAM API reference.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.answers import RECENT, body
from support.iam import (
    BASIC,
    DOCUMENT,
    TAGS,
    TEXT,
    TRUST_TEXT,
    arn,
    unique_id,
)


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
