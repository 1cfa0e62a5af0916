"""Who may: identity policies, queue policies, other accounts, tags; AddPermission."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.server import LambdadServer

DEFAULT = "000000000000"
ARN = f"arn:aws:sqs:us-east-1:{DEFAULT}:"


def keys(made: dict[str, str]) -> dict[str, str]:
    return {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
    }


def user(server: LambdadServer, name: str, *statements: dict[str, Any]) -> Any:
    """SQS as a user who may what the statements say."""
    iam = server.client("iam")
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | s for s in statements]}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return server.client("sqs", **keys(key))


def create(server: LambdadServer, name: str, **options: Any) -> str:
    url: str = server.client("sqs").create_queue(QueueName=name, **options)["QueueUrl"]
    return url


def denied(call: Any, /, **params: Any) -> str:
    """What the refusal says, without who was refused."""
    with pytest.raises(ClientError) as error:
        call(**params)
    found: Any = error.value.response
    assert found["Error"]["Code"] == "AccessDenied"
    assert found["Error"]["QueryErrorCode"] == "AccessDeniedException"
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 403
    return str(found["Error"]["Message"]).partition("is not authorized to perform: ")[2]


def test_batches_ask_for_the_single_action(server: LambdadServer) -> None:
    url = create(server, "batched")
    sender = user(server, "sender", {"Action": "sqs:SendMessage", "Resource": f"{ARN}batched"})
    sender.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "x"}])
    for call, params, action in (
        (sender.receive_message, {}, "receivemessage"),
        (
            sender.delete_message_batch,
            {"Entries": [{"Id": "a", "ReceiptHandle": "x"}]},
            "deletemessage",
        ),
        (
            sender.change_message_visibility_batch,
            {"Entries": [{"Id": "a", "ReceiptHandle": "x", "VisibilityTimeout": 1}]},
            "changemessagevisibility",
        ),
    ):
        assert denied(call, QueueUrl=url, **params) == (
            f"sqs:{action} on resource: {ARN}batched because no identity-based policy allows the "
            f"sqs:{action} action"
        )
    other = create(server, "not-batched")
    assert denied(sender.send_message, QueueUrl=other, MessageBody="x").startswith(
        f"sqs:sendmessage on resource: {ARN}not-batched"
    )


def test_tags_of_the_queue_and_of_the_request(server: LambdadServer) -> None:
    mine, other = create(server, "mine", tags={"team": "a"}), create(server, "theirs")
    tagged = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    asked = {"StringEquals": {"aws:RequestTag/team": "a"}}
    client = user(
        server,
        "tagger",
        {"Action": "sqs:SendMessage", "Resource": "*", "Condition": tagged},
        {"Action": ["sqs:CreateQueue", "sqs:TagQueue"], "Resource": "*", "Condition": asked},
    )
    client.send_message(QueueUrl=mine, MessageBody="x")
    denied(client.send_message, QueueUrl=other, MessageBody="x")
    client.create_queue(QueueName="made", tags={"team": "a"})
    denied(client.create_queue, QueueName="unmade", tags={"team": "b"})
    denied(client.create_queue, QueueName="unmade")
    denied(client.tag_queue, QueueUrl=mine, Tags={"team": "b"})


def test_who_sent_a_message(server: LambdadServer) -> None:
    url = create(server, "signed")
    sender = user(server, "author", {"Action": "sqs:*", "Resource": "*"})
    sender.send_message(QueueUrl=url, MessageBody="x")
    (message,) = sender.receive_message(QueueUrl=url, AttributeNames=["SenderId"])["Messages"]
    author = server.client("iam").get_user(UserName="author")["User"]["UserId"]
    assert message["Attributes"] == {"SenderId": author}


def test_a_queue_policy_opens_a_queue_to_another_account(server: LambdadServer) -> None:
    made = server.lambdad("accounts", "create", "--json")
    account, there = made["Account"], server.client("sqs", **keys(made))
    here, url = server.client("sqs"), create(server, "shared")
    reason = (
        f"sqs:sendmessage on resource: {ARN}shared because no resource-based policy allows the "
        "sqs:sendmessage action"
    )
    assert denied(there.send_message, QueueUrl=url, MessageBody="x") == reason
    denied(there.get_queue_url, QueueName="shared", QueueOwnerAWSAccountId=DEFAULT)
    here.add_permission(
        QueueUrl=url,
        Label="them",
        AWSAccountIds=[account],
        Actions=["SendMessage", "GetQueueUrl"],
    )
    sent = there.send_message(QueueUrl=url, MessageBody="from afar")
    found = there.get_queue_url(QueueName="shared", QueueOwnerAWSAccountId=DEFAULT)["QueueUrl"]
    assert found == url
    denied(there.receive_message, QueueUrl=url)
    (message,) = here.receive_message(QueueUrl=url, AttributeNames=["SenderId"])["Messages"]
    assert message["MessageId"] == sent["MessageId"]
    assert message["Attributes"] == {"SenderId": account}
    here.remove_permission(QueueUrl=url, Label="them")
    assert denied(there.send_message, QueueUrl=url, MessageBody="x") == reason
    assert (
        "Policy"
        not in here.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    )


def test_what_no_policy_opens_to_another_account(server: LambdadServer) -> None:
    made = server.lambdad("accounts", "create", "--json")
    there, url = server.client("sqs", **keys(made)), create(server, "kept")
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": f"{ARN}kept"}
        ],
    }
    server.client("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps(document)}
    )
    there.send_message(QueueUrl=url, MessageBody="x")
    for call, params in (
        (there.delete_queue, {}),
        (there.set_queue_attributes, {"Attributes": {"DelaySeconds": "1"}}),
        (there.add_permission, {"Label": "l", "AWSAccountIds": ["1" * 12], "Actions": ["*"]}),
        (there.remove_permission, {"Label": "l"}),
        (there.tag_queue, {"Tags": {"a": "b"}}),
        (there.untag_queue, {"TagKeys": ["a"]}),
        (there.list_queue_tags, {}),
    ):
        with pytest.raises(ClientError) as error:
            call(QueueUrl=url, **params)
        found: Any = error.value.response["Error"]
        assert (found["Code"], found["Message"]) == (
            "AccessDenied",
            f"Access to the resource {url} is denied.",
        )
    for call, params in (
        (there.start_message_move_task, {"SourceArn": f"{ARN}kept"}),
        (there.list_message_move_tasks, {"SourceArn": f"{ARN}kept"}),
    ):
        with pytest.raises(ClientError) as error:
            call(**params)
        assert error.value.response["Error"]["Code"] in (
            "AccessDenied",
            "ResourceNotFoundException",
        )


def test_a_denying_queue_policy_binds_the_root_too_but_not_for_good(
    server: LambdadServer,
) -> None:
    sqs, url = server.client("sqs"), create(server, "forbidden")
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": f"{ARN}forbidden"}
        ],
    }
    policy = json.dumps(document)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    assert denied(sqs.send_message, QueueUrl=url, MessageBody="x") == (
        f"sqs:sendmessage on resource: {ARN}forbidden with an explicit deny in a resource-based "
        "policy"
    )
    shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    assert shown == {"Policy": policy}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    sqs.send_message(QueueUrl=url, MessageBody="x")


def test_a_queue_policy_lets_in_a_user_without_policies(server: LambdadServer) -> None:
    url = create(server, "open")
    iam = server.client("iam")
    arn = iam.create_user(UserName="plain")["User"]["Arn"]
    plain = server.client("sqs", **keys(iam.create_access_key(UserName="plain")["AccessKey"]))
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": arn},
                "Action": "sqs:SendMessage",
                "Resource": f"{ARN}open",
            }
        ],
    }
    server.client("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps(document)}
    )
    plain.send_message(QueueUrl=url, MessageBody="x")
    denied(plain.receive_message, QueueUrl=url)


def test_moving_messages_needs_what_it_does(server: LambdadServer) -> None:
    create(server, "moved-dlq")
    policy = {"deadLetterTargetArn": f"{ARN}moved-dlq", "maxReceiveCount": 1}
    create(server, "moved", Attributes={"RedrivePolicy": json.dumps(policy)})
    on_source = [
        "sqs:StartMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    ]  # fmt: skip
    half = user(server, "half", {"Action": on_source, "Resource": f"{ARN}moved-dlq"})
    refusal = denied(half.start_message_move_task, SourceArn=f"{ARN}moved-dlq")
    assert refusal.startswith(f"sqs:sendmessage on resource: {ARN}moved because")
    whole = user(
        server,
        "whole",
        {"Action": on_source, "Resource": f"{ARN}moved-dlq"},
        {"Action": "sqs:SendMessage", "Resource": f"{ARN}moved"},
    )
    assert whole.start_message_move_task(SourceArn=f"{ARN}moved-dlq")["TaskHandle"]


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        (
            {"Label": "", "AWSAccountIds": ["1" * 12], "Actions": ["*"]},
            "MissingParameter",
            "The request must contain the parameter Label.",
        ),
        (
            {"Label": "l", "AWSAccountIds": [], "Actions": ["*"]},
            "MissingParameter",
            "The request must contain the parameter AWSAccountIds.",
        ),
        (
            {"Label": "l", "AWSAccountIds": ["1" * 12], "Actions": []},
            "MissingParameter",
            "The request must contain the parameter Actions.",
        ),
        (
            {"Label": "l", "AWSAccountIds": ["1" * 12], "Actions": ["CreateQueue"]},
            "InvalidParameterValue",
            "Value SQS:CreateQueue for parameter ActionName is invalid. Reason: Only the queue "
            "owner is allowed to invoke this action.",
        ),
        (
            {"Label": "l", "AWSAccountIds": ["1" * 12], "Actions": ["SendMessageBatch"]},
            "InvalidParameterValue",
            "Value SQS:SendMessageBatch for parameter ActionName is invalid. Reason: Please refer "
            "to the appropriate WSDL for a list of valid actions.",
        ),
        (
            {"Label": "l", "AWSAccountIds": ["me"], "Actions": ["*"]},
            "InvalidParameterValue",
            "Value [me] for parameter PrincipalId is invalid. Reason: Unable to verify principal.",
        ),
        (
            {"Label": "l l", "AWSAccountIds": ["1" * 12], "Actions": ["*"]},
            "InvalidParameterValue",
            "Value l l for parameter Label is invalid. Reason: Can only include alphanumeric "
            "characters, hyphens, or underscores. 1 to 80 in length",
        ),
        (
            {"Label": "l", "AWSAccountIds": ["1" * 12], "Actions": ["*"] * 8},
            "OverLimit",
            "8 Actions were found, maximum allowed is 7.",
        ),
    ],
)
def test_permissions_that_cannot_be_added(
    server: LambdadServer, params: dict[str, Any], code: str, message: str
) -> None:
    url = create(server, "unpermitted")
    with pytest.raises(ClientError) as error:
        server.client("sqs").add_permission(QueueUrl=url, **params)
    found: Any = error.value.response["Error"]
    assert (found["Code"], found["Message"]) == (code, message)


def test_labels_are_used_once_and_removed_once(server: LambdadServer) -> None:
    sqs, url = server.client("sqs"), create(server, "labelled")
    given = {"QueueUrl": url, "Label": "l", "AWSAccountIds": ["1" * 12], "Actions": ["*"]}
    sqs.add_permission(**given)
    for call, params, reason in (
        (sqs.add_permission, given, "Already exists."),
        (sqs.remove_permission, {"QueueUrl": url, "Label": "m"}, "can't find label."),
    ):
        with pytest.raises(ClientError) as error:
            call(**params)
        found: Any = error.value.response["Error"]
        assert (found["Code"], found["Message"]) == (
            "InvalidParameterValue",
            f"Value {params['Label']} for parameter Label is invalid. Reason: {reason}",
        )
