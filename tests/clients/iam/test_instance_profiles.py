"""IAM through boto3: instance profiles.

Sources: the IAM API reference.
"""

from __future__ import annotations

from typing import Any

from support.answers import RECENT, body
from support.iam import (
    TAGS,
    TRUST,
    TRUST_TEXT,
    arn,
    unique_id,
)


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
