"""`lambdad events`: recording, listing, sending again; samples against what really comes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.lambda_client import lambda_of, make_code
from support.patience import wait_for
from support.server import LambdadServer
from support.url_client import ECHO, ask, public_url

SECRET = "the password is hunter2"


@pytest.fixture(scope="module")
def client(server: LambdadServer) -> Any:
    return lambda_of(server)


def invoke(client: Any, name: str, event: Any, **options: Any) -> str:
    """Its request id."""
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event), **options)
    request_id: str = answer["ResponseMetadata"]["RequestId"]
    return request_id


def kept(server: LambdadServer, name: str) -> list[str]:
    """The ids of the recorded events, newest first."""
    listed = server.lambdad("events", "--json", "list", name)
    return [event["Id"] for event in listed["Events"]]


def test_nothing_is_recorded_until_it_is_asked_for(server: LambdadServer, client: Any) -> None:
    name = make_code(client, ECHO)
    invoke(client, name, {"a": 1})
    listed = server.lambdad("events", "--json", "list", name)
    assert listed == {
        "FunctionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        "Recorded": False,
        "Events": [],
    }
    done = server.lambdad("events", "replay", name, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"lambdad: NotFound: No event of {name} is recorded. Recording is off.\n"


def test_record_list_replay_stop(server: LambdadServer, client: Any) -> None:
    name = make_code(client, "def handler(e, c): return [e, c.client_context.custom['k']]")
    server.lambdad("events", "record", name)
    context = "eyJjdXN0b20iOnsiayI6InYifX0="  # {"custom":{"k":"v"}}
    first = invoke(client, name, {"n": 1}, ClientContext=context)
    second = invoke(client, name, {"n": 2}, ClientContext=context)
    assert kept(server, name) == [second, first]
    assert json.loads(server.lambdad("events", "replay", name, check=False).stdout) == [
        {"n": 2},
        "v",
    ]
    again = server.lambdad("events", "replay", name, first, check=False)
    assert json.loads(again.stdout) == [{"n": 1}, "v"]
    assert len(kept(server, name)) == 4  # what is sent again is received again
    server.lambdad("events", "record", name, "--off")
    assert kept(server, name) == []
    invoke(client, name, {"n": 3}, ClientContext=context)
    assert kept(server, name) == []


def test_the_newest_events_are_kept(server: LambdadServer, client: Any) -> None:
    name = make_code(client, ECHO)
    server.lambdad("events", "record", name)
    ids = [invoke(client, name, {"n": n}) for n in range(60)]
    assert kept(server, name) == ids[:-51:-1]
    server.lambdad("events", "record", name, "--off")


def test_asynchronous_events_and_urls_are_recorded(server: LambdadServer, client: Any) -> None:
    name, url = public_url(client)
    server.lambdad("events", "record", name)
    answer = ask(server, url, "/x")
    assert kept(server, name) == [answer.request_id]
    replayed = server.lambdad("events", "--json", "replay", name)
    assert replayed["Payload"] == answer.json
    queued = invoke(client, name, {"later": True}, InvocationType="Event")
    wait_for(lambda: queued in kept(server, name))
    assert kept(server, name)[0] == queued


def test_events_survive_a_restart_encrypted_and_end_with_the_function(
    fresh_server: LambdadServer,
) -> None:
    client = fresh_server.client("lambda")
    name = make_code(client, ECHO)
    fresh_server.lambdad("events", "record", name)
    first = invoke(client, name, {"secret": SECRET})
    assert kept(fresh_server, name) == [first]
    fresh_server.kill9()
    for path in fresh_server.data_dir.rglob("recorded*"):
        assert SECRET.encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
    fresh_server.start()
    client = fresh_server.client("lambda")
    second = invoke(client, name, {"n": 2})
    assert kept(fresh_server, name) == [second, first]
    client.delete_function(FunctionName=name)
    make_code(client, ECHO, name=name)
    assert kept(fresh_server, name) == []
    assert SECRET not in fresh_server.log_text()


def test_only_the_root_of_the_account_may_look(server: LambdadServer, client: Any) -> None:
    name = make_code(client, ECHO)
    server.client("iam").create_user(UserName="curious")
    key = server.client("iam").create_access_key(UserName="curious")["AccessKey"]
    own = server.environment() | {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    own.pop("LAMBDAD_DATA_DIR")
    for words in (("record", name), ("list", name), ("replay", name)):
        done = server.lambdad("events", *words, check=False, environment=own)
        assert done.returncode == 1
        assert "AccessDeniedException" in done.stderr


def test_a_function_that_is_not_there(server: LambdadServer) -> None:
    done = server.lambdad("events", "record", "nothing", check=False)
    assert done.returncode == 1
    assert done.stderr == "lambdad: NotFound: There is no function nothing in us-east-1.\n"


def test_samples(server: LambdadServer) -> None:
    names = server.lambdad("events", "sample").split()
    assert {"sqs", "function-url", "s3-put", "sns", "eventbridge"} <= set(names)
    assert server.lambdad("events", "sample", "sqs")["Records"][0]["eventSource"] == "aws:sqs"
    done = server.lambdad("events", "sample", "nothing", check=False)
    assert (done.returncode, done.stdout) == (1, "")


def shape_of(value: Any) -> Any:
    """A value's members, without what they are; headers differ from client to client."""
    if isinstance(value, dict):
        return {key: shape_of(member) for key, member in sorted(value.items())}
    return [shape_of(item) for item in value] if isinstance(value, list) else type(value).__name__


