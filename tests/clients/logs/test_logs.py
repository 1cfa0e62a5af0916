"""CloudWatch Logs with boto3 and the AWS CLI against a live server."""

from __future__ import annotations

import json
import threading
import time
import uuid

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError

from support.server import LambdadServer


@pytest.fixture
def group(server: LambdadServer) -> str:
    name = f"/test/{uuid.uuid4()}"
    server.client("logs").create_log_group(logGroupName=name)
    return name


def put(client, group: str, stream: str, *messages: str) -> dict:
    now = time.time_ns() // 1_000_000
    return client.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[
            {"timestamp": now + number, "message": text} for number, text in enumerate(messages)
        ],
    )


def refused(call, **params) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Code"], error["Message"]


def test_groups_streams_and_events(server: LambdadServer, group: str) -> None:
    client = server.client("logs")
    client.create_log_stream(logGroupName=group, logStreamName="s")
    put(client, group, "s", "🙀 - 日本語", "two")
    page = client.get_log_events(logGroupName=group, logStreamName="s")
    assert [event["message"] for event in page["events"]] == ["🙀 - 日本語", "two"]
    (found,) = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found["storedBytes"] == len("🙀 - 日本語two".encode()) + 2 * 26
    client.put_retention_policy(logGroupName=group, retentionInDays=7)
    (found,) = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found["retentionInDays"] == 7
    client.delete_log_stream(logGroupName=group, logStreamName="s")
    assert client.describe_log_streams(logGroupName=group)["logStreams"] == []
    client.delete_log_group(logGroupName=group)
    assert client.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_paginators_walk_to_the_end(server: LambdadServer, group: str) -> None:
    client = server.client("logs")
    for number in range(60):
        client.create_log_stream(logGroupName=group, logStreamName=f"s{number:02}")
    pages = client.get_paginator("describe_log_streams").paginate(logGroupName=group)
    assert len(list(pages.search("logStreams[]"))) == 60
    put(client, group, "s00", *(f"line {number}" for number in range(250)))
    put(client, group, "s01", *(f"ERROR {number}" for number in range(250)))
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern="ERROR", PaginationConfig={"PageSize": 100}
    )
    found = [event["message"] for event in pages.search("events[]")]
    assert found == [f"ERROR {number}" for number in range(250)]


def test_errors_arrive_as_their_classes(server: LambdadServer, group: str) -> None:
    client = server.client("logs")
    with pytest.raises(client.exceptions.ResourceAlreadyExistsException):
        client.create_log_group(logGroupName=group)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_log_events(logGroupName=group, logStreamName="missing")
    client.create_log_stream(logGroupName=group, logStreamName="s")
    assert refused(client.get_log_events, logGroupName=group, logStreamName="s", limit=10001) == (
        "InvalidParameterException",
        "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: "
        "Member must have value less than or equal to 10000",
    )
    assert refused(client.describe_log_streams, logGroupName=group, logGroupIdentifier=group) == (
        "ValidationException",
        "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
    )


def test_tags(server: LambdadServer, group: str) -> None:
    client = server.client("logs")
    (found,) = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    client.tag_resource(resourceArn=found["logGroupArn"], tags={"a": "1", "b": "2"})
    client.untag_resource(resourceArn=found["logGroupArn"], tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=found["logGroupArn"])["tags"] == {"b": "2"}
    assert client.list_tags_log_group(logGroupName=group)["tags"] == {"b": "2"}


def test_following_as_the_aws_cli_2_does(server: LambdadServer, group: str) -> None:
    """The requests of `aws logs tail --follow`, which the CLI of the test environment lacks."""
    client = server.client("logs")
    client.create_log_stream(logGroupName=group, logStreamName="s")
    seen: set[str] = set()
    printed: list[str] = []
    params = {"logGroupName": group, "interleaved": True}
    for number in range(4):
        put(client, group, "s", f"{number} a", f"{number} b")
        while True:
            page = client.filter_log_events(**params)
            for event in page["events"]:
                if event["eventId"] not in seen:
                    seen.add(event["eventId"])
                    printed.append(event["message"])
                    params["startTime"] = event["timestamp"]
            if "nextToken" not in page:
                params.pop("nextToken", None)
                break
            params["nextToken"] = page["nextToken"]
    assert printed == [f"{number} {letter}" for number in range(4) for letter in "ab"]


def test_live_tail(server: LambdadServer, group: str) -> None:
    client = server.client("logs", config=botocore.config.Config(inject_host_prefix=False))
    client.create_log_stream(logGroupName=group, logStreamName="s")
    (found,) = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    stream = client.start_live_tail(
        logGroupIdentifiers=[found["logGroupArn"]], logEventFilterPattern="yes"
    )["responseStream"]
    events = iter(stream)
    start = next(events)["sessionStart"]
    assert start["logGroupIdentifiers"] == [found["logGroupArn"]]
    put(client, group, "s", "yes", "no")
    results: list[dict] = []
    while not results:
        results = next(events)["sessionUpdate"]["sessionResults"]
    stream.close()
    assert [(result["logStreamName"], result["message"]) for result in results] == [("s", "yes")]


def test_the_aws_cli(server: LambdadServer) -> None:
    name = f"cli-{uuid.uuid4()}"
    server.aws("logs", "create-log-group", "--log-group-name", name, "--tags", "team=a")
    server.aws("logs", "create-log-stream", "--log-group-name", name, "--log-stream-name", "s")
    event = {"timestamp": time.time_ns() // 1_000_000, "message": '{"level": "ERROR"}'}
    names = ("--log-group-name", name, "--log-stream-name", "s")
    server.aws("logs", "put-log-events", *names, "--log-events", json.dumps([event]))
    found = server.aws(
        "logs", "filter-log-events", "--log-group-name", name,
        "--filter-pattern", '{ $.level = "ERROR" }',
    )  # fmt: skip
    assert [each["message"] for each in found["events"]] == [event["message"]]
    done = server.aws("logs", "get-log-events", *names, "--limit", "10001", check=False)
    assert done.returncode != 0
    assert "InvalidParameterException" in done.stderr


def test_acknowledged_events_survive_kill_9(fresh_server: LambdadServer) -> None:
    """Several clients write while the server is killed: what was acknowledged is there again."""
    client = fresh_server.client("logs")
    client.create_log_group(logGroupName="g")
    acknowledged: list[str] = []

    def write(number: int) -> None:
        own = boto3.session.Session()
        key_id, secret = fresh_server.root_key
        writer = own.client(
            "logs",
            endpoint_url=fresh_server.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            config=botocore.config.Config(retries={"total_max_attempts": 1}),
        )
        writer.create_log_stream(logGroupName="g", logStreamName=f"s{number}")
        for step in range(100_000):
            try:
                put(writer, "g", f"s{number}", f"{number}-{step}")
            except Exception:  # the server is gone
                return
            acknowledged.append(f"{number}-{step}")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    while len(acknowledged) < 100 and any(writer.is_alive() for writer in writers):
        time.sleep(0.01)
    fresh_server.kill9()
    for writer in writers:
        writer.join()
    fresh_server.start()
    pages = fresh_server.client("logs").get_paginator("filter_log_events")
    found = {event["message"] for event in pages.paginate(logGroupName="g").search("events[]")}
    assert len(acknowledged) >= 100
    assert set(acknowledged) - found == set()
