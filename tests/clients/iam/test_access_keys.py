"""IAM through boto3: access keys.

Sources: the IAM API reference.
"""

from __future__ import annotations

from typing import Any

from support.answers import RECENT, Matching, body


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
