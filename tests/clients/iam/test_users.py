"""IAM through boto3: users, and what a user has none of.

Sources: recorded conversations; the IAM API reference.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.answers import RECENT, body
from support.iam import (
    TAGS,
    arn,
    unique_id,
)


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
