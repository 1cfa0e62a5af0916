"""Where asynchronous invocations end: destinations and dead letters, to queues and functions, whole
records (semantics §3, recorded); and loops that are stopped (semantics §2.5)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from support.lambda_client import (
    ACCOUNT,
    REVISION,
    arn_of,
    lambda_of,
    make_code,
    payload_of,
    refused,
)
from support.patience import wait_for
from support.server import REGION, LambdadServer

MOMENT = "2"
"""What every timestamp begins with."""


def rights(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Queue:
    def __init__(self, server: LambdadServer, **attributes: str) -> None:
        self._sqs = server.client("sqs")
        name = f"end-{uuid.uuid4().hex[:12]}"
        self.url = self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def take(self) -> dict[str, Any]:
        """The next message; it is taken away."""
        for _ in range(3):
            answer = self._sqs.receive_message(
                QueueUrl=self.url,
                WaitTimeSeconds=10,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            for message in answer.get("Messages", ()):
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                found: dict[str, Any] = message
                return found
        raise AssertionError("no message")

    def put(self, body: str) -> None:
        self._sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def is_empty(self) -> bool:
        return "Messages" not in self._sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=0)


@pytest.fixture
def client(server: LambdadServer) -> Any:
    server.execution_role("sender", rights("sqs:*", "lambda:InvokeFunction"))
    return lambda_of(server)


SENDER = f"arn:aws:iam::{ACCOUNT}:role/sender"
GOOD = "def handler(event, context):\n    return {'got': event}\n"
BAD = "def handler(event, context):\n    raise ValueError('no ' + event['a'])\n"


def made(client: Any, source: str, *, role: str = SENDER, **config: Any) -> str:
    """A function without retries, with these destinations."""
    name = make_code(client, source, Role=role)
    if config:
        client.put_function_event_invoke_config(
            FunctionName=name, MaximumRetryAttempts=0, DestinationConfig=config
        )
    return name


def sent(client: Any, name: str, event: dict[str, Any]) -> str:
    """The request id."""
    answer = client.invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode()
    )
    request_id: str = answer["ResponseMetadata"]["RequestId"]
    return request_id


def outcome(name: str, request_id: str, condition: str, **more: Any) -> dict[str, Any]:
    return {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": arn_of(name, "$LATEST"),
            "condition": condition,
            "approximateInvokeCount": 1,
        },
        **more,
    }


def test_success_goes_to_a_queue(server: LambdadServer, client: Any) -> None:
    queue = Queue(server)
    name = made(client, GOOD, OnSuccess={"Destination": queue.arn})
    request_id = sent(client, name, {"a": "ü"})
    message = queue.take()
    record = json.loads(message["Body"])
    assert record.pop("timestamp").startswith(MOMENT)
    assert record == outcome(
        name,
        request_id,
        "Success",
        requestPayload={"a": "ü"},
        responseContext={"statusCode": 200, "executedVersion": "$LATEST"},
        responsePayload={"got": {"a": "ü"}},
    )
    assert message["Attributes"]["AWSTraceHeader"].startswith("Root=1-")
    assert message["Attributes"]["SenderId"].endswith(f":{name}")


def test_failure_goes_to_its_destination_and_to_the_dead_letter_queue(
    server: LambdadServer, client: Any
) -> None:
    queue, dead = Queue(server), Queue(server)
    name = make_code(client, BAD, Role=SENDER, DeadLetterConfig={"TargetArn": dead.arn})
    client.put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue.arn}},
    )
    request_id = sent(client, name, {"a": "b"})
    record = json.loads(queue.take()["Body"])
    response = record.pop("responsePayload")
    assert response["errorMessage"] == "no b"
    assert record.pop("timestamp").startswith(MOMENT)
    assert record == outcome(
        name,
        request_id,
        "RetriesExhausted",
        requestPayload={"a": "b"},
        responseContext={
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
    )
    letter = dead.take()
    assert json.loads(letter["Body"]) == {"a": "b"}
    assert letter["MessageAttributes"] == {
        "RequestID": {"DataType": "String", "StringValue": request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "no b"},
    }


def test_a_function_that_is_switched_off_sends_its_events_on_at_once(
    server: LambdadServer, client: Any
) -> None:
    queue = Queue(server)
    name = made(client, GOOD, OnFailure={"Destination": queue.arn})
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    request_id = sent(client, name, {})
    record = json.loads(queue.take()["Body"])
    assert record.pop("timestamp").startswith(MOMENT)
    expected = outcome(name, request_id, "ZeroReservedConcurrency", requestPayload={})
    expected["requestContext"]["approximateInvokeCount"] = 0
    assert record == expected


def test_a_function_is_a_destination(server: LambdadServer, client: Any) -> None:
    queue = Queue(server)
    last = made(client, GOOD, OnSuccess={"Destination": queue.arn})
    first = made(client, GOOD, OnSuccess={"Destination": arn_of(last)})
    request_id = sent(client, first, {"a": 1})
    record = json.loads(queue.take()["Body"])
    inner = record["requestPayload"]
    assert record["requestContext"]["requestId"] == REVISION
    assert record["requestContext"]["functionArn"] == arn_of(last, "$LATEST")
    assert inner.pop("timestamp").startswith(MOMENT)
    assert inner == outcome(
        first,
        request_id,
        "Success",
        requestPayload={"a": 1},
        responseContext={"statusCode": 200, "executedVersion": "$LATEST"},
        responsePayload={"got": {"a": 1}},
    )


def test_a_role_that_may_not_send_loses_the_outcome_and_the_log_says_so(
    server: LambdadServer, client: Any
) -> None:
    queue, control = Queue(server), Queue(server)
    role = server.execution_role("mute")
    name = made(client, GOOD, role=role, OnSuccess={"Destination": queue.arn})
    sent(client, name, {})
    wait_for(lambda: f"outcome of {arn_of(name)} is lost: User:" in server.log_text())
    allowed = made(client, GOOD, OnSuccess={"Destination": control.arn})
    sent(client, allowed, {})
    control.take()
    assert queue.is_empty()


def test_outcomes_survive_kill_9(fresh_server: LambdadServer) -> None:
    """An event that was accepted leads to an outcome, however often the server dies."""
    fresh_server.execution_role("sender", rights("sqs:*"))
    client = lambda_of(fresh_server)
    queue = Queue(fresh_server)
    slow = "import time\ndef handler(event, context):\n    time.sleep(0.3)\n    return event\n"
    name = made(client, slow, OnSuccess={"Destination": queue.arn})
    ids = {sent(client, name, {"n": number}) for number in range(6)}
    fresh_server.kill9()
    fresh_server.start()
    queue._sqs = fresh_server.client("sqs")
    found = set()
    while found != ids:
        found.add(json.loads(queue.take()["Body"])["requestContext"]["requestId"])


# Loops.

CALL_SELF = """
import json, os
import boto3

