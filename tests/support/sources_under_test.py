"""Event sources for the kit in tests/conformance/event_source: how to fill one, what is left in
it, and what its records look like. A new source is one more class in SOURCES."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any, ClassVar

from support.lambda_client import ACCOUNT, make_code
from support.patience import wait_for
from support.server import REGION, LambdadServer

HOLD_S = 3
"""How long a record that was not done stays away."""
_HANDLER = """
import json

def handler(event, context):
    print("EVENT " + json.dumps(event))
    {body}
"""


class Queue:
    """A standard queue of SQS."""

    suffix = ""
    ordered = False
    settings: ClassVar[dict[str, str]] = {}
    identifier = "messageId"

    def __init__(self, server: LambdadServer) -> None:
        self.server = server
        self._name = f"source-{uuid.uuid4().hex[:12]}{self.suffix}"
        attributes = {"VisibilityTimeout": str(HOLD_S), **self.settings}
        made = self._sqs.create_queue(QueueName=self._name, Attributes=attributes)
        self._url = made["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self._name}"
        self.rights = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]

    @property
    def _sqs(self) -> Any:
        return self.server.client("sqs")

    def put(self, *texts: str) -> None:
        for text in texts:
            self._sqs.send_message(QueueUrl=self._url, MessageBody=text, **self._grouped(text))

    def _grouped(self, text: str) -> dict[str, str]:
        return {}

    def left(self) -> int:
        """Records that are not done, whoever has them."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def text_of(self, record: dict[str, Any]) -> str:
        text: str = record["body"]
        return text

    def shape(self, record: dict[str, Any], text: str) -> dict[str, Any]:
        """What the record of `text` is, where it is not for the source to say (recorded)."""
        attributes = record["attributes"]
        return {
            "messageId": record["messageId"],
            "receiptHandle": record["receiptHandle"],
            "body": text,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": attributes["SentTimestamp"],
                "SenderId": attributes["SenderId"],
                "ApproximateFirstReceiveTimestamp": attributes["ApproximateFirstReceiveTimestamp"],
                **self._more_attributes(attributes),
            },
            "messageAttributes": {},
            "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
            "eventSource": "aws:sqs",
            "eventSourceARN": self.arn,
            "awsRegion": REGION,
        }

    def _more_attributes(self, attributes: dict[str, str]) -> dict[str, str]:
        return {}


class FifoQueue(Queue):
    """A FIFO queue: the group of a text is what comes before its first dash."""

    suffix = ".fifo"
    ordered = True
    settings: ClassVar[dict[str, str]] = {"FifoQueue": "true"}

    def _grouped(self, text: str) -> dict[str, str]:
        return {"MessageGroupId": text.split("-")[0], "MessageDeduplicationId": uuid.uuid4().hex}

    def _more_attributes(self, attributes: dict[str, str]) -> dict[str, str]:
        return {
            "SequenceNumber": attributes["SequenceNumber"],
            "MessageGroupId": "a",
            "MessageDeduplicationId": attributes["MessageDeduplicationId"],
        }


SOURCES: tuple[type[Queue], ...] = (Queue, FifoQueue)


class Consumer:
    """A function that says what it was sent, and its mapping."""

    def __init__(self, source: Queue, body: str = "return None", **mapping: Any) -> None:
        self.source = source
        self.server = source.server
        self.client = self.server.client("lambda")
        role = f"r-{uuid.uuid4().hex[:12]}"
        statement = {"Effect": "Allow", "Action": source.rights, "Resource": source.arn}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        role_arn = self.server.execution_role(role, json.dumps(policy))
        self.name = make_code(self.client, _HANDLER.format(body=body), Role=role_arn)
        made = self.client.create_event_source_mapping(
            FunctionName=self.name, EventSourceArn=source.arn, **mapping
        )
        self.mapping_id: str = made["UUID"]

    def change(self, **changes: Any) -> None:
        """Other settings, once they hold."""
        client = self.server.client("lambda")
        client.update_event_source_mapping(UUID=self.mapping_id, **changes)
        wait_for(
            lambda: (
                client.get_event_source_mapping(UUID=self.mapping_id)["State"]
                in ("Enabled", "Disabled")
            )
        )

    def batches(self) -> list[list[dict[str, Any]]]:
        """The records of every run so far, oldest first."""
        logs = self.server.client("logs")
        group = f"/aws/lambda/{self.name}"
        try:
            pages = list(
                logs.get_paginator("filter_log_events").paginate(
                    logGroupName=group, filterPattern="EVENT"
                )
            )
        except logs.exceptions.ResourceNotFoundException:
            return []
        lines = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(line.partition("EVENT ")[2])["Records"] for line in lines]

    def texts(self) -> list[str]:
        """What the records of all runs held, in the order of the runs."""
        return [self.source.text_of(each) for batch in self.batches() for each in batch]


def in_order(texts: Sequence[str]) -> bool:
    """Whether every group's first deliveries came in the order of their numbers (`group-n`)."""
    first = list(dict.fromkeys(texts))
    groups = {text.split("-")[0] for text in first}
    return all(
        [int(text.split("-")[1]) for text in first if text.startswith(f"{group}-")]
        == sorted(int(text.split("-")[1]) for text in first if text.startswith(f"{group}-"))
        for group in groups
    )
