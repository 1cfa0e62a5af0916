"""DeleteMessage and ChangeMessageVisibility."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.server import LambdadServer


def create(server: LambdadServer, name: str, **attributes: str) -> str:
    url: str = server.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def received(server: LambdadServer, url: str, body: str = "x", **options: Any) -> str:
    """The handle of a message, sent and received."""
    sqs = server.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody=body)
    handle: str = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, **options)["Messages"][0][
        "ReceiptHandle"
    ]
    return handle


def refusal(call: Any, /, **params: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as error:
        call(**params)
    response: Any = error.value.response
    found = response["Error"]
    return found["Code"], found["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_deleting_twice_is_no_error(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "twice")
    handle = received(server, url)
    for _ in range(2):
        answer = sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
        assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
        assert answer == {}
    gone = refusal(
        sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=1
    )
    assert gone == (
        "InvalidParameterValue",
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or "
        "is not available for visibility timeout change.",
        400,
    )


def test_a_message_that_is_visible_again_stays_so(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "visible")
    handle = received(server, url)
    for seconds in (0, 60):
        answer = sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds
        )
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "x"


@pytest.mark.parametrize("handle", ["garbage", "AQEB" + "A" * 40, "x" * 5000, "ä"])
def test_handles_that_are_none(server: LambdadServer, handle: str) -> None:
    sqs, url = server.client("sqs"), create(server, "none")
    expected = (
        "ReceiptHandleIsInvalid",
        f'The input receipt handle "{handle}" is not a valid receipt handle.',
        404,
    )
    assert refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle) == expected
    assert (
        refusal(
            sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=1
        )
        == expected
    )


def test_a_handle_opens_no_other_queue(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "owner")
    handle, other = received(server, url), create(server, "stranger")
    expected = (
        "ReceiptHandleIsInvalid",
        f'The receipt handle "{handle}" is not valid for this queue.',
        404,
    )
    call = {"QueueUrl": other, "ReceiptHandle": handle}
    assert refusal(sqs.delete_message, **call) == expected
    assert refusal(sqs.change_message_visibility, **call, VisibilityTimeout=0) == expected
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_what_must_be_said(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "said")
    missing = refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle="")
    assert missing == (
        "MissingParameter",
        "The request must contain the parameter ReceiptHandle.",
        400,
    )
    handle = received(server, url)
    for seconds in (-1, 43_201):
        wrong = refusal(
            sqs.change_message_visibility,
            QueueUrl=url,
            ReceiptHandle=handle,
            VisibilityTimeout=seconds,
        )
        assert wrong == (
            "InvalidParameterValue",
            f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and "
            "<= 43200, if provided.",
            400,
        )


def test_twelve_hours_are_counted_from_the_receive(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "hours")
    handle = received(server, url, VisibilityTimeout=30)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43_000)
    again = received(server, url, "y", VisibilityTimeout=43_200)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=again, VisibilityTimeout=0)


def test_a_changed_visibility_brings_the_message_back(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "back")
    handle = received(server, url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=1)
    (message,) = sqs.receive_message(
        QueueUrl=url, WaitTimeSeconds=10, AttributeNames=["ApproximateReceiveCount"]
    )["Messages"]
    assert message["Attributes"] == {"ApproximateReceiveCount": "2"}
    assert message["ReceiptHandle"] != handle
