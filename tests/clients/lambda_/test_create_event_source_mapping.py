"""CreateEventSourceMapping. Semantics §4.1, §4.2; recorded where it says so there. The life of a
mapping is `test_event_sources.py`'s."""

from __future__ import annotations

from typing import Any

import pytest

from support.lambda_client import (
    ABROAD,
    ACCOUNT,
    ROLE,
    body_of,
    conflict,
    fresh_name,
    invalid,
    make,
    refused,
    status_of,
    unreachable,
)
from support.queue_mappings import make_queue, make_reader, mapping_arn, mapping_of, rested
from support.server import LambdadServer


@pytest.fixture
def name(server: LambdadServer, client: Any) -> str:
    return make(client, Role=make_reader(server))


def test_of_a_queue(server: LambdadServer, client: Any, name: str) -> None:
    _, queue = make_queue(server)
    made = client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    assert status_of(made) == 202
    assert body_of(made) == mapping_of(made, name, queue, State="Creating")
    assert rested(client, made["UUID"]) == mapping_of(made, name, queue)


def test_disabled_and_with_tags(server: LambdadServer, client: Any, name: str) -> None:
    _, queue = make_queue(server)
    filters = {"FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]}}
    made = client.create_event_source_mapping(
        FunctionName=name, EventSourceArn=queue, Enabled=False, Tags={"a": "b"}, **filters
    )
    assert body_of(made) == mapping_of(made, name, queue, State="Creating", **filters)
    expected = mapping_of(made, name, queue, State="Disabled", **filters)
    assert rested(client, made["UUID"]) == expected
    tags = client.list_tags(Resource=mapping_arn(made["UUID"]))
    assert body_of(tags) == {"Tags": {"a": "b"}}


def test_one_for_a_queue_and_a_function(server: LambdadServer, client: Any, name: str) -> None:
    _, queue = make_queue(server)
    params = {"FunctionName": name, "EventSourceArn": queue}
    made = client.create_event_source_mapping(**params)
    assert refused(client.create_event_source_mapping, **params) == conflict(
        f'An event source mapping with SQS arn (" {queue} ") and function (" {name} ") already '
        f"exists. Please update or delete the existing mapping with UUID {made['UUID']}"
    )


STREAM = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"
ERRORS: list[tuple[dict[str, Any], str]] = [
    ({"FunctionName": "nobody"}, "Function does not exist"),
    ({"EventSourceArn": None}, "Unrecognized event source."),
    (
        {"EventSourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:missing"},
        "Error occurred while ReceiveMessage. SQS Error Code: "
        "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not "
        "exist.",
    ),
    (
        {"BatchSize": 11},
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
        "than 10",
    ),
    (
        {"FilterCriteria": {"Filters": [{"Pattern": '{"body": "x"}'}]}},
        "Invalid filter pattern definition.",
    ),
    (
        {"EventSourceArn": STREAM},
        "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
        "constraint: Member must not be null.",
    ),
    ({"EventSourceArn": STREAM, "StartingPosition": "LATEST"}, f"Stream not found: {STREAM}"),
]


@pytest.mark.parametrize(("changes", "message"), ERRORS)
def test_refusals(
    server: LambdadServer, client: Any, name: str, changes: dict[str, Any], message: str
) -> None:
    params = {"FunctionName": name, "EventSourceArn": make_queue(server)[1]} | changes
    given = {key: value for key, value in params.items() if value is not None}
    assert refused(client.create_event_source_mapping, **given) == invalid(message)


def test_the_function_has_to_be_there_and_allowed(server: LambdadServer, client: Any) -> None:
    _, queue = make_queue(server)
    create = client.create_event_source_mapping
    assert refused(create, FunctionName=ABROAD, EventSourceArn=queue) == unreachable()
    error = refused(create, FunctionName=fresh_name(), EventSourceArn=queue)
    assert error == invalid("Function does not exist")
    error = refused(create, FunctionName=make(client, Role=ROLE), EventSourceArn=queue)
    assert error == invalid(
        "The provided execution role does not have permissions to call ReceiveMessage on SQS"
    )
