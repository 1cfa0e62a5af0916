"""TagQueue, UntagQueue, ListQueueTags."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.server import LambdadServer


def tags_of(server: LambdadServer, url: str) -> dict[str, str] | None:
    answer: dict[str, Any] = server.client("sqs").list_queue_tags(QueueUrl=url)
    assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert set(answer) <= {"Tags"}
    return answer.get("Tags")


def test_tags_come_and_go(server: LambdadServer) -> None:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="tagged", tags={"a": "1"})["QueueUrl"]
    assert tags_of(server, url) == {"a": "1"}
    sqs.tag_queue(QueueUrl=url, Tags={"a": "2", "A": "3", "b": ""})
    assert tags_of(server, url) == {"a": "2", "A": "3", "b": ""}
    sqs.untag_queue(QueueUrl=url, TagKeys=["a", "absent"])
    assert tags_of(server, url) == {"A": "3", "b": ""}
    sqs.untag_queue(QueueUrl=url, TagKeys=["A", "b"])
    assert tags_of(server, url) is None


@pytest.mark.parametrize(
    "tags",
    [
        {f"k{number}": "" for number in range(51)},
        {"": "x"},
        {"x" * 129: "x"},
        {"x": "x" * 257},
        {"aws:mine": "x"},
    ],
)
def test_tags_that_cannot_be(server: LambdadServer, tags: dict[str, str]) -> None:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="bare")["QueueUrl"]
    with pytest.raises(ClientError) as refused:
        sqs.tag_queue(QueueUrl=url, Tags=tags)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    with pytest.raises(ClientError) as refused:
        sqs.create_queue(QueueName="never", tags=tags)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    assert tags_of(server, url) is None


def test_what_must_be_said(server: LambdadServer) -> None:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="said")["QueueUrl"]
    for call, name in ((sqs.tag_queue, "Tags"), (sqs.untag_queue, "TagKeys")):
        with pytest.raises(ClientError) as refused:
            call(QueueUrl=url, **{name: {} if name == "Tags" else []})
        assert refused.value.response["Error"]["Message"] == (
            f"The request must contain the parameter {name}."
        )
