"""IAM through boto3: groups.

Sources: the IAM API reference.
"""

from __future__ import annotations

from typing import Any

from support.answers import RECENT, body
from support.iam import (
    arn,
    unique_id,
)


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
