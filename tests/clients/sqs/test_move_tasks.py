"""StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.server import LambdadServer

ARN = "arn:aws:sqs:us-east-1:000000000000:"


def refusal(call: Any, /, **params: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as error:
        call(**params)
    response: Any = error.value.response
    found = response["Error"]
    return found["Code"], found["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def dead_letters(server: LambdadServer, name: str, count: int) -> str:
    """A dead-letter queue `<name>-dlq` of the queue `name` with so many messages of it; its ARN."""
    sqs = server.client("sqs")
    sqs.create_queue(QueueName=f"{name}-dlq")
    policy = {"deadLetterTargetArn": f"{ARN}{name}-dlq", "maxReceiveCount": 1}
    sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": json.dumps(policy)})
    for number in range(count):
        sqs.send_message(QueueUrl=name, MessageBody=str(number))
    for _ in range(2 * count):
        sqs.receive_message(QueueUrl=name, VisibilityTimeout=0)
    return f"{ARN}{name}-dlq"


def bodies(server: LambdadServer, name: str, count: int) -> list[str]:
    sqs, found = server.client("sqs"), list[str]()
    while len(found) < count:
        answer = sqs.receive_message(QueueUrl=name, MaxNumberOfMessages=10, WaitTimeSeconds=10)
        found += [message["Body"] for message in answer["Messages"]]
    return sorted(found)


def test_messages_go_back_to_where_they_came_from(server: LambdadServer) -> None:
    sqs, source = server.client("sqs"), dead_letters(server, "home", 3)
    answer = sqs.start_message_move_task(SourceArn=source)
    assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    handle = json.loads(base64.b64decode(answer.pop("TaskHandle")))
    assert (answer, handle["sourceArn"]) == ({}, source)
    assert bodies(server, "home", 3) == ["0", "1", "2"]
    listed = sqs.list_message_move_tasks(SourceArn=source)
    (task,) = listed["Results"]
    assert isinstance(task.pop("StartedTimestamp"), int)
    assert task == {
        "Status": "COMPLETED",
        "SourceArn": source,
        "ApproximateNumberOfMessagesMoved": 3,
        "ApproximateNumberOfMessagesToMove": 3,
    }


def test_a_running_task_is_listed_and_cancelled(server: LambdadServer) -> None:
    sqs, source = server.client("sqs"), dead_letters(server, "slow", 5)
    sqs.create_queue(QueueName="elsewhere")
    handle = sqs.start_message_move_task(
        SourceArn=source, DestinationArn=f"{ARN}elsewhere", MaxNumberOfMessagesPerSecond=1
    )["TaskHandle"]
    assert refusal(sqs.start_message_move_task, SourceArn=source) == (
        "InvalidParameterValue",
        "There is already a task running. Only one active task is allowed for a source queue arn "
        "at a given time.",
        400,
    )
    assert len(bodies(server, "elsewhere", 1)) == 1
    (task,) = sqs.list_message_move_tasks(SourceArn=source)["Results"]
    moved = task.pop("ApproximateNumberOfMessagesMoved")
    assert 1 <= moved < 5
    del task["StartedTimestamp"]
    assert task == {
        "TaskHandle": handle,
        "Status": "RUNNING",
        "SourceArn": source,
        "DestinationArn": f"{ARN}elsewhere",
        "MaxNumberOfMessagesPerSecond": 1,
        "ApproximateNumberOfMessagesToMove": 5,
    }
    cancelled = sqs.cancel_message_move_task(TaskHandle=handle)
    assert moved <= cancelled["ApproximateNumberOfMessagesMoved"] < 5
    (task,) = sqs.list_message_move_tasks(SourceArn=source)["Results"]
    assert (task["Status"], "TaskHandle" in task) == ("CANCELLED", False)
    code, _, _ = refusal(sqs.cancel_message_move_task, TaskHandle=handle)
    assert code == "InvalidParameterValue"


def task_handle(**members: str) -> str:
    return base64.b64encode(json.dumps(members).encode()).decode()


@pytest.mark.parametrize(
    ("handle", "code", "message", "status"),
    [
        ("garbage", "InvalidParameterValue", "Value for parameter TaskHandle is invalid.", 400),
        (
            base64.b64encode(b"[]").decode(),
            "InvalidParameterValue",
            "Value for parameter TaskHandle is invalid.",
            400,
        ),
        (
            task_handle(taskId="a", sourceArn=f"{ARN}absent"),
            "ResourceNotFoundException",
            "The resource that you specified for the SourceArn parameter doesn't exist.",
            404,
        ),
        (
            task_handle(taskId="a", sourceArn=f"{ARN}present"),
            "ResourceNotFoundException",
            "Task does not exist.",
            404,
        ),
        ("", "MissingParameter", "The request must contain the parameter TaskHandle.", 400),
    ],
)
def test_handles_that_are_none(
    server: LambdadServer, handle: str, code: str, message: str, status: int
) -> None:
    sqs = server.client("sqs")
    sqs.create_queue(QueueName="present")
    assert refusal(sqs.cancel_message_move_task, TaskHandle=handle) == (code, message, status)


def test_tasks_that_cannot_start(server: LambdadServer) -> None:
    sqs, source = server.client("sqs"), dead_letters(server, "stuck", 0)
    sqs.create_queue(QueueName="ordinary")
    sqs.create_queue(QueueName="ordered.fifo", Attributes={"FifoQueue": "true"})
    start = sqs.start_message_move_task
    for params, expected in (
        (
            {"SourceArn": f"{ARN}ordinary"},
            (
                "InvalidParameterValue",
                "Source queue must be configured as a Dead Letter Queue.",
                400,
            ),
        ),
        (
            {"SourceArn": f"{ARN}absent"},
            (
                "ResourceNotFoundException",
                "The resource that you specified for the SourceArn parameter doesn't exist.",
                404,
            ),
        ),
        (
            {"SourceArn": source, "DestinationArn": f"{ARN}absent"},
            (
                "ResourceNotFoundException",
                "The resource that you specified for the DestinationArn parameter doesn't exist.",
                404,
            ),
        ),
        (
            {"SourceArn": ""},
            ("MissingParameter", "The request must contain the parameter SourceArn.", 400),
        ),
    ):
        assert refusal(start, **params) == expected
    for params in (
        {"DestinationArn": source},
        {"DestinationArn": f"{ARN}ordered.fifo"},
        {"MaxNumberOfMessagesPerSecond": 501},
        {"MaxNumberOfMessagesPerSecond": 0},
    ):
        code, _, _ = refusal(start, SourceArn=source, **params)
        assert code == "InvalidParameterValue"
    answer = sqs.list_message_move_tasks(SourceArn=source)
    assert "Results" not in answer
    code, message, _ = refusal(sqs.list_message_move_tasks, SourceArn=source, MaxResults=11)
    assert (code, message) == (
        "InvalidParameterValue",
        "Value 11 for parameter MaxResults is invalid. Reason: MaxResults must be an integer "
        "between 1 and 10.",
    )
