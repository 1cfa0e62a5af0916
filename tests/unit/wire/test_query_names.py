"""SQS's query protocol, which its model no longer has: laid over the model, then tried with AWS's
documented requests and with botocore's own query serialiser and parser as the other end."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import urlencode

import botocore.model
import pytest

from lambdad.core.errors import AwsError
from lambdad.wire.http import Request
from lambdad.wire.model import ServiceCatalog
from lambdad.wire.query_names import QUERY_NAMES, query_model
from lambdad.wire.routing import Router
from support import wire_oracle as oracle
from support.wire_values import structure

MODEL = query_model(ServiceCatalog().service("sqs"))
ORACLE = botocore.model.ServiceModel(dict(MODEL.document), "sqs")
ROUTER = Router(ServiceCatalog(), ("sqs",))
FORM = "application/x-www-form-urlencoded"
URL = "http://localhost:4566/000000000000/q"


def parse(fields: dict[str, str], path: str = "/") -> dict[str, Any]:
    body = urlencode({"Version": "2012-11-05", **fields}).encode()
    request = Request("POST", path, "", {"content-type": FORM}, body)
    match = ROUTER.match(request)
    assert match.protocol == "query"
    return match.parse(request)


def test_every_list_and_map_of_the_model_has_a_name() -> None:
    names, shapes = QUERY_NAMES["sqs"], MODEL.document["shapes"]
    lists = {name for name, shape in shapes.items() if shape["type"] == "list"}
    maps = {name for name, shape in shapes.items() if shape["type"] == "map"}
    assert (lists, maps) == (set(names.items), set(names.entries))


@pytest.mark.parametrize(
    ("fields", "params"),
    [
        (
            {
                "Action": "CreateQueue",
                "QueueName": "q",
                "Attribute.1.Name": "VisibilityTimeout",
                "Attribute.1.Value": "40",
                "Tag.1.Key": "Kind",
                "Tag.1.Value": "test",
            },
            {
                "QueueName": "q",
                "Attributes": {"VisibilityTimeout": "40"},
                "tags": {"Kind": "test"},
            },
        ),
        (
            {
                "Action": "SendMessage",
                "QueueUrl": URL,
                "MessageBody": "hi",
                "MessageAttribute.1.Name": "a",
                "MessageAttribute.1.Value.StringValue": "b",
                "MessageAttribute.1.Value.DataType": "String",
                "MessageSystemAttribute.1.Name": "AWSTraceHeader",
                "MessageSystemAttribute.1.Value.StringValue": "Root=1",
                "MessageSystemAttribute.1.Value.DataType": "String",
            },
            {
                "QueueUrl": URL,
                "MessageBody": "hi",
                "MessageAttributes": {"a": {"StringValue": "b", "DataType": "String"}},
                "MessageSystemAttributes": {
                    "AWSTraceHeader": {"StringValue": "Root=1", "DataType": "String"}
                },
            },
        ),
        (
            {
                "Action": "SendMessageBatch",
                "QueueUrl": URL,
                "SendMessageBatchRequestEntry.2.Id": "two",
                "SendMessageBatchRequestEntry.2.MessageBody": "2",
                "SendMessageBatchRequestEntry.1.Id": "one",
                "SendMessageBatchRequestEntry.1.MessageBody": "1",
                "SendMessageBatchRequestEntry.1.MessageAttribute.1.Name": "k",
                "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.BinaryValue": "AAE=",
                "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType": "Binary",
            },
            {
                "QueueUrl": URL,
                "Entries": [
                    {
                        "Id": "one",
                        "MessageBody": "1",
                        "MessageAttributes": {"k": {"BinaryValue": b"\0\1", "DataType": "Binary"}},
                    },
                    {"Id": "two", "MessageBody": "2"},
                ],
            },
        ),
        (
            {"Action": "ReceiveMessage", "QueueUrl": URL, "AttributeName": "All"},
            {"QueueUrl": URL, "AttributeNames": ["All"]},
        ),
        (
            {
                "Action": "ReceiveMessage",
                "QueueUrl": URL,
                "MaxNumberOfMessages": "5",
                "AttributeName.1": "SenderId",
                "MessageSystemAttributeName.1": "All",
                "MessageAttributeName.1": "x",
            },
            {
                "QueueUrl": URL,
                "MaxNumberOfMessages": 5,
                "AttributeNames": ["SenderId"],
                "MessageSystemAttributeNames": ["All"],
                "MessageAttributeNames": ["x"],
            },
        ),
        (
            {
                "Action": "AddPermission",
                "QueueUrl": URL,
                "Label": "l",
                "AWSAccountId.1": "111122223333",
                "ActionName.1": "SendMessage",
                "ActionName.2": "*",
            },
            {
                "QueueUrl": URL,
                "Label": "l",
                "AWSAccountIds": ["111122223333"],
                "Actions": ["SendMessage", "*"],
            },
        ),
        (
            {"Action": "UntagQueue", "QueueUrl": URL, "TagKey.1": "a", "TagKey.2": "b"},
            {"QueueUrl": URL, "TagKeys": ["a", "b"]},
        ),
    ],
)
def test_requests_as_the_api_reference_shows_them(
    fields: dict[str, str], params: dict[str, Any]
) -> None:
    assert parse(fields) == params


def test_the_path_names_the_queue_where_the_form_does_not() -> None:
    fields = {"Action": "DeleteMessage", "ReceiptHandle": "h"}
    assert parse(fields, "/000000000000/q")["QueueUrl"] == "/000000000000/q"
    assert parse({**fields, "QueueUrl": URL}, "/000000000000/other")["QueueUrl"] == URL
    assert "QueueUrl" not in parse(fields)
    assert parse({"Action": "ListQueues"}, "/000000000000/q") == {}


@pytest.mark.parametrize("name", MODEL.operation_names)
def test_botocore_and_lambdad_understand_each_other(name: str) -> None:
    operation = ORACLE.operation_model(name)

    def case(draw: random.Random) -> None:
        params = structure(operation.input_shape, draw, oracle.REQUESTS["query"])
        request = oracle.request(operation, "query", params)
        match = ROUTER.match(request)
        assert (match.operation, match.protocol) == (name, "query")
        assert match.parse(request) == params
        if operation.output_shape is not None:
            result = structure(operation.output_shape, draw, oracle.ANSWERS["query"])
            answer = match.serialize(result, "id")
            parsed = oracle.read_answer(answer, "query", operation.output_shape)
            assert {key: value for key, value in parsed.items() if value not in ([], {})} == result

    oracle.explore(f"sqs.{name} in query", case, examples=5)


class QueueDoesNotExist(AwsError):
    code = "QueueDoesNotExist"
    status = 400
    fault = "client"


class InvalidParameterValueException(QueueDoesNotExist):
    code = "InvalidParameterValueException"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (QueueDoesNotExist, b"AWS.SimpleQueueService.NonExistentQueue"),
        (InvalidParameterValueException, b"InvalidParameterValue"),
    ],
)
def test_errors_bear_the_old_codes_and_a_detail(kind: type[AwsError], code: bytes) -> None:
    request = Request("POST", "/", "Action=ListQueues", {})
    response = ROUTER.match(request).serialize_error(kind("No <such>."), "id")
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error>'
        b"<Type>Sender</Type><Code>" + code + b"</Code><Message>No &lt;such&gt;.</Message>"
        b"<Detail/></Error><RequestId>id</RequestId></ErrorResponse>"
    )
    assert response.status == 400


def test_a_form_with_an_unknown_action_is_answered_in_xml() -> None:
    headers = {
        "content-type": FORM,
        "authorization": "AWS4-HMAC-SHA256 Credential=A/20260131/us-east-1/sqs/aws4_request, x=y",
    }
    request = Request("POST", "/", "", headers, b"Action=Nothing")
    response = ROUTER.serialize_error(request, QueueDoesNotExist("x"), "id")
    assert dict(response.headers)["Content-Type"] == "text/xml"
