"""Every request that botocore makes is routed to its operation and read as it was meant."""

from __future__ import annotations

import random

import pytest

from support import wire_oracle as oracle
from support.wire_values import structure

# Operations that share method and path with another and that AWS itself tells apart by the host,
# or not at all.
SAME_REQUEST = {
    ("s3", "ListDirectoryBuckets"): "ListBuckets",
    ("s3", "GetBucketLifecycle"): "GetBucketLifecycleConfiguration",
    ("s3", "GetBucketNotification"): "GetBucketNotificationConfiguration",
    ("s3", "PutBucketLifecycle"): "PutBucketLifecycleConfiguration",
    ("s3", "PutBucketNotification"): "PutBucketNotificationConfiguration",
}


@pytest.mark.parametrize("service", oracle.SERVICES)
def test_requests_are_read_as_they_were_meant(service: str) -> None:
    for protocol in oracle.protocols(service):
        for operation in oracle.operations(service):
            if (service, operation.name) not in SAME_REQUEST:
                check(service, protocol, operation)


def check(service: str, protocol: str, operation: object) -> None:
    def case(draw: random.Random) -> None:
        shape = operation.input_shape
        params = structure(shape, draw, oracle.REQUESTS[protocol]) if shape else {}
        request = oracle.request(operation, protocol, params)
        match = oracle.router().match(request)
        assert (match.service, match.operation) == (service, operation.name)
        assert match.protocol == protocol
        assert match.parse(request) == as_sent(params, shape, protocol)

    oracle.explore(f"{service}.{operation.name} in {protocol}", case)


def as_sent(params: dict[str, object], shape: object, protocol: str) -> dict[str, object]:
    """botocore sends a rest-json payload that is not given as `{}`, as if it had been empty."""
    payload = shape.serialization.get("payload") if shape and protocol == "rest-json" else None
    if payload is not None and shape.members[payload].type_name == "structure":
        return {payload: {}, **params}
    return params


@pytest.mark.parametrize(("service", "old"), SAME_REQUEST)
def test_requests_of_superseded_operations_go_to_their_successors(service: str, old: str) -> None:
    operation = oracle.service_model(service).operation_model(old)
    params = structure(operation.input_shape, random.Random(1), oracle.REQUESTS["rest-xml"])
    request = oracle.request(operation, "rest-xml", params)
    assert oracle.router().match(request).operation == SAME_REQUEST[service, old]
