"""Event source mappings of SQS queues through boto3: whole answers and every state.
Semantics §4.1, §4.2; recorded where it says so there. Other refusals of an operation are in its own
file."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from support.lambda_client import (
    ACCOUNT,
    GONE,
    REVISION,
    arn_of,
    body_of,
    fresh_name,
    invalid,
    lambda_of,
    make,
    not_found,
    refused,
    status_of,
)
from support.queue_mappings import (
    READER,
    await_gone,
    make_queue,
    make_reader,
    mapping_arn,
    mapping_of,
    rested,
)
from support.server import LambdadServer


@pytest.fixture
def reader(server: LambdadServer) -> str:
    return make_reader(server)


def test_the_life_of_a_mapping(server: LambdadServer, client: Any, reader: str) -> None:
    _, queue = make_queue(server)
    name = make(client, Role=reader)
    created = client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    mapping_id = created["UUID"]
    assert status_of(created) == 202
    assert body_of(created) == mapping_of(created, name, queue, State="Creating")
    assert created["UUID"] == REVISION
    assert rested(client, mapping_id) == mapping_of(created, name, queue)

    disabled = client.update_event_source_mapping(UUID=mapping_id, Enabled=False)
    assert status_of(disabled) == 202
    assert body_of(disabled) == mapping_of(created, name, queue, State="Disabling")
    assert rested(client, mapping_id) == mapping_of(created, name, queue, State="Disabled")

    updated = client.update_event_source_mapping(UUID=mapping_id, BatchSize=5)
    assert body_of(updated) == mapping_of(created, name, queue, State="Updating", BatchSize=5)
    assert rested(client, mapping_id)["State"] == "Disabled"

    enabled = client.update_event_source_mapping(UUID=mapping_id, Enabled=True)
    assert enabled["State"] == "Enabling"
    assert rested(client, mapping_id) == mapping_of(created, name, queue, BatchSize=5)

    deleted = client.delete_event_source_mapping(UUID=mapping_id)
    assert status_of(deleted) == 202
    assert body_of(deleted) == mapping_of(created, name, queue, State="Deleting", BatchSize=5)
    await_gone(client, mapping_id)
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
    assert body_of(created) == mapping_of(created, name, queue, State="Creating", **settings)
    assert rested(client, mapping_id) == mapping_of(
        created, name, queue, State="Disabled", **settings
    )
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
    assert body_of(cleared) == mapping_of(created, name, queue, State="Updating", BatchSize=1)


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
    assert body_of(updated) == mapping_of(created, second, queue, State="Updating")
    missing = {"UUID": created["UUID"], "FunctionName": fresh_name()}
    assert refused(client.update_event_source_mapping, **missing) == invalid(
        "Function does not exist"
    )


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


def test_mappings_survive_kill_9(fresh_server: LambdadServer) -> None:
    make_reader(fresh_server)
    client = lambda_of(fresh_server)
    _, queue = make_queue(fresh_server)
    name = make(client, Role=READER)
    made = client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    fresh_server.kill9()
    fresh_server.start()
    client = lambda_of(fresh_server)
    assert rested(client, made["UUID"]) == mapping_of(made, name, queue)


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