def test_the_sample_of_a_function_url_is_like_a_real_event(
    server: LambdadServer, client: Any
) -> None:
    sample = server.lambdad("events", "sample", "function-url")
    url = public_url(client)[1]
    target = f"{sample['rawPath']}?{sample['rawQueryString']}"
    sent = {
        name: value
        for name, value in sample["headers"].items()
        if not name.startswith(("x-", "host", "content-length"))
    }
    sent["Cookie"] = "; ".join(sample["cookies"])
    body = sample["body"].encode()
    method = sample["requestContext"]["http"]["method"]
    real = ask(server, url, target, method=method, body=body, headers=sent).json
    real["headers"].pop("accept-encoding", None)
    assert shape_of(real) == shape_of(sample)
    for same in ("version", "rawPath", "rawQueryString", "cookies", "queryStringParameters",
                 "body", "isBase64Encoded"):  # fmt: skip
        assert real[same] == sample[same]


SQS_RIGHTS = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
}


@pytest.mark.parametrize("source", ["sqs", "sqs-fifo"])
def test_the_sample_of_a_queue_is_like_a_real_event(
    server: LambdadServer, client: Any, source: str
) -> None:
    sample = server.lambdad("events", "sample", source)
    (record,) = sample["Records"]
    role = server.execution_role("queue-reader", json.dumps(SQS_RIGHTS))
    name = make_code(client, ECHO, Role=role)
    server.lambdad("events", "record", name)
    sqs = server.client("sqs")
    fifo = source == "sqs-fifo"
    queue = sqs.create_queue(
        QueueName=f"{name}.fifo" if fifo else name, Attributes={"FifoQueue": "true"} if fifo else {}
    )["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    client.create_event_source_mapping(
        FunctionName=name, EventSourceArn=arn["Attributes"]["QueueArn"]
    )
    order = {"MessageGroupId": "g", "MessageDeduplicationId": "d"} if fifo else {}
    kinds = {
        attribute: {"DataType": value["dataType"], "StringValue": value["stringValue"]}
        for attribute, value in record["messageAttributes"].items()
    }
    sqs.send_message(QueueUrl=queue, MessageBody=record["body"], MessageAttributes=kinds, **order)
    wait_for(lambda: kept(server, name))
    real = server.lambdad("events", "--json", "replay", name)["Payload"]
    assert shape_of(real) == shape_of(sample)
    for same in ("body", "md5OfBody", "md5OfMessageAttributes", "messageAttributes"):
        assert real["Records"][0].get(same) == record.get(same)
