"""Queues as event sources through boto3: roles that may read them, and whole mappings."""

from __future__ import annotations

import json
import uuid
from typing import Any

from support.answers import RECENT
from support.lambda_client import ACCOUNT, arn_of, body_of
from support.patience import wait_for
from support.server import LambdadServer

QUEUE_RIGHTS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sqs:*"], "Resource": "*"}],
    }
)
READER = f"arn:aws:iam::{ACCOUNT}:role/reader"
"""There once `make_reader` made it."""


def make_reader(server: LambdadServer) -> str:
    """An execution role that may read every queue."""
    return server.execution_role("reader", QUEUE_RIGHTS)


def make_queue(server: LambdadServer, suffix: str = "", **attributes: str) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    name = f"q-{uuid.uuid4().hex[:12]}{suffix}"
    given = {"FifoQueue": "true", **attributes} if suffix else attributes
    url = server.client("sqs").create_queue(QueueName=name, Attributes=given)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def mapping_arn(mapping_id: str) -> str:
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:event-source-mapping:{mapping_id}"


def mapping_of(answer: dict[str, Any], function: str, queue: str, **changes: Any) -> dict[str, Any]:
    """The mapping as AWS shows it, with the UUID of an answer (semantics §4.1; recorded)."""
    members = {
        "UUID": answer["UUID"],
        "EventSourceMappingArn": mapping_arn(answer["UUID"]),
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "EventSourceArn": queue,
        "FunctionArn": arn_of(function),
        "FunctionResponseTypes": [],
        "LastModified": RECENT,
        "State": "Enabled",
        "StateTransitionReason": "USER_INITIATED",
    }
    return members | changes


def rested(client: Any, mapping_id: str) -> dict[str, Any]:
    """The mapping once nothing is under way."""
    return wait_for(
        lambda: body_of(client.get_event_source_mapping(UUID=mapping_id)),
        lambda found: found["State"] in ("Enabled", "Disabled"),
    )


def await_gone(client: Any, mapping_id: str) -> None:
    """Until the mapping is not there any more."""

    def gone() -> bool:
        try:
            client.get_event_source_mapping(UUID=mapping_id)
        except client.exceptions.ResourceNotFoundException:
            return True
        return False

    wait_for(gone)


def make_leaving(server: LambdadServer, client: Any, function: str) -> str:
    """A mapping that is being deleted and waits for what it runs; `function` sleeps."""
    url, queue = make_queue(server)
    made: str = client.create_event_source_mapping(FunctionName=function, EventSourceArn=queue)[
        "UUID"
    ]
    sqs = server.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    wanted = ["ApproximateNumberOfMessagesNotVisible"]
    wait_for(
        lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"],
        lambda counts: counts[wanted[0]] == "1",
    )
    client.delete_event_source_mapping(UUID=made)
    return made
