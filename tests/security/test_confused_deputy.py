"""What the platform does for a function, it does with the rights of its role: no spelling of an ARN
makes it do what the role may not."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.events.target import Parcel, Undeliverable
from lambdad.events.targets.function import FunctionTarget
from support.lambda_client import ACCOUNT, lambda_of, make_code, refused
from support.server import LambdadServer

SECRET, OPEN = "secret", "open"
FAILS = "def handler(event, context):\n    raise ValueError(event)\n"


def arn_of(queue: str, partition: str = "aws") -> str:
    return f"arn:{partition}:sqs:us-east-1:{ACCOUNT}:{queue}"


@pytest.fixture(scope="module")
def role(server: LambdadServer) -> str:
    """May everything with queues, but nothing with one of them."""
    statements = [
        {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "sqs:*", "Resource": arn_of(SECRET)},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return server.execution_role("deputy", policy)


@pytest.fixture(scope="module")
def queues(server: LambdadServer) -> Any:
    sqs = server.client("sqs")
    for name in (SECRET, OPEN):
        sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "60"})
    return sqs


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_a_mapping_reads_no_queue_that_the_role_may_not(
    server: LambdadServer, queues: Any, role: str, partition: str
) -> None:
    client = lambda_of(server)
    name = make_code(client, FAILS, Role=role)
    refusal = refused(
        client.create_event_source_mapping,
        FunctionName=name,
        EventSourceArn=arn_of(SECRET, partition),
    )
    assert refusal["Error"]["Code"] == "InvalidParameterValueException"
    made = client.create_event_source_mapping(FunctionName=name, EventSourceArn=arn_of(OPEN))
    client.delete_event_source_mapping(UUID=made["UUID"])


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_an_outcome_reaches_no_queue_that_the_role_may_not(
    server: LambdadServer, queues: Any, role: str, partition: str
) -> None:
    """Destination and dead letter travel in one transaction: the one that may come tells when."""
    client = lambda_of(server)
    name = make_code(client, FAILS, Role=role, DeadLetterConfig={"TargetArn": arn_of(OPEN)})
    client.put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": arn_of(SECRET, partition)}},
    )
    client.invoke(FunctionName=name, InvocationType="Event", Payload=b'"letter"')
    open_url = queues.get_queue_url(QueueName=OPEN)["QueueUrl"]
    received = queues.receive_message(QueueUrl=open_url, WaitTimeSeconds=20)["Messages"]
    assert [each["Body"] for each in received] == ['"letter"']
    queues.delete_message(QueueUrl=open_url, ReceiptHandle=received[0]["ReceiptHandle"])
    secret_url = queues.get_queue_url(QueueName=SECRET)["QueueUrl"]
    assert "Messages" not in queues.receive_message(QueueUrl=secret_url)


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws-cn:lambda:us-east-1:{ACCOUNT}:function:f",
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:f",
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:f",
    ],
)
def test_a_function_has_one_spelling_as_a_destination(arn: str) -> None:
    """The role is asked about the ARN as it is written; nothing else may be meant by it."""

    class Found:
        def get(self, *_: object) -> object:
            raise AssertionError("a function was looked for")

    target = FunctionTarget(cast(Any, None), cast(Any, Found()), DEFAULT_LIMITS)
    with pytest.raises(Undeliverable):
        asyncio.run(target.deliver(arn, cast(Parcel, None)))
