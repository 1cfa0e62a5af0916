"""Every answer that we write is read by botocore as it was meant, errors included."""

from __future__ import annotations

import random
from typing import Any

import pytest
from botocore.handlers import parse_get_bucket_location

from lambdad.core.errors import AwsError
from lambdad.wire.served import PROTOCOLS, ServedService
from support import wire_oracle as oracle
from support.wire_values import structure

REQUEST_ID = "d290f1ee-6c54-4b01-90e6-d701748f0851"

# Answers that botocore cannot read as its own model says.
UNREADABLE = {
    ("s3", "GetBucketNotification"): "a member and the items of a list are both called Event; the "
    "operation is superseded, and its requests go to GetBucketNotificationConfiguration",
}


class Sender(AwsError):
    """An error made up by the test; `code` is set on instances."""

    status = 400
    fault = "client"


def compiled(service: str, protocol: str, operation: str) -> Any:
    found = served(service).operation(protocol, operation)
    assert found is not None
    return found


def served(service: str) -> ServedService:
    oracle.router().preload([service])
    return oracle.router()._services[service]


@pytest.mark.parametrize("service", oracle.SERVICES)
def test_answers_are_read_as_they_were_meant(service: str) -> None:
    for protocol in oracle.protocols(service):
        for operation in oracle.operations(service):
            streamed = operation.has_event_stream_output  # test_streams
            if not streamed and (service, operation.name) not in UNREADABLE:
                check_answer(service, protocol, operation)


def check_answer(service: str, protocol: str, operation: Any) -> None:
    writer = compiled(service, protocol, operation.name)
    shape = operation.output_shape

    def case(draw: random.Random) -> None:
        result = structure(shape, draw, oracle.ANSWERS[protocol]) if shape else {}
        response = writer.serialize(result, REQUEST_ID)
        names = {name.lower(): text for name, text in response.headers}
        assert REQUEST_ID in (names.get("x-amzn-requestid"), names.get("x-amz-request-id"))
        parsed = oracle.read_answer(response, protocol, shape)
        if operation.name == "GetBucketLocation":
            parsed = unwrapped_location(response)
        assert parsed == as_read(result, response, shape)

    oracle.explore(f"{service}.{operation.name} in {protocol}", case)


def unwrapped_location(response: Any) -> dict[str, Any]:
    """botocore reads this one answer with a handler, not with its parser."""

    class Sent:
        raw = content = response.body

    parsed: dict[str, Any] = {}
    parse_get_bucket_location(parsed, Sent)
    return {name: text for name, text in parsed.items() if text}


def as_read(result: dict[str, Any], response: Any, shape: Any) -> dict[str, Any]:
    """What botocore adds: the status, the content type, maps of headers and empty payloads."""
    read = dict(result)
    for name, member in (shape.members if shape else {}).items():
        location = member.serialization.get("location")
        if location == "statusCode":
            read.setdefault(name, response.status)
        elif location == "headers":
            read.setdefault(name, {})
        elif location == "header" and member.serialization["name"] == "Content-Type":
            for header, text in response.headers:
                if header == "Content-Type":
                    read[name] = text
        elif name == shape.serialization.get("payload") and name not in read:
            empty = {"blob": b"", "string": ""}.get(member.type_name)
            read[name] = {} if empty is None else empty
    return read


@pytest.mark.parametrize("service", oracle.SERVICES)
def test_errors_are_read_as_they_were_meant(service: str) -> None:
    model = oracle.service_model(service)
    for protocol in oracle.protocols(service):
        for shape in model.error_shapes:
            check_error(service, protocol, shape)


def check_error(service: str, protocol: str, shape: Any) -> None:
    write = served(service).error_writer(protocol)
    operation = next(iter(oracle.operations(service)))
    codes = [shape.name]
    if shape.error_code not in oracle.service_model(service).shape_names:
        codes.append(shape.error_code)
    spelling = next((name for name in shape.members if name.lower() == "message"), None)

    def case(draw: random.Random) -> None:
        members = structure(shape, draw, oracle.ANSWERS[protocol])
        message = members.pop(spelling, None) if spelling else None
        error = Sender(message if isinstance(message, str) else "a <message>", **members)
        error.code = draw.choice(codes)
        response = write(error, REQUEST_ID)
        assert response.status == 400
        parsed = oracle.read_answer(response, protocol, operation.output_shape)
        expected_code = shape.error_code if protocol in ("query", "ec2") else shape.name
        found = parsed["Error"]
        assert found.get("QueryErrorCode", found["Code"]) == expected_code
        assert (found["Message"] or "") == error.message
        if model_is_query_compatible(service):
            assert found["Type"] == "Sender"
        modelled = oracle.read_answer(response, protocol, shape)
        if spelling is not None:
            modelled.pop(spelling, None)
        assert modelled == members

    oracle.explore(f"{service}.{shape.name} in {protocol}", case)


def model_is_query_compatible(service: str) -> bool:
    return "awsQueryCompatible" in oracle.service_model(service).metadata


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_unmodelled_errors_have_a_code_and_a_message(protocol: str) -> None:
    service = {
        "ec2": "ec2",
        "json": "logs",
        "query": "iam",
        "rest-json": "lambda",
        "rest-xml": "s3",
        "smithy-rpc-v2-cbor": "cloudwatch",
    }[protocol]
    error = Sender("why", Detail="x")
    error.code = "MadeUpForThisTest"
    response = served(service).error_writer(protocol)(error, REQUEST_ID)
    parsed = oracle.read_answer(response, protocol, None)
    found = parsed["Error"]
    assert found.get("QueryErrorCode", found["Code"]) == "MadeUpForThisTest"
    assert found["Message"] == "why"