def handler(event, context):
    count = event.get("count", 0) + 1
    client = boto3.client("lambda", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    try:
        answer = client.invoke(
            FunctionName=context.function_name, Payload=json.dumps({"count": count})
        )
    except client.exceptions.RecursiveInvocationException as error:
        return {"count": count, "refused": error.response["Error"]["Code"]}
    return json.loads(answer["Payload"].read())
"""
SEND_AGAIN = """
import json, os
import boto3

def handler(event, context):
    for record in event["Records"]:
        queue = boto3.client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
        queue.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=record["body"] + "x")
"""


def test_a_function_that_calls_itself_is_stopped_after_sixteen_runs(
    server: LambdadServer, client: Any
) -> None:
    name = make_code(client, CALL_SELF, Role=SENDER, Timeout=60)
    answer = payload_of(client.invoke(FunctionName=name, Payload=b"{}"))
    assert answer == {"count": 16, "refused": "RecursiveInvocationException"}


def test_a_function_may_be_allowed_to_call_itself(server: LambdadServer, client: Any) -> None:
    source = CALL_SELF.replace(
        "    client =", "    if count > 20: return {'count': count}\n    client ="
    )
    name = make_code(client, source, Role=SENDER, Timeout=60)
    client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    assert payload_of(client.invoke(FunctionName=name, Payload=b"{}")) == {"count": 21}


def test_a_loop_over_a_queue_ends_in_its_dead_letter_queue(
    server: LambdadServer, client: Any
) -> None:
    dead = Queue(server)
    redrive = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1})
    queue = Queue(server, VisibilityTimeout="10", RedrivePolicy=redrive)
    environment = {"Variables": {"QUEUE": queue.url}}
    name = make_code(client, SEND_AGAIN, Role=SENDER, Environment=environment, Timeout=10)
    client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue.arn)
    queue.put("x")
    message = dead.take()
    assert message["Body"] == "x" * 17
    assert f"Lambda stopped the invocation of {name}" in server.log_text()


def test_a_client_that_lies_about_its_lineage_is_refused_and_nothing_else(
    server: LambdadServer, client: Any
) -> None:
    """The header is the caller's own word: it can only stop the caller's own call."""
    name = made(client, GOOD)

    def lie(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = "Root=1-5759e988-bd862e3fe1be46a994272793;" + lineage

    liar = lambda_of(server)
    liar.meta.events.register("before-sign.lambda.Invoke", lie)
    lineage = "Lineage=" + "|".join(f"{number:08x}:99999" for number in range(40))
    assert payload_of(liar.invoke(FunctionName=name, Payload=b"{}")) == {"got": {}}
    trace = client.invoke(FunctionName=name)["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"]
    tag = trace.partition("Lineage=")[2].partition(":")[0]
    lineage = f"Lineage={tag}:16"
    refusal = refused(liar.invoke, FunctionName=name, Payload=b"{}")
    assert (refusal["Error"]["Code"], refusal["Status"]) == ("RecursiveInvocationException", 400)
    assert payload_of(client.invoke(FunctionName=name, Payload=b"{}")) == {"got": {}}
