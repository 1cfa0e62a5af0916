"""CreateQueue, GetQueueUrl, ListQueues, ListDeadLetterSourceQueues, DeleteQueue, PurgeQueue."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.server import LambdadServer
from support.sqs import Sqs

ARN = "arn:aws:sqs:us-east-1:000000000000:"


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    return answer


def refused(call: Any, /, **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as error:
        call(**params)
    response: Any = error.value.response
    return {**response["Error"], "Status": response["ResponseMetadata"]["HTTPStatusCode"]}


def test_a_queue_is_created_found_and_deleted(server: LambdadServer) -> None:
    sqs = server.client("sqs")
    url = f"{server.endpoint}/000000000000/life"
    assert without_metadata(sqs.create_queue(QueueName="life")) == {"QueueUrl": url}
    assert without_metadata(sqs.get_queue_url(QueueName="life")) == {"QueueUrl": url}
    answer = sqs.get_queue_url(QueueName="life", QueueOwnerAWSAccountId="000000000000")
    assert without_metadata(answer) == {"QueueUrl": url}
    assert without_metadata(sqs.delete_queue(QueueUrl=url)) == {}
    assert refused(sqs.get_queue_url, QueueName="life") == {
        "Code": "AWS.SimpleQueueService.NonExistentQueue",
        "Message": "The specified queue does not exist.",
        "QueryErrorCode": "QueueDoesNotExist",
        "Type": "Sender",
        "Status": 400,
    }
    assert refused(sqs.create_queue, QueueName="life") == {
        "Code": "AWS.SimpleQueueService.QueueDeletedRecently",
        "Message": "You must wait 60 seconds after deleting a queue before you can create another "
        "with the same name.",
        "QueryErrorCode": "QueueDeletedRecently",
        "Type": "Sender",
        "Status": 400,
    }


def test_the_errors_as_json_says_them(server: LambdadServer) -> None:
    reply = Sqs(server).json("GetQueueUrl", {"QueueName": "nowhere"})
    assert (reply.status, reply.json()) == (
        400,
        {
            "__type": "com.amazonaws.sqs#QueueDoesNotExist",
            "message": "The specified queue does not exist.",
        },
    )
    assert reply.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    reply = Sqs(server).json("GetQueueUrl", {})
    assert (reply.status, reply.json()) == (
        400,
        {
            "__type": "com.amazon.coral.service#MissingRequiredParameterException",
            "message": "The request must contain the parameter QueueName.",
        },
    )
    assert reply.headers["x-amzn-query-error"] == "MissingParameter;Sender"


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("with blank", {}),
        ("x" * 81, {}),
        ("a.fifo", {}),
        ("a", {"FifoQueue": "true"}),
        ("", {}),
    ],
)
def test_names_that_are_none(server: LambdadServer, name: str, attributes: dict[str, str]) -> None:
    error = refused(server.client("sqs").create_queue, QueueName=name, Attributes=attributes)
    assert error["Code"] == ("InvalidParameterValue" if name else "MissingParameter")


def test_creating_a_queue_again(server: LambdadServer) -> None:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="again", Attributes={"DelaySeconds": "5"})["QueueUrl"]
    for attributes in ({}, {"DelaySeconds": "05"}, {"VisibilityTimeout": "30"}):
        answer = sqs.create_queue(QueueName="again", Attributes=attributes)
        assert without_metadata(answer) == {"QueueUrl": url}
    assert refused(sqs.create_queue, QueueName="again", Attributes={"DelaySeconds": "6"}) == {
        "Code": "QueueAlreadyExists",
        "Message": "A queue already exists with the same name and a different value for attribute "
        "DelaySeconds",
        "QueryErrorCode": "QueueNameExists",
        "Type": "Sender",
        "Status": 400,
    }


@pytest.mark.parametrize(
    ("name", "attributes", "code"),
    [
        ("checked", {"Nothing": "1"}, "InvalidAttributeName"),
        ("checked", {"DelaySeconds": "901"}, "InvalidAttributeValue"),
        ("checked", {"FifoQueue": "false"}, "InvalidAttributeName"),
        ("checked", {"RedrivePolicy": "x"}, "InvalidParameterValue"),
        ("checked.fifo", {}, "InvalidParameterValue"),
    ],
)
def test_what_is_said_of_a_queue_is_checked_although_it_is_there(
    server: LambdadServer, name: str, attributes: dict[str, str], code: str
) -> None:
    sqs = server.client("sqs")
    sqs.create_queue(QueueName="checked")
    sqs.create_queue(QueueName="checked.fifo", Attributes={"FifoQueue": "true"})
    assert refused(sqs.create_queue, QueueName=name, Attributes=attributes)["Code"] == code


def test_queues_are_listed_by_the_page(server: LambdadServer) -> None:
    sqs = server.client("sqs")
    urls = [sqs.create_queue(QueueName=f"page-{n}")["QueueUrl"] for n in range(5)]
    answer = sqs.list_queues(QueueNamePrefix="page-")
    assert without_metadata(answer) == {"QueueUrls": urls}
    pages = sqs.get_paginator("list_queues").paginate(
        QueueNamePrefix="page-", PaginationConfig={"PageSize": 2}
    )
    assert [page["QueueUrls"] for page in pages] == [urls[:2], urls[2:4], urls[4:]]
    assert without_metadata(sqs.list_queues(QueueNamePrefix="no-such-")) == {}
    error = refused(sqs.list_queues, MaxResults=1001)
    assert (error["Code"], error["Message"]) == (
        "InvalidParameterValue",
        "Value 1001 for parameter MaxResults is invalid. Reason: MaxResults must be an integer "
        "between 1 and 1000.",
    )
    assert refused(sqs.list_queues, MaxResults=1, NextToken="%")["Code"] == "InvalidParameterValue"


def test_sources_of_a_dead_letter_queue(server: LambdadServer) -> None:
    sqs = server.client("sqs")
    dead = sqs.create_queue(QueueName="letters")["QueueUrl"]
    assert without_metadata(sqs.list_dead_letter_source_queues(QueueUrl=dead)) == {"queueUrls": []}
    policy = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{ARN}letters",
                                           "maxReceiveCount": "3"})}  # fmt: skip
    sources = [
        sqs.create_queue(QueueName=f"letters-{n}", Attributes=policy)["QueueUrl"] for n in range(3)
    ]
    answer = sqs.list_dead_letter_source_queues(QueueUrl=dead)
    assert without_metadata(answer) == {"queueUrls": sources}
    first = without_metadata(sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=2))
    assert first["queueUrls"] == sources[:2]
    answer = sqs.list_dead_letter_source_queues(
        QueueUrl=dead, MaxResults=2, NextToken=first["NextToken"]
    )
    assert without_metadata(answer) == {"queueUrls": sources[2:]}
    sqs.set_queue_attributes(QueueUrl=sources[0], Attributes={"RedrivePolicy": ""})
    answer = sqs.list_dead_letter_source_queues(QueueUrl=dead)
    assert without_metadata(answer) == {"queueUrls": sources[1:]}


def test_purging(server: LambdadServer) -> None:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="purged", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="gone")
    sqs.send_message(QueueUrl=url, MessageBody="gone later", DelaySeconds=1)
    assert without_metadata(sqs.purge_queue(QueueUrl=url)) == {}
    sqs.send_message(QueueUrl=url, MessageBody="new")
    bodies = [
        message["Body"]
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    ]
    assert bodies == ["new"]
    assert refused(sqs.purge_queue, QueueUrl=url) == {
        "Code": "AWS.SimpleQueueService.PurgeQueueInProgress",
        "Message": "Only one PurgeQueue operation on purged is allowed every 60 seconds.",
        "QueryErrorCode": "PurgeQueueInProgress",
        "Type": "Sender",
        "Status": 403,
    }


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("delete_queue", {}),
        ("purge_queue", {}),
        ("list_dead_letter_source_queues", {}),
        ("get_queue_attributes", {"AttributeNames": ["All"]}),
        ("set_queue_attributes", {"Attributes": {"DelaySeconds": "1"}}),
        ("send_message", {"MessageBody": "x"}),
        ("send_message_batch", {"Entries": [{"Id": "a", "MessageBody": "x"}]}),
        ("receive_message", {}),
        ("delete_message", {"ReceiptHandle": "x"}),
        ("delete_message_batch", {"Entries": [{"Id": "a", "ReceiptHandle": "x"}]}),
        ("change_message_visibility", {"ReceiptHandle": "x", "VisibilityTimeout": 1}),
        (
            "change_message_visibility_batch",
            {"Entries": [{"Id": "a", "ReceiptHandle": "x", "VisibilityTimeout": 1}]},
        ),
        ("add_permission", {"Label": "l", "AWSAccountIds": ["1" * 12], "Actions": ["*"]}),
        ("remove_permission", {"Label": "l"}),
        ("tag_queue", {"Tags": {"a": "b"}}),
        ("untag_queue", {"TagKeys": ["a"]}),
        ("list_queue_tags", {}),
    ],
)
def test_every_operation_on_a_queue_that_is_not_there(
    server: LambdadServer, operation: str, params: dict[str, Any]
) -> None:
    sqs = server.client("sqs")
    url = f"{server.endpoint}/000000000000/absent"
    error = refused(getattr(sqs, operation), QueueUrl=url, **params)
    assert (error["Code"], error["Message"]) == (
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist.",
    )


def test_queues_are_addressed_by_url_path_and_name(server: LambdadServer) -> None:
    sqs = server.client("sqs")
    sqs.create_queue(QueueName="addressed")
    for url in (
        f"{server.endpoint}/000000000000/addressed",
        "http://sqs.us-east-1.localhost:4566/000000000000/addressed",
        "https://us-east-1.queue.amazonaws.com/000000000000/addressed",
        "/000000000000/addressed",
        "addressed",
    ):
        assert sqs.send_message(QueueUrl=url, MessageBody=url)["MessageId"]
    # Newer JavaScript and Go clients post to the queue's own URL.
    body = {"QueueUrl": f"{server.endpoint}/000000000000/addressed", "MessageBody": "x"}
    assert Sqs(server).json("SendMessage", body, path="/000000000000/addressed").status == 200
    error = refused(sqs.send_message, QueueUrl=f"{server.endpoint}/addressed", MessageBody="x")
    assert (error["Code"], error["Status"]) == ("InvalidAddress", 404)


def test_regions_do_not_share_queues(server: LambdadServer) -> None:
    there = server.client("sqs", region_name="eu-west-1")
    url = there.create_queue(QueueName="regional")["QueueUrl"]
    attributes = there.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    assert attributes["Attributes"] == {"QueueArn": "arn:aws:sqs:eu-west-1:000000000000:regional"}
    here = server.client("sqs")
    assert (
        refused(here.get_queue_url, QueueName="regional")["QueryErrorCode"] == "QueueDoesNotExist"
    )


def test_queues_and_messages_survive_kill_9(fresh_server: LambdadServer) -> None:
    sqs = fresh_server.client("sqs")
    sqs.create_queue(QueueName="durable", tags={"a": "b"}, Attributes={"DelaySeconds": "0"})
    sent = sqs.send_message(
        QueueUrl="durable",
        MessageBody="kept",
        MessageAttributes={"k": {"DataType": "Binary", "BinaryValue": b"\0"}},
    )
    fresh_server.kill9()
    fresh_server.start()
    sqs = fresh_server.client("sqs", endpoint_url=fresh_server.endpoint)
    (message,) = sqs.receive_message(QueueUrl="durable", MessageAttributeNames=["All"])["Messages"]
    assert message.pop("ReceiptHandle")
    assert message == {
        "MessageId": sent["MessageId"],
        "MD5OfBody": sent["MD5OfMessageBody"],
        "Body": "kept",
        "MessageAttributes": {"k": {"DataType": "Binary", "BinaryValue": b"\0"}},
        "MD5OfMessageAttributes": sent["MD5OfMessageAttributes"],
    }
    assert sqs.list_queue_tags(QueueUrl="durable")["Tags"] == {"a": "b"}
