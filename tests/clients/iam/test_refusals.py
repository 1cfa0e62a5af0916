"""IAM through boto3: errors and pages as every client sees them, and the AWS command line.

Sources: recorded conversations; the IAM API reference.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.iam import (
    BASIC,
    TRUST_TEXT,
    arn,
)
from support.server import LambdadServer


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
