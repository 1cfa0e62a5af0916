"""Which operation a request means, and what is said of a request that means none."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from lambdad.core.errors import AwsError, UnknownOperationException
from lambdad.wire.http import Request
from lambdad.wire.model import ServiceCatalog
from lambdad.wire.protocols.refusals import RequestEntityTooLarge
from lambdad.wire.routing import Router

SERVICES = [
    "lambda",
    "logs",
    "s3",
    "sqs",
    "sns",
    "iam",
    "sts",
    "apigateway",
    "apigatewayv2",
    "cloudwatch",
    "dynamodb",
    "dynamodbstreams",
    "stepfunctions",
]
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
ROUTER = Router(ServiceCatalog(), SERVICES)


def signed(service: str, **headers: str) -> dict[str, str]:
    scope = f"AKIDEXAMPLE/20260131/us-east-1/{service}/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"
    return {"authorization": authorization, **headers}


def route(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Any:
    path, _, query = path.partition("?")
    request = Request(method, path, query, headers or {}, body)
    match = ROUTER.match(request)
    return match.service, match.operation, match.parse(request)


def named(*arguments: Any, **more: Any) -> tuple[str, str]:
    service, operation, _ = route(*arguments, **more)
    return service, operation


def test_a_function_is_invoked_by_its_path() -> None:
    found = route(
        "POST",
        "/2015-03-31/functions/f/invocations?Qualifier=1",
        signed("lambda", **{"x-amz-invocation-type": "Event"}),
        b"\xff not json",
    )
    params = {
        "FunctionName": "f",
        "Qualifier": "1",
        "InvocationType": "Event",
        "Payload": b"\xff not json",
    }
    assert found == ("lambda", "Invoke", params)


@pytest.mark.parametrize(
    "name",
    [
        "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af%3A%24LATEST",
        "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST",
    ],
)
def test_a_function_may_be_named_by_an_arn_encoded_or_not(name: str) -> None:
    _, operation, params = route("GET", f"/2015-03-31/functions/{name}", signed("lambda"))
    assert operation == "GetFunction"
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"
    assert params == {"FunctionName": arn}


@pytest.mark.parametrize("path", ["/2015-03-31/functions/", "/2015-03-31/functions"])
def test_a_trailing_slash_makes_no_difference(path: str) -> None:
    assert named("GET", path, signed("lambda")) == ("lambda", "ListFunctions")


def test_an_encoded_slash_stays_inside_its_label() -> None:
    _, operation, params = route("GET", "/2015-03-31/functions/a%2Fb", signed("lambda"))
    assert (operation, params) == ("GetFunction", {"FunctionName": "a/b"})


def test_a_body_cannot_overrule_the_path() -> None:
    body = json.dumps({"FunctionName": "other", "Description": "d"}).encode()
    path = "/2015-03-31/functions/mine/configuration"
    _, _, params = route("PUT", path, signed("lambda"), body)
    assert params == {"FunctionName": "mine", "Description": "d"}


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/2018-10-31/layers", "ListLayers"),
        ("/2018-10-31/layers?find=LayerVersion&Arn=a", "GetLayerVersionByArn"),
        ("/2018-10-31/layers?find=Other", "ListLayers"),
        ("/2019-09-30/functions/f/provisioned-concurrency?List=ALL", "ListProvisionedConcurrencyC"),
        (
            "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=1",
            "GetProvisionedConcurrency",
        ),
    ],
)
def test_the_query_string_tells_operations_of_one_path_apart(path: str, operation: str) -> None:
    assert named("GET", path, signed("lambda"))[1].startswith(operation)


@pytest.mark.parametrize(
    ("method", "path", "headers", "operation"),
    [
        ("GET", "/", {}, "ListBuckets"),
        ("GET", "/b", {}, "ListObjects"),
        ("GET", "/b/", {}, "ListObjects"),
        ("GET", "/b?list-type=2", {}, "ListObjectsV2"),
        ("GET", "/b?list-type=1", {}, "ListObjects"),
        ("GET", "/b?acl", {}, "GetBucketAcl"),
        ("GET", "/b?analytics&id=1", {}, "GetBucketAnalyticsConfiguration"),
        ("GET", "/b?analytics", {}, "ListBucketAnalyticsConfigurations"),
        ("GET", "/b/k", {}, "GetObject"),
        ("GET", "/b/k?uploadId=1", {}, "ListParts"),
        ("GET", "/b/k?acl=", {}, "GetObjectAcl"),
        ("PUT", "/b/k", {}, "PutObject"),
        ("PUT", "/b/k", {"x-amz-copy-source": "a/b"}, "CopyObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=1", {}, "UploadPart"),
        ("PUT", "/b/k?partNumber=1&uploadId=1", {"x-amz-copy-source": "a/b"}, "UploadPartCopy"),
        ("PUT", "/b/k?tagging", {}, "PutObjectTagging"),
        ("POST", "/b/k?uploads", {}, "CreateMultipartUpload"),
        ("POST", "/b?delete", {}, "DeleteObjects"),
        ("POST", "/b/k?select&select-type=2", {}, "SelectObjectContent"),
        ("HEAD", "/b", {}, "HeadBucket"),
        ("HEAD", "/b/k", {}, "HeadObject"),
        ("DELETE", "/b/k", {}, "DeleteObject"),
    ],
)
def test_s3_tells_its_operations_apart(
    method: str, path: str, headers: dict[str, str], operation: str
) -> None:
    assert named(method, path, signed("s3", **headers)) == ("s3", operation)


def test_an_object_key_is_taken_as_it_is() -> None:
    _, _, params = route("GET", "/b//a//b%20c/", signed("s3"))
    assert params == {"Bucket": "b", "Key": "/a//b c/"}


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("b.s3.us-east-1.localhost:4566", "b"),
        ("b.s3.amazonaws.com", "b"),
        ("my.b.s3.eu-west-1.amazonaws.com", "my.b"),
        ("b.s3-eu-west-1.amazonaws.com", "b"),
        ("b.s3.localhost.localstack.cloud:4566", "b"),
    ],
)
@pytest.mark.parametrize("headers", [{}, signed("s3")])
def test_the_bucket_may_be_in_the_host(host: str, bucket: str, headers: dict[str, str]) -> None:
    found = route("GET", "/a/key", {**headers, "host": host})
    assert found == ("s3", "GetObject", {"Bucket": bucket, "Key": "a/key"})
    assert named("GET", "/", {**headers, "host": host}) == ("s3", "ListObjects")


def test_a_presigned_request_names_its_service_in_the_query() -> None:
    scope = "AKID%2F20260131%2Fus-east-1%2Fs3%2Faws4_request"
    assert named("GET", f"/2015-03-31/functions?X-Amz-Credential={scope}")[0] == "s3"


def test_both_api_gateways_share_a_signing_name() -> None:
    headers = signed("apigateway")
    assert named("GET", "/restapis", headers) == ("apigateway", "GetRestApis")
    assert named("GET", "/v2/apis", headers) == ("apigatewayv2", "GetApis")


def test_an_unread_service_is_found_behind_a_signing_name_that_is_not_its_own() -> None:
    router = Router(ServiceCatalog(), ["apigateway", "apigatewayv2", "stepfunctions"])
    request = Request("GET", "/v2/apis", "", signed("apigateway"))
    assert router.match(request).service == "apigatewayv2"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("Logs_20140328.CreateLogGroup", ("logs", "CreateLogGroup")),
        ("DynamoDB_20120810.PutItem", ("dynamodb", "PutItem")),
        ("DynamoDBStreams_20120810.GetRecords", ("dynamodbstreams", "GetRecords")),
        ("AWSStepFunctions.StartExecution", ("stepfunctions", "StartExecution")),
        ("GraniteServiceVersion20100801.PutMetricData", ("cloudwatch", "PutMetricData")),
    ],
)
def test_a_target_names_service_and_operation(target: str, expected: tuple[str, str]) -> None:
    assert named("POST", "/", {"x-amz-target": target}, b"{}") == expected


def test_cloudwatch_speaks_three_protocols() -> None:
    path = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
    headers = {"smithy-protocol": "rpc-v2-cbor"}
    found = ROUTER.match(Request("POST", path, "", headers))
    assert (found.service, found.operation, found.protocol) == (
        "cloudwatch",
        "ListMetrics",
        "smithy-rpc-v2-cbor",
    )
    body = b"Action=ListMetrics&Version=2010-08-01&Namespace=n"
    form = route("POST", "/", signed("monitoring", **FORM), body)
    assert form == ("cloudwatch", "ListMetrics", {"Namespace": "n"})


def test_an_action_may_be_in_the_query_string() -> None:
    path = "/?Action=GetCallerIdentity&Version=2011-06-15"
    assert named("GET", path) == ("sts", "GetCallerIdentity")


def test_an_unsigned_action_is_told_by_its_version() -> None:
    body = b"Action=CreateTopic&Version=2010-03-31&Name=t"
    assert route("POST", "/", FORM, body) == ("sns", "CreateTopic", {"Name": "t"})


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", "/2015-03-31/functions/f", {}, ("lambda", "GetFunction")),
        ("GET", "/restapis", {"host": "apigateway.localhost:4566"}, ("apigateway", "GetRestApis")),
        ("GET", "/some-bucket/key", {}, ("s3", "GetObject")),
        ("GET", "/x", {"authorization": "Bearer token"}, ("s3", "ListObjects")),
    ],
)
def test_an_unsigned_request_is_routed_where_only_one_service_fits(
    method: str, path: str, headers: dict[str, str], expected: tuple[str, str]
) -> None:
    assert named(method, path, headers) == expected


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("POST", "/", {"x-amz-target": "Logs_20140328.Nothing"}, b""),
        ("POST", "/", {"x-amz-target": "Nobody.CreateLogGroup"}, b""),
        ("POST", "/", {"x-amz-target": ""}, b""),
        ("POST", "/service/X/operation/Y", {"smithy-protocol": "rpc-v2-cbor"}, b""),
        ("POST", "/nowhere", {"smithy-protocol": "rpc-v2-cbor"}, b""),
        ("GET", "/2015-03-31/nothing", signed("lambda"), b""),
        ("PATCH", "/2015-03-31/functions/f", signed("lambda"), b""),
        ("GET", "/2015-03-31/functions//configuration", signed("lambda"), b""),
        ("GET", "/2015-03-31/functions", signed("nobody"), b""),
        ("POST", "/", signed("lambda", **FORM), b"Action=Nothing"),
        ("POST", "/", signed("nobody", **FORM), b"Action=Nothing"),
        ("POST", "/", FORM, b"Action=Nothing"),
        ("GET", "", signed("lambda"), b""),
        ("GET", "*", signed("lambda"), b""),
    ],
)
def test_what_means_nothing_is_refused_and_the_refusal_can_be_read(
    method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    request = Request(method, path, "", headers, body)
    with pytest.raises(UnknownOperationException) as refused:
        ROUTER.match(request)
    response = ROUTER.serialize_error(request, refused.value, "the-id")
    assert response.status == 404
    assert "the-id" in dict(response.headers).values()


@pytest.mark.parametrize(
    ("service", "body", "message"),
    [
        ("iam", b"Action=Nothing", "Could not find operation Nothing for version 2010-05-08"),
        (
            "iam",
            b"Action=ListUsers&Version=1999-01-01",
            "Could not find operation ListUsers for version 1999-01-01",
        ),
        ("sqs", b"Action={0}%3C", "The action {0}&lt; is not valid for this endpoint."),
    ],
)
def test_an_action_that_does_not_exist(service: str, body: bytes, message: str) -> None:
    request = Request("POST", "/", "", signed(service, **FORM), body)
    with pytest.raises(UnknownOperationException) as refused:
        ROUTER.match(request)
    response = ROUTER.serialize_error(request, refused.value, "the-id")
    code = f"<Code>InvalidAction</Code><Message>{message}</Message>".encode()
    assert response.status == 400
    assert code in response.body


@pytest.mark.parametrize(
    ("headers", "query", "start"),
    [
        ({"x-amz-target": "A.B"}, "", b'{"__type":"UnknownOperationException"'),
        ({"smithy-protocol": "rpc-v2-cbor"}, "", b"\xa2f__typex\x19UnknownOperationException"),
        (signed("lambda"), "", b'{"message":'),
        (
            signed("s3"),
            "",
            b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>MethodNotAllowed',
        ),
        (signed("iam"), "", b'<?xml version="1.0" encoding="UTF-8"?>\n<ErrorResponse'),
        ({}, "Action=X", b'<?xml version="1.0" encoding="UTF-8"?>\n<ErrorResponse'),
        ({}, "", b'{"message":'),
    ],
)
def test_an_error_without_an_operation_has_the_form_that_the_sender_reads(
    headers: dict[str, str], query: str, start: bytes
) -> None:
    request = Request("POST", "/nowhere", query, headers)
    error = UnknownOperationException("nothing here")
    assert ROUTER.serialize_error(request, error, "id").body.startswith(start)


def test_a_form_is_bounded_because_it_is_read_before_the_caller_is_known() -> None:
    big = Request("POST", "/", "", dict(FORM), b"Action=ListUsers&x=" + b"x" * 5_000_000)
    with pytest.raises(RequestEntityTooLarge):
        ROUTER.match(big)
    many = Request("POST", "/", "", dict(FORM), b"Action=ListUsers" + b"&a" * 30_000)
    with pytest.raises(AwsError) as refused:
        ROUTER.match(many)
    assert refused.value.code == "MalformedInput"


def test_lambda_spells_the_message_as_each_shape_does() -> None:
    class ResourceNotFoundException(AwsError):
        code = "ResourceNotFoundException"
        status = 404

    class TooManyRequestsException(AwsError):
        code = "TooManyRequestsException"
        status = 429

    match = ROUTER.match(Request("GET", "/2015-03-31/functions/f", "", signed("lambda")))
    response = match.serialize_error(ResourceNotFoundException("gone", Type="User"), "id")
    assert dict(response.headers)["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert orjson.loads(response.body) == {"Message": "gone", "Type": "User"}
    error = TooManyRequestsException(
        "Rate Exceeded.", Reason="R", Type="User", retryAfterSeconds="1"
    )
    response = match.serialize_error(error, "id")
    assert dict(response.headers)["Retry-After"] == "1"
    assert orjson.loads(response.body) == {
        "message": "Rate Exceeded.",
        "Reason": "R",
        "Type": "User",
    }
    nothing = match.serialize_error(ResourceNotFoundException(None), "id")
    assert orjson.loads(nothing.body) == {"Message": None}


def test_a_query_compatible_service_names_the_old_code_too() -> None:
    class QueueDoesNotExist(AwsError):
        code = "QueueDoesNotExist"
        status = 400
        fault = "client"

    headers = {"x-amz-target": "AmazonSQS.GetQueueUrl"}
    match = ROUTER.match(Request("POST", "/", "", headers))
    response = match.serialize_error(QueueDoesNotExist("no such queue"), "id")
    expected = "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert dict(response.headers)["x-amzn-query-error"] == expected


def test_errors_of_a_head_request_have_no_body() -> None:
    match = ROUTER.match(Request("HEAD", "/b/k", "", signed("s3")))
    assert match.serialize_error(UnknownOperationException("x"), "id").body == b""


def test_a_member_that_the_model_lacks_is_our_bug() -> None:
    match = ROUTER.match(Request("GET", "/2015-03-31/functions/f", "", signed("lambda")))
    with pytest.raises(TypeError, match="has no member 'Oops'"):
        match.serialize({"Oops": 1}, "id")


def test_members_that_are_none_are_left_out() -> None:
    match = ROUTER.match(Request("GET", "/2015-03-31/functions/f", "", signed("lambda")))
    response = match.serialize({"Configuration": {"FunctionName": "f", "Role": None}}, "id")
    assert orjson.loads(response.body) == {"Configuration": {"FunctionName": "f"}}


def test_an_answer_cannot_smuggle_a_header() -> None:
    match = ROUTER.match(Request("GET", "/b/k", "", signed("s3")))
    result = {"ContentDisposition": "x\r\nSet-Cookie: a=b", "Metadata": {"k": "v\n\x00w"}}
    headers = dict(match.serialize(result, "id").headers)
    assert headers["Content-Disposition"] == "x  Set-Cookie: a=b"
    assert headers["x-amz-meta-k"] == "v  w"


def test_the_models_are_read_when_they_are_needed() -> None:
    catalog = ServiceCatalog()
    router = Router(catalog, SERVICES)
    assert catalog._services == {}
    router.match(Request("GET", "/2015-03-31/functions/f", "", signed("lambda")))
    assert list(catalog._services) == ["lambda"]
    router.preload(["logs", "lambda"])
    assert list(catalog._services) == ["lambda", "logs"]
