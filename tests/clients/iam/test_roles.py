"""IAM through boto3: roles.

Sources: recorded conversations; the IAM API reference.
"""

from __future__ import annotations

from typing import Any

from support.answers import RECENT, body
from support.iam import (
    BASIC,
    TAGS,
    TRUST,
    TRUST_TEXT,
    arn,
    unique_id,
)


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
