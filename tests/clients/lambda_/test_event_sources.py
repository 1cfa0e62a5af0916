"""Event source mappings of SQS queues through boto3: whole answers, every state, every refusal.
Semantics §4.1, §4.2; recorded where it says so there."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest

from support.lambda_client import (
    ACCOUNT,
    REVISION,
    ROLE,
    arn_of,
    body_of,
    conflict,
    fresh_name,
    invalid,
    lambda_of,
    make,
    make_code,
    not_found,
    refused,
    status_of,
    user_error,
)
from support.server import LambdadServer

QUEUE_RIGHTS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sqs:*"], "Resource": "*"}],
    }
)
UUID = REVISION
GONE = "The resource you requested does not exist."


class AnyTime:
    """Equal to any moment."""

    def __eq__(self, other: object) -> bool:
        return hasattr(other, "isoformat")

    __hash__ = None  # type: ignore[assignment]


@pytest.fixture
def client(server: LambdadServer) -> Any:
    server.execution_role("reader", QUEUE_RIGHTS)
    return lambda_of(server)


@pytest.fixture
def reader() -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/reader"


def make_queue(server: LambdadServer, suffix: str = "", **attributes: str) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    name = f"q-{uuid.uuid4().hex[:12]}{suffix}"
    given = {"FifoQueue": "true", **attributes} if suffix else attributes
    url = server.client("sqs").create_queue(QueueName=name, Attributes=given)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def mapping_arn(mapping_id: str) -> str:
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:event-source-mapping:{mapping_id}"


def shown(answer: dict[str, Any], function: str, queue: str, **changes: Any) -> dict[str, Any]:
    """The mapping as AWS shows it (recorded)."""
    members = {
        "UUID": answer["UUID"],
        "EventSourceMappingArn": mapping_arn(answer["UUID"]),
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "EventSourceArn": queue,
        "FunctionArn": arn_of(function),
        "FunctionResponseTypes": [],
        "LastModified": AnyTime(),
        "State": "Enabled",
        "StateTransitionReason": "USER_INITIATED",
    }
    return members | changes


def rested(client: Any, mapping_id: str) -> dict[str, Any]:
    """The mapping once nothing is under way."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = body_of(client.get_event_source_mapping(UUID=mapping_id))
        if found["State"] in ("Enabled", "Disabled"):
            return found
        time.sleep(0.01)
    raise AssertionError(f"{mapping_id} does not come to rest")


def gone(client: Any, mapping_id: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            client.get_event_source_mapping(UUID=mapping_id)
        except client.exceptions.ResourceNotFoundException:
            return
        time.sleep(0.01)
    raise AssertionError(f"{mapping_id} does not go away")


def test_the_life_of_a_mapping(server: LambdadServer, client: Any, reader: str) -> None:
    _, queue = make_queue(server)
    name = make(client, Role=reader)
    created = client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    mapping_id = created["UUID"]
    assert status_of(created) == 202
    assert body_of(created) == shown(created, name, queue, State="Creating")
    assert created["UUID"] == UUID
    assert rested(client, mapping_id) == shown(created, name, queue)

    disabled = client.update_event_source_mapping(UUID=mapping_id, Enabled=False)
    assert status_of(disabled) == 202
    assert body_of(disabled) == shown(created, name, queue, State="Disabling")
    assert rested(client, mapping_id) == shown(created, name, queue, State="Disabled")

    updated = client.update_event_source_mapping(UUID=mapping_id, BatchSize=5)
    assert body_of(updated) == shown(created, name, queue, State="Updating", BatchSize=5)
    assert rested(client, mapping_id)["State"] == "Disabled"

    enabled = client.update_event_source_mapping(UUID=mapping_id, Enabled=True)
    assert enabled["State"] == "Enabling"
    assert rested(client, mapping_id) == shown(created, name, queue, BatchSize=5)

    deleted = client.delete_event_source_mapping(UUID=mapping_id)
    assert status_of(deleted) == 202
    assert body_of(deleted) == shown(created, name, queue, State="Deleting", BatchSize=5)
    gone(client, mapping_id)
    for call in (
        client.get_event_source_mapping,
        client.update_event_source_mapping,
        client.delete_event_source_mapping,
    ):
        assert refused(call, UUID=mapping_id) == not_found(GONE)


def test_every_setting(server: LambdadServer, client: Any, reader: str) -> None:
    _, queue = make_queue(server)
    name = make(client, Role=reader)
    settings: dict[str, Any] = {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 5,
        "FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 7},
        "MetricsConfig": {"Metrics": ["EventCount"]},
        "KMSKeyArn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1",
    }
    created = client.create_event_source_mapping(
        FunctionName=name, EventSourceArn=queue, Enabled=False, Tags={"team": "a"}, **settings
    )
    mapping_id = created["UUID"]
    assert body_of(created) == shown(created, name, queue, State="Creating", **settings)
    assert rested(client, mapping_id) == shown(created, name, queue, State="Disabled", **settings)
    arn = mapping_arn(mapping_id)
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "a"}
    client.tag_resource(Resource=arn, Tags={"stage": "b"})
    client.untag_resource(Resource=arn, TagKeys=["team"])
    assert client.list_tags(Resource=arn)["Tags"] == {"stage": "b"}
    cleared = client.update_event_source_mapping(
        UUID=mapping_id,
        FilterCriteria={},
        ScalingConfig={},
        MetricsConfig={"Metrics": []},
        KMSKeyArn="",
        FunctionResponseTypes=[],
        BatchSize=1,
        MaximumBatchingWindowInSeconds=0,
    )
    assert body_of(cleared) == shown(created, name, queue, State="Updating", BatchSize=1)


