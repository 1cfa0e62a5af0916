"""Whatever a client sends is read, or refused with an error of AWS's: never a crash."""

from __future__ import annotations

import gzip
import json
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.core.errors import AwsError
from lambdad.wire.http import Request
from lambdad.wire.model import ServiceCatalog
from lambdad.wire.routing import Router

ROUTER = Router(
    ServiceCatalog(), ["lambda", "s3", "iam", "sqs", "dynamodb", "cloudwatch", "logs", "ec2"]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["NaN", "Infinity", "1e400", "AAA=", "2026-01-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)
QUICK = settings(max_examples=150)


def signed(service: str, **headers: str) -> dict[str, str]:
    scope = f"AKIDEXAMPLE/20260131/us-east-1/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=00", **headers}


def put_through(request: Request) -> dict[str, Any] | AwsError:
    """Match, parse, validate as the gateway does; an error must serialise."""
    match = None
    try:
        match = ROUTER.match(request)
        params = match.parse(request)
        match.validate(params)
    except AwsError as error:
        if match is None:
            ROUTER.serialize_error(request, error, "id")
        else:
            match.serialize_error(error, "id")
        return error
    return params


def code(answer: dict[str, Any] | AwsError) -> str:
    assert isinstance(answer, AwsError)
    return answer.code


def member_values(draw: st.DataObject, names: list[str]) -> dict[str, Any]:
    return draw.draw(st.dictionaries(st.sampled_from(names), JSON, max_size=6))


CREATE = [
    "FunctionName",
    "Code",
    "Role",
    "Timeout",
    "Environment",
    "Layers",
    "Publish",
    "VpcConfig",
]
PUT = ["TableName", "Item", "Expected", "ReturnValues", "ExpressionAttributeValues"]


@QUICK
@given(st.data())
def test_json_of_the_wrong_types(draw: st.DataObject) -> None:
    body = json.dumps(member_values(draw, CREATE)).encode()
    put_through(Request("POST", "/2015-03-31/functions", "", signed("lambda"), body))
    body = json.dumps(member_values(draw, PUT)).encode()
    headers = {"x-amz-target": "DynamoDB_20120810.PutItem"}
    put_through(Request("POST", "/", "", headers, body))
    headers = {"smithy-protocol": "rpc-v2-cbor"}
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    names = ["Namespace", "MetricData", "EntityMetricData", "StrictEntityValidation"]
    put_through(Request("POST", path, "", headers, cbor2.dumps(member_values(draw, names))))


@QUICK
@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,0aA\\ue.-', max_size=40).map(str.encode))
def test_bodies_of_any_bytes(body: bytes) -> None:
    put_through(Request("POST", "/2015-03-31/functions", "", signed("lambda"), body))
    put_through(Request("PUT", "/b?versioning", "", signed("s3"), body))
    put_through(Request("PUT", "/b", "versioning", signed("s3"), body))
    headers = {"x-amz-target": "AmazonSQS.SendMessage"}
    put_through(Request("POST", "/", "", headers, body))
    headers = {"smithy-protocol": "rpc-v2-cbor", "content-encoding": "gzip"}
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    put_through(Request("POST", path, "", headers, body))


FIELDS = st.text(alphabet="Ab1.&=%+member2", max_size=60)


@QUICK
@given(FIELDS)
def test_forms_of_any_fields(fields: str) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    for service, action in (("iam", "CreateRole"), ("ec2", "RunInstances")):
        body = f"Action={action}&Tags.member.1.Key=a&TagSpecification.1.Tag.1={fields}".encode()
        put_through(Request("POST", "/", "", signed(service, **form), body))


@QUICK
@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "", "X"]),
    st.text(max_size=30) | st.text(alphabet="/.%2Ff*?=", max_size=30),
    st.text(max_size=30) | st.text(alphabet="X-Amz-Credential=/%2F&?Action", max_size=40),
    st.dictionaries(
        st.sampled_from(
            ["authorization", "host", "x-amz-target", "smithy-protocol", "content-type"]
        ),
        st.text(max_size=20)
        | st.sampled_from(
            ["AWS4-HMAC-SHA256 Credential=/////, x", "Credential=", "b.s3.", "A.B", "."]
        ),
    ),
    st.binary(max_size=20),
)
def test_requests_of_any_shape(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    put_through(Request(method, path, query, headers, body))


def test_nesting_is_bounded() -> None:
    value: dict[str, Any] = {"S": "x"}
    for _ in range(400):
        value = {"L": [value]}
    body = json.dumps({"TableName": "t", "Item": {"k": value}}).encode()
    request = Request("POST", "/", "", {"x-amz-target": "DynamoDB_20120810.PutItem"}, body)
    assert code(put_through(request)) == "SerializationException"
    # The count is back at zero afterwards.
    fine = json.dumps({"TableName": "tbl", "Item": {"k": {"L": [{"S": "x"}] * 100}}}).encode()
    request = Request("POST", "/", "", {"x-amz-target": "DynamoDB_20120810.PutItem"}, fine)
    assert isinstance(put_through(request), dict)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000])
