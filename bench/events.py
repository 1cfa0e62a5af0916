"""From a queue to the handler: how long after a message was sent the function sees it.

Requests are signed beforehand; the clock starts when one is written to the socket and ends in the
first line of the handler, which writes its number and the time into its log. One machine, one
clock. A second figure is the same for an asynchronous invoke.
"""

from __future__ import annotations

import json
import time
from typing import Any

from bench.control import exchange, signed
from bench.load import Latency, connect, latency
from bench.servers import ROLE, Server, create_functions, lambdad, service_client

MESSAGES = 500
COLD = 20
"""Of them the first, which start environments, do not count."""
PAUSE_S = 0.01
HANDLER = """\
import time
def handler(event, context):
    now = time.time_ns()
    records = event["Records"] if "Records" in event else [event]
    for record in records:
        print("SEEN", record["body"], now)
"""
CONSUMER = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        "Resource": "*",
    },
}


def _send(server: Server, requests: list[bytes]) -> list[int]:
    """When each was written to the socket, ns."""
    sent = []
    with connect(server) as connection:
        for request in requests:
            sent.append(time.time_ns())
            exchange(connection, request)
            time.sleep(PAUSE_S)
    return sent


def _ages(server: Server, name: str, sent: list[int]) -> Latency:
    """From the socket to the function's log, once all is there."""
    logs = service_client("logs", server)
    deadline = time.monotonic() + 30
    seen: dict[int, int] = {}
    while len(seen) < len(sent):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(seen)} of {len(sent)} messages arrived")
        time.sleep(0.5)
        pages = logs.get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=f"/aws/lambda/{name}", filterPattern="SEEN"):
            for event in page["events"]:
                _, number, when = event["message"].split()
                seen.setdefault(int(number), int(when))
    warm = range(COLD, len(sent))
    return latency([(seen[number] - sent[number]) / 1e9 for number in warm])


def _queue_to_handler(server: Server, name: str) -> Latency:
    sqs = service_client("sqs", server)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    mapping: dict[str, Any] = server.client.create_event_source_mapping(
        FunctionName=name, EventSourceArn=attributes["QueueArn"], BatchSize=1
    )
    while mapping["State"] != "Enabled":
        time.sleep(0.1)
        mapping = server.client.get_event_source_mapping(UUID=mapping["UUID"])
    target = {
        "x-amz-target": "AmazonSQS.SendMessage",
        "content-type": "application/x-amz-json-1.0",
    }
    requests = [
        signed(
            server, "POST", "/", json.dumps({"QueueUrl": url, "MessageBody": str(number)}).encode(),
            service="sqs", headers=target,
        )
        for number in range(COLD + MESSAGES)
    ]  # fmt: skip
    return _ages(server, name, _send(server, requests))


def _event_to_handler(server: Server, name: str) -> Latency:
    path = f"/2015-03-31/functions/{name}/invocations"
    kind = {"x-amz-invocation-type": "Event"}
    requests = [
        signed(server, "POST", path, json.dumps({"body": number}).encode(), headers=kind)
        for number in range(COLD + MESSAGES)
    ]
    return _ages(server, name, _send(server, requests))


def main() -> None:
    """Print what SPECIFICATION.md quotes."""
    with lambdad() as server:
        iam = service_client("iam", server)
        iam.put_role_policy(RoleName=ROLE, PolicyName="queues", PolicyDocument=json.dumps(CONSUMER))
        create_functions(server, ["consumer", "events"], HANDLER)
        print(f"queue to handler   {_queue_to_handler(server, 'consumer')}", flush=True)
        print(f"event to handler   {_event_to_handler(server, 'events')}", flush=True)