def test_the_function_is_shown_as_it_was_named(
    server: LambdadServer, client: Any, reader: str
) -> None:
    name = make(client, Role=reader, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    for given, qualifier in (
        (name, None),
        (f"{name}:$LATEST", "$LATEST"),
        (f"{ACCOUNT}:function:{name}:1", "1"),
        (arn_of(name, "live"), "live"),
    ):
        _, queue = make_queue(server)
        created = client.create_event_source_mapping(FunctionName=given, EventSourceArn=queue)
        assert created["FunctionArn"] == arn_of(name, qualifier)
        client.delete_event_source_mapping(UUID=created["UUID"])


def test_another_function(server: LambdadServer, client: Any, reader: str) -> None:
    _, queue = make_queue(server)
    first, second = make(client, Role=reader), make(client, Role=reader)
    created = client.create_event_source_mapping(FunctionName=first, EventSourceArn=queue)
    updated = client.update_event_source_mapping(UUID=created["UUID"], FunctionName=second)
    assert body_of(updated) == shown(created, second, queue, State="Updating")
    missing = {"UUID": created["UUID"], "FunctionName": fresh_name()}
    assert refused(client.update_event_source_mapping, **missing) == invalid(
        "Function does not exist"
    )


def test_one_mapping_for_a_queue_and_a_function(
    server: LambdadServer, client: Any, reader: str
) -> None:
    _, queue = make_queue(server)
    name, other = make(client, Role=reader), make(client, Role=reader)
    first = client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    second = client.create_event_source_mapping(FunctionName=other, EventSourceArn=queue)
    text = (
        f'An event source mapping with SQS arn (" {queue} ") and function (" {name} ") already '
        f"exists. Please update or delete the existing mapping with UUID {first['UUID']}"
    )
    again = {"FunctionName": name, "EventSourceArn": queue}
    assert refused(client.create_event_source_mapping, **again) == conflict(text)
    change = {"UUID": second["UUID"], "FunctionName": name}
    assert refused(client.update_event_source_mapping, **change) == conflict(text)


def test_what_a_mapping_cannot_be(server: LambdadServer, client: Any, reader: str) -> None:
    _, queue = make_queue(server)
    _, fifo = make_queue(server, ".fifo")
    _, short = make_queue(server, VisibilityTimeout="2")
    name = make(client, Role=reader)
    missing = f"{queue}-missing"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"FunctionName": fresh_name()}, "Function does not exist"),
        ({"FunctionName": f"{name}:no-alias"}, "Function does not exist"),
        (
            {"EventSourceArn": missing},
            "Error occurred while ReceiveMessage. SQS Error Code: "
            "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue "
            "does not exist.",
        ),
        (
            {"EventSourceArn": short},
            "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds",
        ),
        (
            {"BatchSize": 11},
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10",
        ),
        (
            {"EventSourceArn": fifo, "MaximumBatchingWindowInSeconds": 1},
            "Batching window is not supported for FIFO queues, and their batches have at most 10 "
            "messages.",
        ),
        (
            {"StartingPosition": "LATEST"},
            f"Unsupported starting position for arn type: {queue}",
        ),
        (
            {"ParallelizationFactor": 2},
            "Unsupported ParallelizationFactor parameter for given event source mapping type.",
        ),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": queue}}},
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": '{"body": "x"}'}]}},
            "Invalid filter pattern definition.",
        ),
        (
            {"FilterCriteria": {"Filters": [{}]}},
            "Invalid filter pattern definition.",
        ),
    ]
    for changes, message in cases:
        params = {"FunctionName": name, "EventSourceArn": queue} | changes
        assert refused(client.create_event_source_mapping, **params) == invalid(message), changes


