"""botocore as the other end of the wire: its serialisers make requests, its parsers read answers.

A case is tried with many seeded draws; when one fails, hypothesis looks for the smallest that
does. `LAMBDAD_WIRE_EXAMPLES` sets how many draws each operation gets, `LAMBDAD_WIRE_SEED` where
they begin.
"""

from __future__ import annotations

import functools
import os
import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import botocore.session
from botocore.awsrequest import HeadersDict
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.utils import percent_encode_sequence
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdad.wire.http import Request, Response
from lambdad.wire.model import ServiceCatalog
from lambdad.wire.routing import Router
from support.wire_values import Medium

SERVICES = (
    "lambda", "s3", "sqs", "sns", "events", "scheduler", "dynamodb", "dynamodbstreams", "kinesis",
    "stepfunctions", "apigateway", "apigatewayv2", "logs", "cloudwatch", "xray", "iam", "sts",
    "kms", "secretsmanager", "ssm", "ecr", "cloudformation", "ec2",
)  # fmt: skip
EC2_OPERATIONS = (
    "DescribeSubnets", "DescribeSecurityGroups", "DescribeVpcs", "CreateNetworkInterface",
    "RunInstances", "DescribeInstances", "CreateTags", "DeleteNetworkInterface",
    "DescribeInstanceTypes", "GetConsoleOutput",
)  # fmt: skip
EXAMPLES = int(os.environ.get("LAMBDAD_WIRE_EXAMPLES", "20"))
SEED = int(os.environ.get("LAMBDAD_WIRE_SEED", "20260131"))

REQUESTS = {
    "json": Medium(),
    "rest-json": Medium(),
    "smithy-rpc-v2-cbor": Medium(),
    "rest-xml": Medium(empty_containers=False, timestamp_format="iso8601"),
    "query": Medium(empty_containers=False, empty_structures=False, timestamp_format="iso8601"),
    "ec2": Medium(empty_containers=False, empty_structures=False, timestamp_format="iso8601"),
}
# botocore leaves "Infinity" a string where it reads JSON.
ANSWERS = {
    **REQUESTS,
    "json": Medium(special_floats=False),
    "query": Medium(empty_containers=False, timestamp_format="iso8601"),
    "ec2": Medium(empty_containers=False, timestamp_format="iso8601"),
}


@functools.cache
def router() -> Router:
    """One router over every service, as a server would have it."""
    return Router(ServiceCatalog(), SERVICES)


@functools.cache
def service_model(name: str) -> ServiceModel:
    """botocore's own model, the oracle's side."""
    session = botocore.session.get_session()
    return ServiceModel(session.get_component("data_loader").load_service_model(name, "service-2"))


def protocols(service: str) -> list[str]:
    """Every protocol that a model lists."""
    metadata = service_model(service).metadata
    return list(metadata.get("protocols") or [metadata["protocol"]])


def operations(service: str) -> Iterator[OperationModel]:
    """Every operation; of ec2 a few, for its protocol."""
    model = service_model(service)
    for name in EC2_OPERATIONS if service == "ec2" else model.operation_names:
        yield model.operation_model(name)


def request(operation: OperationModel, protocol: str, params: dict[str, Any]) -> Request:
    """The request that botocore would send."""
    serializer = create_serializer(protocol, include_validation=False)
    made = serializer.serialize_to_request(params, operation)
    path, _, query = made["url_path"].partition("?")
    if made["query_string"]:
        more = percent_encode_sequence(made["query_string"])
        query = f"{query}&{more}" if query else more
    body = made["body"]
    if isinstance(body, dict):
        body = urlencode(list(body.items()), doseq=True).encode()
    headers = {name.lower(): str(text) for name, text in made["headers"].items()}
    headers["authorization"] = (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/us-east-1/"
        f"{operation.service_model.signing_name}/aws4_request, SignedHeaders=host, Signature=0"
    )
    return Request(made["method"], path, query, headers, body)


def read_answer(response: Response, protocol: str, shape: Any) -> Any:
    """What botocore makes of an answer, without the metadata."""
    body = response.body
    if shape is not None and "payload" in shape.serialization:
        payload = shape.members[shape.serialization["payload"]]
        if payload.type_name == "blob":
            body = bytearray(body)  # botocore decodes bytes, but passes a stream through
    answer = {
        "status_code": response.status,
        "headers": HeadersDict(response.headers),
        "body": body,
        "context": {},
    }
    parsed = create_parser(protocol).parse(answer, shape)
    if isinstance(parsed, dict):
        parsed.pop("ResponseMetadata", None)
    return parsed


def explore(name: str, case: Callable[[random.Random], None], examples: int = EXAMPLES) -> None:
    """Try a case with seeded draws. Shows the smallest failing draw that hypothesis finds."""
    for number in range(examples):
        seed = f"{SEED}/{name}/{number}"
        try:
            case(random.Random(seed))
        except Exception as error:
            error.add_note(f"{name}: LAMBDAD_WIRE_SEED={SEED}, example {number}")
            _shrink(case)
            raise


def _shrink(case: Callable[[random.Random], None]) -> None:
    """Raises what the smallest failing draw raises, if hypothesis comes across a failing one."""
    quiet = settings(
        max_examples=200,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    quiet(given(st.randoms(use_true_random=False))(lambda draw: case(draw)))()
