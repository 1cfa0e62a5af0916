"""IAM through boto3: tags, alike on everything that has them.

Sources: IAM user guide, "Rules for tagging in IAM and AWS STS"; API reference, each ListXTags.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.answers import body, refusal

UNSORTED = [{"Key": "z", "Value": "1"}, {"Key": "B", "Value": "2"}, {"Key": "a", "Value": "3"}]
SORTED = [UNSORTED[1], UNSORTED[2], UNSORTED[0]]


def test_lists_are_sorted_by_key(iam: Any) -> None:
    iam.create_user(UserName="tagged", Tags=UNSORTED)
    assert body(iam.list_user_tags(UserName="tagged")) == {"Tags": SORTED, "IsTruncated": False}
    made = iam.create_open_id_connect_provider(Url="https://tags.example", Tags=UNSORTED)
    assert made["Tags"] == SORTED
    which = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    assert iam.get_open_id_connect_provider(**which)["Tags"] == SORTED
    assert body(iam.list_open_id_connect_provider_tags(**which, MaxItems=2))["Tags"] == SORTED[:2]
    iam.delete_open_id_connect_provider(**which)


def test_a_list_of_devices_has_no_tags(iam: Any) -> None:
    # API reference, ListVirtualMFADevices.
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="tagged", Tags=UNSORTED)
    serial = made["VirtualMFADevice"]["SerialNumber"]
    listed = body(iam.list_virtual_mfa_devices())
    assert listed == {"VirtualMFADevices": [{"SerialNumber": serial}], "IsTruncated": False}
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == SORTED
    iam.delete_virtual_mfa_device(SerialNumber=serial)


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        (
            [{"Key": "Team", "Value": "a"}, {"Key": "team", "Value": "b"}],
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ),
        (
            [{"Key": "aws:x", "Value": "a"}],
            "aws: prefixed tag key names are not allowed for external use.",
        ),
        (
            [{"Key": "AWS:x", "Value": "a"}],
            "aws: prefixed tag key names are not allowed for external use.",
        ),
        (
            [{"Key": "x", "Value": "aws:a"}],
            "aws: prefixed tag key names are not allowed for external use.",
        ),
    ],
)
def test_tags_that_may_not_be_set(iam: Any, tags: list[dict[str, str]], text: str) -> None:
    with pytest.raises(ClientError) as caught:
        iam.create_user(UserName="untagged", Tags=tags)
    assert refusal(caught) == (400, "InvalidInput", text)
    with pytest.raises(ClientError) as caught:
        iam.tag_user(UserName="untagged", Tags=tags)
    assert refusal(caught) == (400, "InvalidInput", text)


def test_more_tags_than_fit(iam: Any) -> None:
    many = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
    with pytest.raises(ClientError) as caught:
        iam.create_user(UserName="untagged", Tags=many)
    text = (
        "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must "
        "have length less than or equal to 50"
    )
    assert refusal(caught) == (400, "ValidationError", text)
    iam.create_user(UserName="full", Tags=many[:50])
    with pytest.raises(ClientError) as caught:
        iam.tag_user(UserName="full", Tags=many[50:])
    full = "The number of tags has reached the maximum limit."
    assert refusal(caught) == (409, "LimitExceeded", full)
