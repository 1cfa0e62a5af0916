"""SendMessageBatch, DeleteMessageBatch, ChangeMessageVisibilityBatch."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.server import LambdadServer

BATCHES: dict[str, dict[str, Any]] = {
    "send_message_batch": {"MessageBody": "x"},
    "delete_message_batch": {"ReceiptHandle": "x"},
    "change_message_visibility_batch": {"ReceiptHandle": "x", "VisibilityTimeout": 1},
}
"""The operations, and what an entry of each needs."""


def create(server: LambdadServer, name: str, **attributes: str) -> str:
    url: str = server.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    return answer


def refusal(call: Any, /, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**params)
    found: Any = error.value.response["Error"]
    return found["Code"], found["Message"]


@pytest.mark.parametrize("operation", BATCHES)
def test_batches_that_fail_as_a_whole(server: LambdadServer, operation: str) -> None:
    url, rest = create(server, "whole"), BATCHES[operation]
    call = getattr(server.client("sqs"), operation)
    shape = "".join(part.title() for part in operation.split("_"))

    def batch(*ids: str) -> list[dict[str, Any]]:
        return [{"Id": each, **rest} for each in ids]

    assert refusal(call, QueueUrl=url, Entries=[]) == (
        "AWS.SimpleQueueService.EmptyBatchRequest",
        f"There should be at least one {shape}RequestEntry in the request.",
    )
    assert refusal(call, QueueUrl=url, Entries=batch(*"abcdefghijk")) == (
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "Maximum number of entries per request are 10. You have sent 11.",
    )
    assert refusal(call, QueueUrl=url, Entries=batch("a", "b", "a")) == (
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "Id a repeated.",
    )
    for wrong in ("", "a b", "ä", "x" * 81):
        assert refusal(call, QueueUrl=url, Entries=batch(wrong)) == (
            "AWS.SimpleQueueService.InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long.",
        )


def test_a_batch_of_which_parts_fail(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "partly")
    answer = without_metadata(
        sqs.send_message_batch(
            QueueUrl=url,
            Entries=[
                {"Id": "good", "MessageBody": "a"},
                {"Id": "bad", "MessageBody": "\1"},
                {"Id": "late", "MessageBody": "b", "DelaySeconds": 901},
                {"Id": "empty", "MessageBody": ""},
                {
                    "Id": "better",
                    "MessageBody": "b",
                    "MessageAttributes": {"Foo": {"DataType": "String", "StringValue": "Bar"}},
                },
            ],
        )
    )
    ids = [entry.pop("MessageId") for entry in answer["Successful"]]
    assert len(set(ids)) == 2
    assert answer == {
        "Successful": [
            {"Id": "good", "MD5OfMessageBody": "0cc175b9c0f1b6a831c399e269772661"},
            {
                "Id": "better",
                "MD5OfMessageBody": "92eb5ffee6ae2fec3ad71c777531578f",
                "MD5OfMessageAttributes": "ae7155c6026991b6d54b11589678bf9c",
            },
        ],
        "Failed": [
            {
                "Id": "bad",
                "SenderFault": True,
                "Code": "InvalidMessageContents",
                "Message": "Invalid characters found. Valid unicode characters are #x9 | #xA | "
                "#xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
            },
            {
                "Id": "late",
                "SenderFault": True,
                "Code": "InvalidParameterValue",
                "Message": "DelaySeconds must be >= 0 and <= 900",
            },
            {
                "Id": "empty",
                "SenderFault": True,
                "Code": "MissingParameter",
                "Message": "The request must contain the parameter MessageBody.",
            },
        ],
    }
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert {message["MessageId"] for message in received} == set(ids)


def test_a_batch_that_fails_entry_by_entry(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "entries", MaximumMessageSize="1024")
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "x" * 1025}])
    assert without_metadata(answer) == {
        "Failed": [
            {
                "Id": "a",
                "SenderFault": True,
                "Code": "InvalidParameterValue",
                "Message": "One or more parameters are invalid. Reason: Message must be shorter "
                "than 1024 bytes.",
            }
        ]
    }


def test_entries_with_what_the_other_type_of_queue_takes(server: LambdadServer) -> None:
    sqs = server.client("sqs")
    standard = create(server, "plain")
    fifo = create(server, "strict.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    entry = {"Id": "a", "MessageBody": "x"}
    for url, more in (
        (standard, {"MessageDeduplicationId": "d"}),
        (fifo, {"MessageGroupId": "g", "DelaySeconds": 3}),
    ):
        answer = sqs.send_message_batch(QueueUrl=url, Entries=[{**entry, **more}])
        assert without_metadata(answer) == {
            "Failed": [
                {
                    "Id": "a",
                    "SenderFault": True,
                    "Code": "InvalidParameterValue",
                    "Message": "The request include parameter that is not valid for this queue "
                    "type",
                }
            ]
        }


def test_handles_of_a_fifo_queue_expire(server: LambdadServer) -> None:
    sqs = server.client("sqs")
    url = create(server, "expiring.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    (message,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    handle = message["ReceiptHandle"]
    entries = [{"Id": "a", "ReceiptHandle": handle}]
    expired = {
        "Id": "a",
        "SenderFault": True,
        "Code": "ReceiptHandleIsInvalid",
        "Message": "The receipt handle has expired",
    }
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert without_metadata(answer) == {"Failed": [expired]}
    other = create(server, "elsewhere")
    foreign = {
        "Id": "a",
        "SenderFault": True,
        "Code": "ReceiptHandleIsInvalid",
        "Message": f'The receipt handle "{handle}" is not valid for this queue.',
    }
    answer = sqs.delete_message_batch(QueueUrl=other, Entries=entries)
    assert without_metadata(answer) == {"Failed": [foreign]}
    entries[0]["VisibilityTimeout"] = 1
    answer = sqs.change_message_visibility_batch(QueueUrl=other, Entries=entries)
    assert without_metadata(answer) == {"Failed": [foreign]}


def test_a_batch_that_is_too_long(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "long")
    half = "x" * 524_288
    entries = [{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half}]
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 2
    entries.append({"Id": "c", "MessageBody": "x"})
    assert refusal(sqs.send_message_batch, QueueUrl=url, Entries=entries) == (
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
    )


def test_fifo_batches_need_group_and_deduplication(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "batch.fifo", FifoQueue="true")
    entry = {"Id": "a", "MessageBody": "x", "MessageDeduplicationId": "d"}
    assert refusal(sqs.send_message_batch, QueueUrl=url, Entries=[entry]) == (
        "InvalidParameterValue",
        "The request must contain the parameter MessageGroupId.",
    )
    entry = {"Id": "a", "MessageBody": "x", "MessageGroupId": "g"}
    assert refusal(sqs.send_message_batch, QueueUrl=url, Entries=[entry]) == (
        "InvalidParameterValue",
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
        "provided explicitly",
    )


def test_handles_of_a_batch_stand_and_fall_alone(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "handles")
    for body in "ab":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    first, second = (
        message["ReceiptHandle"]
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    )
    answer = sqs.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "ok", "ReceiptHandle": first, "VisibilityTimeout": 100},
            {"Id": "unsaid", "ReceiptHandle": first},
            {"Id": "far", "ReceiptHandle": second, "VisibilityTimeout": 43_201},
            {"Id": "none", "ReceiptHandle": "garbage", "VisibilityTimeout": 1},
        ],
    )
    invalid = {
        "Id": "none",
        "SenderFault": True,
        "Code": "ReceiptHandleIsInvalid",
        "Message": 'The input receipt handle "garbage" is not a valid receipt handle.',
    }
    assert without_metadata(answer) == {
        "Successful": [{"Id": "ok"}],
        "Failed": [
            {
                "Id": "unsaid",
                "SenderFault": True,
                "Code": "MissingParameter",
                "Message": "The request must contain the parameter VisibilityTimeout.",
            },
            {
                "Id": "far",
                "SenderFault": True,
                "Code": "InvalidParameterValue",
                "Message": "Must be >= 0 and <= 43200, if provided",
            },
            invalid,
        ],
    }
    answer = sqs.delete_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "1", "ReceiptHandle": first},
            {"Id": "none", "ReceiptHandle": "garbage"},
            {"Id": "2", "ReceiptHandle": second},
        ],
    )
    assert without_metadata(answer) == {
        "Successful": [{"Id": "1"}, {"Id": "2"}],
        "Failed": [invalid],
    }
