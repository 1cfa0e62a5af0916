"""`lambdad queue` as a user runs it, against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from support.patience import PATIENCE_S
from support.server import LambdadServer

ARN = "arn:aws:sqs:us-east-1:000000000000:"


def text_of(server: LambdadServer, *words: str, code: int = 0) -> str:
    done = server.lambdad("queue", *words, check=False)
    assert done.returncode == code, done.stderr
    return str(done.stdout + done.stderr)


def test_queues_are_listed_with_what_is_in_them(server: LambdadServer) -> None:
    assert "sqs create-queue --queue-name NAME" in text_of(server, "list", "none-of-these")
    sqs = server.client("sqs")
    sqs.create_queue(QueueName="list-dlq")
    policy = {"deadLetterTargetArn": f"{ARN}list-dlq", "maxReceiveCount": 3}
    sqs.create_queue(QueueName="list", Attributes={"RedrivePolicy": json.dumps(policy)})
    for _ in range(2):
        sqs.send_message(QueueUrl="list", MessageBody="x")
    sqs.send_message(QueueUrl="list", MessageBody="x", DelaySeconds=900)
    sqs.receive_message(QueueUrl="list")
    rows = [line.split() for line in text_of(server, "list", "list").splitlines()]
    assert rows == [
        ["NAME", "VISIBLE", "IN", "FLIGHT", "DELAYED", "DEAD", "LETTERS", "TO"],
        ["list", "1", "1", "1", "list-dlq", "after", "3"],
        ["list-dlq", "0", "0", "0", "-"],
    ]
    listed = server.lambdad("queue", "list", "list-dlq", "--json")["Queues"]
    assert [queue["QueueName"] for queue in listed] == ["list-dlq"]
    assert listed[0]["QueueArn"] == f"{ARN}list-dlq"


def test_sending_and_peeking(server: LambdadServer, tmp_path: Path) -> None:
    sqs = server.client("sqs")
    sqs.create_queue(QueueName="peek")
    assert "peek is empty." in text_of(server, "peek", "peek")
    (tmp_path / "body").write_text("from a\nfile")
    sent = text_of(server, "send", "peek", "héllo", "--attribute", "a=b=c").strip()
    text_of(server, "send", "peek", f"@{tmp_path / 'body'}")
    piped = subprocess.run(
        [sys.executable, "-m", "lambdad", "queue", "send", "peek", "-"],
        env=server.environment(), input="piped", capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert piped.returncode == 0, piped.stderr
    for _ in range(2):  # looking changes nothing
        messages = server.lambdad("queue", "peek", "peek", "--json")["Messages"]
        assert [message["Body"] for message in messages] == ["héllo", "from a\nfile", "piped"]
        assert messages[0]["MessageId"] == sent
        assert messages[0]["Attributes"]["ApproximateReceiveCount"] == "0"
        assert messages[0]["MessageAttributes"] == {
            "a": {"DataType": "String", "StringValue": "b=c"}
        }
    table = text_of(server, "peek", "peek", "--limit", "2").splitlines()
    assert table[0].split() == ["ID", "SENT", "RECEIVED", "BODY"]
    assert table[1].split()[0] == sent
    assert table[2].endswith("from a file")
    assert len(table) == 3


def test_dead_letters_go_back(server: LambdadServer) -> None:
    sqs = server.client("sqs")
    sqs.create_queue(QueueName="back-dlq")
    policy = {"deadLetterTargetArn": f"{ARN}back-dlq", "maxReceiveCount": 1}
    sqs.create_queue(QueueName="back", Attributes={"RedrivePolicy": json.dumps(policy)})
    sqs.create_queue(QueueName="aside")
    for _ in range(2):
        sqs.send_message(QueueUrl="back", MessageBody="x")
    for _ in range(4):
        sqs.receive_message(QueueUrl="back", VisibilityTimeout=0)
    assert "Moved 2 messages: completed." in text_of(server, "redrive", "back-dlq", "--rate", "100")
    assert len(server.lambdad("queue", "peek", "back", "--json")["Messages"]) == 2
    sqs.send_message(QueueUrl="back-dlq", MessageBody="by hand")
    task = server.lambdad("queue", "redrive", "back-dlq", "--to", "aside", "--json")
    assert (task["Status"], task["DestinationArn"]) == ("COMPLETED", f"{ARN}aside")
    assert "must be configured as a Dead Letter Queue" in text_of(
        server, "redrive", "aside", code=1
    )


def test_purging_asks_first(server: LambdadServer) -> None:
    server.client("sqs").create_queue(QueueName="purge")
    text_of(server, "send", "purge", "x")
    refused = text_of(server, "purge", "purge", code=1)
    assert "purge has 1 message, which cannot be brought back. Say --yes." in refused
    assert "purge is empty." in text_of(server, "purge", "purge", "--yes")
    assert server.lambdad("queue", "peek", "purge", "--json") == {"Messages": []}
    assert "PurgeQueueInProgress" in text_of(server, "purge", "purge", "--yes", code=1)


def test_fifo_queues_and_mistakes(server: LambdadServer) -> None:
    server.client("sqs").create_queue(QueueName="cli.fifo", Attributes={"FifoQueue": "true"})
    assert "MessageGroupId" in text_of(server, "send", "cli.fifo", "x", code=1)
    text_of(server, "send", "cli.fifo", "x", "--group", "g", "--deduplication-id", "d")
    (message,) = server.lambdad("queue", "peek", "cli.fifo", "--json")["Messages"]
    assert message["Attributes"]["MessageGroupId"] == "g"
    for words, text in (
        (("peek", "absent"), "There is no queue absent in us-east-1."),
        (("send", "absent", "x"), "The specified queue does not exist."),
        (("send", "cli.fifo", "x", "--attribute", "novalue"), "NAME=TEXT"),
        (("send", "cli.fifo", "@/no/such/file"), "cannot be read"),
        (("peek", "cli.fifo", "--limit", "0"), "Limit has to be between 1 and 100"),
    ):
        refused = text_of(server, *words, code=1)
        assert text in refused
        assert "Traceback" not in refused
