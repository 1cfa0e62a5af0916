"""SQS's query protocol, as curl and older SDKs speak it: forms in, XML out, queues in the path."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from support.server import LambdadServer
from support.sqs import Sqs

MD5 = hashlib.md5(b"<hello>").hexdigest()


def test_a_queue_and_a_message_live_in_forms(server: LambdadServer) -> None:
    sqs, url = Sqs(server), Sqs(server).url("forms")
    made = sqs.query(
        "CreateQueue",
        {
            "QueueName": "forms",
            "Attribute.1.Name": "VisibilityTimeout",
            "Attribute.1.Value": "40",
            "Attribute.2.Name": "DelaySeconds",
            "Attribute.2.Value": "0",
            "Tag.1.Key": "team",
            "Tag.1.Value": "a",
        },
    )
    assert (made.status, made.headers["content-type"]) == (200, "text/xml")
    assert made.xml() == ("CreateQueueResponse", [("CreateQueueResult", [("QueueUrl", url)])])
    assert made.headers["x-amzn-requestid"].encode() in made.body
    # From here on the path names the queue, as older clients have it.
    path = "/000000000000/forms"
    sent = sqs.query(
        "SendMessage",
        {
            "MessageBody": "<hello>",
            "MessageAttribute.1.Name": "Foo",
            "MessageAttribute.1.Value.DataType": "String",
            "MessageAttribute.1.Value.StringValue": "Bar",
        },
        path=path,
    )
    tag, ((result, fields),) = sent.xml()
    assert (tag, result) == ("SendMessageResponse", "SendMessageResult")
    message_id = dict(fields)["MessageId"]
    assert sorted(fields) == [
        ("MD5OfMessageAttributes", "ae7155c6026991b6d54b11589678bf9c"),
        ("MD5OfMessageBody", MD5),
        ("MessageId", message_id),
    ]
    received = sqs.query(
        "ReceiveMessage",
        {
            "AttributeName": "All",
            "MessageAttributeName.1": "All",
            "MaxNumberOfMessages": "5",
            "WaitTimeSeconds": "5",
        },
        path=path,
    )
    tag, ((result, ((message, parts),)),) = received.xml()
    assert (tag, result, message) == ("ReceiveMessageResponse", "ReceiveMessageResult", "Message")
    assert [value for name, value in parts if name == "MessageAttribute"] == [
        [("Name", "Foo"), ("Value", [("DataType", "String"), ("StringValue", "Bar")])]
    ]
    names = {dict(value)["Name"] for name, value in parts if name == "Attribute"}
    assert names == {
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
    }
    single = {name: value for name, value in parts if name not in ("Attribute", "MessageAttribute")}
    handle = single.pop("ReceiptHandle")
    assert single == {
        "MessageId": message_id,
        "MD5OfBody": MD5,
        "Body": "<hello>",
        "MD5OfMessageAttributes": "ae7155c6026991b6d54b11589678bf9c",
    }
    changed = sqs.query(
        "ChangeMessageVisibility", {"ReceiptHandle": handle, "VisibilityTimeout": "60"}, path=path
    )
    assert changed.xml() == ("ChangeMessageVisibilityResponse", [])
    deleted = sqs.query("DeleteMessage", {"ReceiptHandle": handle}, path=path)
    assert deleted.xml() == ("DeleteMessageResponse", [])


def test_batches(server: LambdadServer) -> None:
    sqs, url = Sqs(server), Sqs(server).url("form-batches")
    sqs.query("CreateQueue", {"QueueName": "form-batches"})
    entry = "SendMessageBatchRequestEntry"
    answer = sqs.query(
        "SendMessageBatch",
        {
            "QueueUrl": url,
            f"{entry}.1.Id": "good",
            f"{entry}.1.MessageBody": "<hello>",
            f"{entry}.2.Id": "bad",
            f"{entry}.2.MessageBody": "x",
            f"{entry}.2.DelaySeconds": "901",
        },
    )
    tag, ((result, (good, bad)),) = answer.xml()
    assert (tag, result) == ("SendMessageBatchResponse", "SendMessageBatchResult")
    assert good[0] == "SendMessageBatchResultEntry"
    fields = dict(good[1])
    assert fields.pop("MessageId")
    assert fields == {"Id": "good", "MD5OfMessageBody": MD5}
    assert bad == (
        "BatchResultErrorEntry",
        [
            ("Id", "bad"),
            ("SenderFault", "true"),
            ("Code", "InvalidParameterValue"),
            ("Message", "DelaySeconds must be >= 0 and <= 900"),
        ],
    )


def test_attributes_and_lists(server: LambdadServer) -> None:
    sqs, url = Sqs(server), Sqs(server).url("form-attributes")
    sqs.query("CreateQueue", {"QueueName": "form-attributes"})
    set_ = sqs.query(
        "SetQueueAttributes",
        {"QueueUrl": url, "Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "7"},
    )
    assert set_.xml() == ("SetQueueAttributesResponse", [])
    got = sqs.query(
        "GetQueueAttributes",
        {"QueueUrl": url, "AttributeName.1": "DelaySeconds", "AttributeName.2": "QueueArn"},
    )
    arn = "arn:aws:sqs:us-east-1:000000000000:form-attributes"
    assert got.xml() == (
        "GetQueueAttributesResponse",
        [
            (
                "GetQueueAttributesResult",
                [
                    ("Attribute", [("Name", "DelaySeconds"), ("Value", "7")]),
                    ("Attribute", [("Name", "QueueArn"), ("Value", arn)]),
                ],
            )
        ],
    )
    listed = sqs.query("ListQueues", {"QueueNamePrefix": "form-attributes"})
    assert listed.xml() == ("ListQueuesResponse", [("ListQueuesResult", [("QueueUrl", url)])])
    nothing = sqs.query("ListQueues", {"QueueNamePrefix": "no-such-queue"})
    assert nothing.xml() == ("ListQueuesResponse", [("ListQueuesResult", "")])
    sqs.query("TagQueue", {"QueueUrl": url, "Tag.1.Key": "a", "Tag.1.Value": "b"})
    tags = sqs.query("ListQueueTags", {"QueueUrl": url})
    assert tags.xml() == (
        "ListQueueTagsResponse",
        [("ListQueueTagsResult", [("Tag", [("Key", "a"), ("Value", "b")])])],
    )
    untagged = sqs.query("UntagQueue", {"QueueUrl": url, "TagKey.1": "a"})
    assert untagged.xml() == ("UntagQueueResponse", [])


def test_a_get_does_as_well(server: LambdadServer) -> None:
    sqs = Sqs(server)
    sqs.query("CreateQueue", {"QueueName": "got"}, method="GET")
    sent = sqs.query("SendMessage", {"MessageBody": "x"}, path="/000000000000/got", method="GET")
    assert sent.status == 200
    received = sqs.query("ReceiveMessage", path="/000000000000/got", method="GET")
    assert b"<Body>x</Body>" in received.body


@pytest.mark.parametrize(
    "host",
    ["sqs.us-east-1.localhost:4566", "us-east-1.queue.localhost:4566", "queue.localhost:4566"],
)
def test_answers_name_the_host_that_was_asked(server: LambdadServer, host: str) -> None:
    sqs = Sqs(server)
    sqs.query("CreateQueue", {"QueueName": "hosted"})
    found = sqs.query("GetQueueUrl", {"QueueName": "hosted"}, host=host)
    assert found.xml() == (
        "GetQueueUrlResponse",
        [("GetQueueUrlResult", [("QueueUrl", f"http://{host}/000000000000/hosted")])],
    )


@pytest.mark.parametrize(
    ("action", "fields", "error"),
    [
        (
            "SendMessage",
            {"QueueUrl": "/000000000000/absent", "MessageBody": "x"},
            (
                400,
                "Sender",
                "AWS.SimpleQueueService.NonExistentQueue",
                "The specified queue does not exist for this wsdl version.",
            ),
        ),
        (
            "SendMessage",
            {"QueueUrl": "/000000000000/errors"},
            (
                400,
                "Sender",
                "MissingParameter",
                "The request must contain the parameter MessageBody.",
            ),
        ),
        (
            "SendMessage",
            {"MessageBody": "x"},
            (400, "Sender", "MissingParameter", "The request must contain the parameter QueueUrl."),
        ),
        (
            "SendMessage",
            {"QueueUrl": "http://localhost/errors", "MessageBody": "x"},
            (
                404,
                "Sender",
                "InvalidAddress",
                "The address http://localhost/errors is not valid for this endpoint.",
            ),
        ),
        (
            "SendMessage",
            {"QueueUrl": "/000000000000/errors", "MessageBody": "x", "DelaySeconds": "-1"},
            (
                400,
                "Sender",
                "InvalidParameterValue",
                "Value -1 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 "
                "and <= 900.",
            ),
        ),
        (
            "SendMessage",
            {"QueueUrl": "/000000000000/errors", "MessageBody": "\0"},
            (
                400,
                "Sender",
                "InvalidMessageContents",
                "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to "
                "#xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
            ),
        ),
        (
            "SendMessageBatch",
            {"QueueUrl": "/000000000000/errors"},
            (
                400,
                "Sender",
                "AWS.SimpleQueueService.EmptyBatchRequest",
                "There should be at least one SendMessageBatchRequestEntry in the request.",
            ),
        ),
        (
            "DeleteMessage",
            {"QueueUrl": "/000000000000/errors", "ReceiptHandle": "x"},
            (
                404,
                "Sender",
                "ReceiptHandleIsInvalid",
                'The input receipt handle "x" is not a valid receipt handle.',
            ),
        ),
        (
            "GetQueueAttributes",
            {"QueueUrl": "/000000000000/errors", "AttributeName.1": "x"},
            (400, "Sender", "InvalidAttributeName", "Unknown Attribute x."),
        ),
        (
            "Nothing",
            {},
            (400, "Sender", "InvalidAction", "The action Nothing is not valid for this endpoint."),
        ),
        (
            "SetQueueAttributes",
            {
                "QueueUrl": "/000000000000/errors",
                "Attribute.1.Name": "DelaySeconds",
                "Attribute.1.Value": "x",
            },
            (
                400,
                "Sender",
                "InvalidAttributeValue",
                "Invalid value for the parameter DelaySeconds.",
            ),
        ),
        (
            "CreateQueue",
            {
                "QueueName": "errors",
                "Attribute.1.Name": "DelaySeconds",
                "Attribute.1.Value": "1",
            },
            (
                400,
                "Sender",
                "QueueAlreadyExists",
                "A queue already exists with the same name and a different value for attribute "
                "DelaySeconds",
            ),
        ),
        (
            "ListMessageMoveTasks",
            {"SourceArn": "arn:aws:sqs:us-east-1:000000000000:absent"},
            (
                404,
                "Sender",
                "ResourceNotFoundException",
                "The resource that you specified for the SourceArn parameter doesn't exist.",
            ),
        ),
    ],
)
def test_errors(server: LambdadServer, action: str, fields: dict[str, str], error: Any) -> None:
    sqs = Sqs(server)
    sqs.query("CreateQueue", {"QueueName": "errors"})
    reply = sqs.query(action, fields)
    assert reply.error() == error
    assert reply.headers["content-type"] == "text/xml"


def test_lists_and_maps_of_one_need_no_numbers(server: LambdadServer) -> None:
    sqs, path = Sqs(server), "/000000000000/single"
    made = {"Attribute.Name": "DelaySeconds", "Attribute.Value": "5", "Tag.Key": "k"}
    sqs.query("CreateQueue", {"QueueName": "single", **made, "Tag.Value": "v"})
    changed = {"Attribute.Name": "VisibilityTimeout", "Attribute.Value": "35"}
    assert sqs.query("SetQueueAttributes", changed, path=path).status == 200
    shown = []
    for name in ("DelaySeconds", "VisibilityTimeout"):
        reply = sqs.query("GetQueueAttributes", {"AttributeName": name}, path=path)
        shown += reply.xml()[1][0][1]
    assert shown == [
        ("Attribute", [("Name", "DelaySeconds"), ("Value", "5")]),
        ("Attribute", [("Name", "VisibilityTimeout"), ("Value", "35")]),
    ]
    tags = sqs.query("ListQueueTags", path=path).xml()
    assert tags == (
        "ListQueueTagsResponse",
        [("ListQueueTagsResult", [("Tag", [("Key", "k"), ("Value", "v")])])],
    )
    sqs.query(
        "SendMessage",
        {
            "MessageBody": "x",
            "DelaySeconds": "0",
            "MessageAttribute.Name": "Foo",
            "MessageAttribute.Value.DataType": "String",
            "MessageAttribute.Value.StringValue": "Bar",
        },
        path=path,
    )
    received = sqs.query("ReceiveMessage", {"MessageAttributeName": "Foo"}, path=path).xml()
    ((_, ((_, parts),)),) = received[1]
    assert [value for name, value in parts if name == "MessageAttribute"] == [
        [("Name", "Foo"), ("Value", [("DataType", "String"), ("StringValue", "Bar")])]
    ]


def test_a_wrong_signature_is_refused_in_the_words_of_the_query_protocol(
    server: LambdadServer,
) -> None:
    key_id, _ = server.root_key
    for path in ("/", "/000000000000/errors"):
        _, _, code, _ = Sqs(server, (key_id, "wrong")).query("ListQueues", path=path).error()
        assert code == "SignatureDoesNotMatch"