def test_the_execution_role_must_be_allowed_to_read(server: LambdadServer, client: Any) -> None:
    _, queue = make_queue(server)
    name = make(client, Role=ROLE)
    params = {"FunctionName": name, "EventSourceArn": queue}
    assert refused(client.create_event_source_mapping, **params) == invalid(
        "The provided execution role does not have permissions to call ReceiveMessage on SQS"
    )


def test_list(server: LambdadServer, client: Any, reader: str) -> None:
    name, other = make(client, Role=reader), make(client, Role=reader)
    queues = [make_queue(server)[1] for _ in range(3)]
    made = {
        client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)["UUID"]
        for queue in queues
    }
    alone = client.create_event_source_mapping(FunctionName=other, EventSourceArn=queues[0])["UUID"]

    def listed(**params: Any) -> list[str]:
        pages = client.get_paginator("list_event_source_mappings").paginate(**params)
        return [each["UUID"] for page in pages for each in page["EventSourceMappings"]]

    assert listed(FunctionName=name) == sorted(made)
    assert listed(FunctionName=name, PaginationConfig={"PageSize": 1}) == sorted(made)
    assert listed(FunctionName=name, EventSourceArn=queues[1])[0] in made
    assert set(listed(EventSourceArn=queues[0])) == {alone, *listed(
        FunctionName=name, EventSourceArn=queues[0]
    )}  # fmt: skip
    assert listed(FunctionName=fresh_name()) == []
    answer = body_of(client.list_event_source_mappings(FunctionName=other))
    assert answer == {"EventSourceMappings": [rested(client, alone)]}


def test_a_mapping_that_is_leaving_is_left_alone(
    server: LambdadServer, client: Any, reader: str
) -> None:
    """It leaves when what it runs has ended."""
    url, queue = make_queue(server)
    source = "import time\ndef handler(event, context):\n    time.sleep(2)\n"
    name = make_code(client, source, Role=reader)
    made = client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)["UUID"]
    sqs = server.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    deadline = time.monotonic() + 20
    wanted = ["ApproximateNumberOfMessagesNotVisible"]
    while time.monotonic() < deadline:
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
        if counts[wanted[0]] == "1":
            break
    client.delete_event_source_mapping(UUID=made)
    for verb, call in (
        ("delete", client.delete_event_source_mapping),
        ("update", client.update_event_source_mapping),
    ):
        assert refused(call, UUID=made) == user_error(
            "ResourceInUseException",
            400,
            f"Cannot {verb} the event source mapping because it is in use.",
            "Message",
        )
    gone(client, made)


def test_mappings_survive_kill_9(fresh_server: LambdadServer) -> None:
    fresh_server.execution_role("reader", QUEUE_RIGHTS)
    client = lambda_of(fresh_server)
    _, queue = make_queue(fresh_server)
    name = make(client, Role=f"arn:aws:iam::{ACCOUNT}:role/reader")
    made = client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    fresh_server.kill9()
    fresh_server.start()
    client = lambda_of(fresh_server)
    assert rested(client, made["UUID"]) == shown(made, name, queue)


def test_a_condition_on_the_function_holds_for_its_mappings(
    server: LambdadServer, client: Any, reader: str
) -> None:
    """Service Authorization Reference: lambda:FunctionArn. Who may only touch one function's
    mappings neither deletes another's nor takes one over."""
    own, other = make(client, Role=reader), make(client, Role=reader)
    mappings = {
        name: client.create_event_source_mapping(
            FunctionName=name, EventSourceArn=make_queue(server)[1]
        )["UUID"]
        for name in (own, other)
    }
    iam, user = server.client("iam"), f"u-{uuid.uuid4().hex[:12]}"
    iam.create_user(UserName=user)
    condition = {"StringEquals": {"lambda:FunctionArn": arn_of(own)}}
    statement = {
        "Effect": "Allow", "Action": "lambda:*EventSourceMapping", "Resource": "*",
        "Condition": condition,
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    limited = server.client(
        "lambda",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    limited.update_event_source_mapping(UUID=mappings[own], BatchSize=2)
    for call, params in (
        (limited.delete_event_source_mapping, {"UUID": mappings[other]}),
        (limited.get_event_source_mapping, {"UUID": mappings[other]}),
        (limited.update_event_source_mapping, {"UUID": mappings[other], "FunctionName": own}),
        (limited.update_event_source_mapping, {"UUID": mappings[own], "FunctionName": other}),
    ):
        assert refused(call, **params)["Error"]["Code"] == "AccessDeniedException", params
    limited.delete_event_source_mapping(UUID=mappings[own])