def test_json_deeper_than_the_parser_goes(body: bytes) -> None:
    request = Request("POST", "/", "", {"x-amz-target": "DynamoDB_20120810.PutItem"}, body)
    assert code(put_through(request)) == "SerializationException"


def test_a_body_that_cannot_be_read_is_refused_in_the_words_of_the_service() -> None:
    lambda_ = Request("POST", "/2015-03-31/functions", "", signed("lambda"), b"{")
    refused = put_through(lambda_)
    assert code(refused) == "InvalidRequestContentException"
    assert isinstance(refused, AwsError)
    assert (refused.message or "").startswith("Could not parse request body into json: ")
    assert refused.members == {"Type": "User"}
    s3 = Request("PUT", "/b", "versioning", signed("s3"), b"<a")
    assert code(put_through(s3)) == "MalformedXML"
    sqs = Request("POST", "/", "", {"x-amz-target": "AmazonSQS.SendMessage"}, b"[]")
    assert code(put_through(sqs)) == "SerializationException"
    form = {"content-type": "application/x-www-form-urlencoded"}
    body = b"Action=ListUsers&Version=2010-05-08&MaxItems=many"
    assert code(put_through(Request("POST", "/", "", signed("iam", **form), body))) == (
        "MalformedInput"
    )
    header = Request("GET", "/2015-03-31/functions", "MaxItems=x", signed("lambda"))
    assert code(put_through(header)) == "SerializationException"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"x"', "STRING_VALUE cannot be converted to Integer"),
        ("true", "TRUE_VALUE cannot be converted to Integer"),
        ("1.5", "DECIMAL_VALUE cannot be converted to Integer"),
        ("{}", "Start of structure or map found where not expected"),
        ("[]", "Unrecognized collection type Integer"),
        ("99999999999", "Number is out of range for Integer"),
        ("1" + "0" * 400, None),
    ],
)
def test_values_of_the_wrong_type_are_named(value: str, text: str | None) -> None:
    body = f'{{"QueueUrl":"u","MaxNumberOfMessages":{value}}}'.encode()
    request = Request("POST", "/", "", {"x-amz-target": "AmazonSQS.ReceiveMessage"}, body)
    refused = put_through(request)
    assert code(refused) == "SerializationException"
    assert isinstance(refused, AwsError)
    assert text is None or refused.message == text


def test_of_a_name_given_twice_the_last_one_counts() -> None:
    body = b'{"QueueUrl":"a","QueueUrl":"b"}'
    request = Request("POST", "/", "", {"x-amz-target": "AmazonSQS.PurgeQueue"}, body)
    assert put_through(request) == {"QueueUrl": "b"}


def test_unknown_members_are_passed_over() -> None:
    body = b'{"QueueUrl":"a","NewInNextYearsClient":{"x":[1]}}'
    request = Request("POST", "/", "", {"x-amz-target": "AmazonSQS.PurgeQueue"}, body)
    assert put_through(request) == {"QueueUrl": "a"}


METRICS = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
PACKED = {"smithy-protocol": "rpc-v2-cbor", "content-encoding": "gzip"}


def test_gzipped_bodies_are_read_where_the_operation_takes_them() -> None:
    body = gzip.compress(cbor2.dumps({"Namespace": "n", "MetricData": []}))
    request = Request("POST", METRICS, "", PACKED, body)
    assert put_through(request) == {"Namespace": "n", "MetricData": []}


def test_gzip_bombs_are_refused() -> None:
    bomb = gzip.compress(b"\0" * 80_000_000)
    assert len(bomb) < 100_000
    request = Request("POST", METRICS, "", PACKED, bomb)
    assert code(put_through(request)) == "SerializationException"
    cut = gzip.compress(cbor2.dumps({"Namespace": "n"}))[:-4]
    assert code(put_through(Request("POST", METRICS, "", PACKED, cut))) == "SerializationException"


def test_a_gzipped_object_stays_as_it_is() -> None:
    body = gzip.compress(b"data")
    headers = signed("s3", **{"content-encoding": "gzip"})
    params = put_through(Request("PUT", "/b/k", "", headers, body))
    assert isinstance(params, dict)
    assert (params["Body"], params["ContentEncoding"]) == (body, "gzip")
