"""Durable functions behind what runs functions by itself: event source mappings, function URLs,
destinations; and the dead letters of those that failed asynchronously.

Lambda developer guide, "Event source mappings with durable functions", "Best practices for Lambda
durable functions".
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from support.answers import Matching
from support.durable_functions import await_status, begin, execution_arn, make_durable
from support.lambda_client import ACCOUNT, arn_of, lambda_of, make_code
from support.packages import zip_of
from support.server import REGION, LambdadServer
from support.url_client import allow_everyone, ask, path_form

RIGHTS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["sqs:*", "lambda:InvokeFunction"],
                "Resource": "*",
            }
        ],
    }
)
TELLING = '''
import json

def handler(event, context):
    """Fails where its input asks for it; else tells what it is."""
    root = event["InitialExecutionState"]["Operations"][0]
    given = root["ExecutionDetails"]["InputPayload"]
    if "please fail" in given:
        return {"Status": "FAILED", "Error": {"ErrorMessage": "as you wish", "ErrorType": "E"}}
    told = {"arn": event["DurableExecutionArn"], "given": json.loads(given)}
    return {"Status": "SUCCEEDED", "Result": json.dumps(told)}
'''


class Queue:
    def __init__(self, server: LambdadServer, **attributes: str) -> None:
        self._sqs = server.client("sqs")
        name = f"durable-{uuid.uuid4().hex[:12]}"
        self.url = self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def put(self, body: str) -> str:
        message_id: str = self._sqs.send_message(QueueUrl=self.url, MessageBody=body)["MessageId"]
        return message_id

    def take(self) -> dict[str, Any]:
        """The next message; it is taken away."""
        for _ in range(3):
            answer = self._sqs.receive_message(
                QueueUrl=self.url, WaitTimeSeconds=10, MessageAttributeNames=["All"]
            )
            for message in answer.get("Messages", ()):
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                found: dict[str, Any] = message
                return found
        raise AssertionError("no message")


def executions(server: LambdadServer, name: str, status: str) -> list[str]:
    answer = server.client("lambda").list_durable_executions_by_function(
        FunctionName=name, Statuses=[status]
    )
    return [each["DurableExecutionArn"] for each in answer["DurableExecutions"]]


@pytest.fixture(scope="module")
def dead(server: LambdadServer) -> Queue:
    return Queue(server)


@pytest.fixture(scope="module")
def name(server: LambdadServer, dead: Queue) -> str:
    name = make_durable(
        server,
        zip_of({"index.py": TELLING}),
        RIGHTS,
        Timeout=5,
        DeadLetterConfig={"TargetArn": dead.arn},
    )
    allow_everyone(lambda_of(server), name)
    return name


def test_a_mapping_waits_for_the_execution(server: LambdadServer, name: str) -> None:
    over = Queue(server)
    redrive = json.dumps({"deadLetterTargetArn": over.arn, "maxReceiveCount": "1"})
    queue = Queue(server, VisibilityTimeout="5", RedrivePolicy=redrive)
    client = server.client("lambda")
    mapping = client.create_event_source_mapping(
        FunctionName=f"{name}:$LATEST", EventSourceArn=queue.arn, BatchSize=1
    )
    good, bad = queue.put("hello"), queue.put("please fail")
    # A message that failed comes back after its visibility timeout, and is moved then.
    assert over.take()["MessageId"] == bad
    client.delete_event_source_mapping(UUID=mapping["UUID"])
    found = []
    for arn in executions(server, name, "SUCCEEDED"):
        result = json.loads(await_status(server, arn)["Result"])
        records = result["given"].get("Records", [])
        found += [(record["messageId"], record["body"]) for record in records]
    assert found == [(good, "hello")]
    counts = server.client("sqs").get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])[
        "Attributes"
    ]
    assert counts["ApproximateNumberOfMessages"] == "0"
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "0"


@pytest.mark.parametrize("mode", ["BUFFERED", "RESPONSE_STREAM"])
def test_a_function_url_answers_with_the_end(server: LambdadServer, name: str, mode: str) -> None:
    client = lambda_of(server)
    url = client.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode=mode)[
        "FunctionUrl"
    ]
    try:
        answer = ask(server, url, "/there", method="POST", body=b"hello")
        assert answer.status == 200
        assert answer.json["arn"] == Matching(execution_arn(name))
        assert answer.json["given"]["rawPath"] == "/there"
        refused = ask(server, path_form(server, url), "/please%20fail")
        assert (refused.status, refused.body) == (502, b"Internal Server Error")
    finally:
        client.delete_function_url_config(FunctionName=name)


def test_a_destination_begins_an_execution(server: LambdadServer, name: str, dead: Queue) -> None:
    client = lambda_of(server)
    role = server.execution_role("durable-sender", RIGHTS)
    sender = make_code(client, "def handler(event, context):\n    return event\n", Role=role)
    client.put_function_event_invoke_config(
        FunctionName=sender,
        DestinationConfig={"OnSuccess": {"Destination": arn_of(name, "$LATEST")}},
    )
    client.invoke(FunctionName=sender, InvocationType="Event", Payload=b'"please fail"')
    letter = dead.take()
    body = json.loads(letter["Body"])
    assert (body["requestContext"]["condition"], body["responsePayload"]) == (
        "Success",
        "please fail",
    )
    named = letter["MessageAttributes"]["RequestID"]["StringValue"]
    (arn,) = [each for each in executions(server, name, "FAILED") if f"/{named}/" in each]
    assert await_status(server, arn)["Error"]["ErrorMessage"] == "as you wish"


def test_a_failed_asynchronous_execution_is_a_dead_letter(
    server: LambdadServer, name: str, dead: Queue
) -> None:
    arn = begin(server, name, "please fail", DurableExecutionName="the-one")
    letter = dead.take()
    assert letter["Body"] == '"please fail"'
    assert letter["MessageAttributes"] == {
        "RequestID": {"DataType": "String", "StringValue": "the-one"},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "as you wish"},
    }
    assert await_status(server, arn)["Status"] == "FAILED"
