"""Redrive policies, queue policies, names, pages: what is pure about them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdad.core.ids import AccountId, Region
from lambdad.core.limits import SqsQuotas
from lambdad.engines.queue.records import QueueKey, Redrive
from lambdad.services.sqs.errors import (
    ClientError,
    InvalidAddress,
    InvalidAttributeValue,
    InvalidParameterValueException,
    OverLimit,
)
from lambdad.services.sqs.names import check_name, named_by_url
from lambdad.services.sqs.paging import page
from lambdad.services.sqs.policies import (
    check_permission,
    check_policy,
    with_permission,
    without_permission,
)
from lambdad.services.sqs.redrive import check_allow, check_allowed, read_redrive, redrive_text

QUOTAS = SqsQuotas()
ACCOUNT, REGION = AccountId("111122223333"), Region("us-east-1")
QUEUE = QueueKey(ACCOUNT, REGION, "source")
ARN = "arn:aws:sqs:us-east-1:111122223333:"
REDRIVE = Redrive(QueueKey(ACCOUNT, REGION, "dead"), 5)


@pytest.mark.parametrize("count", [5, "5"])
def test_a_redrive_policy_is_shown_in_one_form(count: int | str) -> None:
    text = json.dumps({"maxReceiveCount": count, "deadLetterTargetArn": f"{ARN}dead"})
    assert read_redrive(text) == REDRIVE
    assert redrive_text(REDRIVE) == (f'{{"deadLetterTargetArn":"{ARN}dead","maxReceiveCount":5}}')


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (
            {"maxReceiveCount": 5},
            "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
        ),
        (
            {"deadLetterTargetArn": f"{ARN}dead"},
            "Redrive policy does not contain mandatory attribute: maxReceiveCount.",
        ),
        (
            {"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": 1001},
            "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both "
            "inclusive.",
        ),
        (
            {"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": "x"},
            "Invalid value for maxReceiveCount: x, valid values are from 1 to 1000 both inclusive.",
        ),
        (
            {"deadLetterTargetArn": "dead", "maxReceiveCount": 5},
            "Invalid value for deadLetterTargetArn.",
        ),
        (
            {"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": 5, "x": 1},
            "Unknown attribute x.",
        ),
        ([], "Amazon SQS can't create the redrive policy, as it's in an unsupported format."),
    ],
)
def test_redrive_policies_that_say_nothing(policy: Any, reason: str) -> None:
    text = json.dumps(policy)
    with pytest.raises(InvalidParameterValueException) as refused:
        read_redrive(text)
    assert refused.value.message == (
        f"Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}"
    )


@pytest.mark.parametrize(
    ("allow", "is_allowed"),
    [
        (None, True),
        ({"redrivePermission": "allowAll"}, True),
        ({"redrivePermission": "denyAll"}, False),
        ({"redrivePermission": "byQueue", "sourceQueueArns": [f"{ARN}source"]}, True),
        ({"redrivePermission": "byQueue", "sourceQueueArns": [f"{ARN}other"]}, False),
    ],
)
def test_who_may_use_a_dead_letter_queue(allow: Any, is_allowed: bool) -> None:
    text = None if allow is None else json.dumps(allow)
    if text is not None:
        check_allow(text, QUOTAS)
    if is_allowed:
        check_allowed(REDRIVE, text, QUEUE)
    else:
        with pytest.raises(InvalidParameterValueException):
            check_allowed(REDRIVE, text, QUEUE)


@pytest.mark.parametrize(
    "allow",
    [
        "nothing",
        [],
        {},
        {"redrivePermission": "some"},
        {"redrivePermission": "allowAll", "sourceQueueArns": [f"{ARN}a"]},
        {"redrivePermission": "byQueue"},
        {"redrivePermission": "byQueue", "sourceQueueArns": []},
        {"redrivePermission": "byQueue", "sourceQueueArns": "x"},
        {"redrivePermission": "byQueue", "sourceQueueArns": ["x"]},
        {"redrivePermission": "byQueue", "sourceQueueArns": [f"{ARN}{n}" for n in range(11)]},
    ],
)
def test_redrive_allow_policies_that_are_none(allow: Any) -> None:
    with pytest.raises(InvalidParameterValueException) as refused:
        check_allow(json.dumps(allow), QUOTAS)
    assert refused.value.message is not None
    assert refused.value.message.endswith(
        "Reason: Amazon SQS can't create the redrive allow policy, as it's in an unsupported "
        "format."
    )


def test_permissions_are_added_and_removed() -> None:
    one = with_permission(None, QUEUE, "one", ["444455556666"], ["SendMessage"])
    assert json.loads(one) == {
        "Version": "2008-10-17",
        "Id": f"{ARN}source/SQSDefaultPolicy",
        "Statement": [
            {
                "Sid": "one",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
                "Action": "SQS:SendMessage",
                "Resource": f"{ARN}source",
            }
        ],
    }
    two = with_permission(one, QUEUE, "two", ["444455556666", "777788889999"], ["*", "PurgeQueue"])
    assert json.loads(two)["Statement"][1] == {
        "Sid": "two",
        "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam::444455556666:root", "arn:aws:iam::777788889999:root"]},
        "Action": ["SQS:*", "SQS:PurgeQueue"],
        "Resource": f"{ARN}source",
    }
    check_policy(two, QUOTAS)
    with pytest.raises(InvalidParameterValueException) as refused:
        with_permission(two, QUEUE, "two", ["444455556666"], ["*"])
    assert refused.value.message == (
        "Value two for parameter Label is invalid. Reason: Already exists."
    )
    with pytest.raises(InvalidParameterValueException) as refused:
        without_permission(two, QUEUE, "three")
    assert refused.value.message == (
        "Value three for parameter Label is invalid. Reason: can't find label."
    )
    assert json.loads(without_permission(two, QUEUE, "one"))["Statement"][0]["Sid"] == "two"
    assert without_permission(one, QUEUE, "one") == ""


@pytest.mark.parametrize(
    ("accounts", "actions", "kind"),
    [
        (["444455556666"], ["CreateQueue"], InvalidParameterValueException),
        (["444455556666"], ["SendMessageBatch"], InvalidParameterValueException),
        (["me"], ["SendMessage"], InvalidParameterValueException),
        (["444455556666"], ["SendMessage"] * 8, OverLimit),
    ],
)
def test_permissions_that_cannot_be(
    accounts: list[str], actions: list[str], kind: type[ClientError]
) -> None:
    with pytest.raises(kind):
        check_permission(accounts, actions, QUOTAS)


def document(*actions: str | list[str]) -> str:
    """A policy with a statement for each."""
    statement = {"Effect": "Allow", "Principal": "*", "Resource": f"{ARN}source"}
    return json.dumps({"Statement": [{**statement, "Action": action} for action in actions]})


def test_actions_of_policies_may_be_patterns_and_the_owners() -> None:
    actions = ["sqs:*", "SQS:sendmessage", "sqs:Get*", "sqs:DeleteQueue", "*", "sqs:?urgeQueue"]
    check_policy(document(actions), QUOTAS)
    check_policy(document(*actions), QUOTAS)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (
            ["SQS:ChangeMessageVisibilityBatch"],
            InvalidParameterValueException,
            "Value SQS:ChangeMessageVisibilityBatch for parameter ActionName is invalid. Reason: "
            "Please refer to the appropriate WSDL for a list of valid actions.",
        ),
        (
            ["sqs:SendMessage"] * 10,
            OverLimit,
            "10 actions were found in a statement from the submitted policy, max allowed is 7",
        ),
    ],
)
def test_statements_that_no_queue_takes(
    given: list[str], kind: type[ClientError], message: str
) -> None:
    with pytest.raises(kind) as refused:
        check_policy(document("sqs:*", given), QUOTAS)
    assert refused.value.message == message


def test_a_policy_has_twenty_statements() -> None:
    check_policy(document(*["sqs:*"] * 20), QUOTAS)
    with pytest.raises(OverLimit):
        check_policy(document(*["sqs:*"] * 21), QUOTAS)


@pytest.mark.parametrize("document", ["x", "{}", '{"Statement": 5}', "[]"])
def test_policies_that_are_none(document: str) -> None:
    with pytest.raises(InvalidAttributeValue) as refused:
        check_policy(document, QUOTAS)
    assert refused.value.message == "Invalid value for the parameter Policy."


@pytest.mark.parametrize(
    ("url", "account", "name"),
    [
        ("http://localhost:4566/000000000000/q", "000000000000", "q"),
        ("https://sqs.us-east-1.amazonaws.com/000000000000/q.fifo", "000000000000", "q.fifo"),
        ("http://sqs.us-east-1.localhost:4566/000000000000/q/", "000000000000", "q"),
        ("https://us-east-1.queue.amazonaws.com/000000000000/q", "000000000000", "q"),
        ("/000000000000/q", "000000000000", "q"),
        ("q", None, "q"),
    ],
)
def test_urls_of_queues(url: str, account: str | None, name: str) -> None:
    assert named_by_url(url) == (account, name)


@pytest.mark.parametrize("url", ["http://localhost:4566/q", "http://localhost/12/q", "a/b/c"])
def test_urls_of_nothing(url: str) -> None:
    with pytest.raises(InvalidAddress) as refused:
        named_by_url(url)
    assert refused.value.message == f"The address {url} is not valid for this endpoint."


@pytest.mark.parametrize(
    ("name", "fifo", "is_name"),
    [
        ("a-b_C9", False, True),
        ("x" * 80, False, True),
        ("x" * 81, False, False),
        ("a.fifo", False, False),
        ("a b", False, False),
        ("", False, False),
        ("ä", False, False),
        ("a.fifo", True, True),
        ("x" * 75 + ".fifo", True, True),
        ("x" * 76 + ".fifo", True, False),
        ("a", True, False),
        (".fifo", True, False),
    ],
)
def test_names_of_queues(name: str, fifo: bool, is_name: bool) -> None:
    if is_name:
        check_name(name, fifo=fifo)
    else:
        with pytest.raises(InvalidParameterValueException):
            check_name(name, fifo=fifo)


def test_pages_follow_each_other() -> None:
    names = [f"q{number}" for number in range(5)]
    first, token = page(names, {"MaxResults": 2}, QUOTAS)
    second, token = page(names, {"MaxResults": 2, "NextToken": token}, QUOTAS)
    third, end = page(names, {"MaxResults": 2, "NextToken": token}, QUOTAS)
    assert ([*first], [*second], [*third], end) == (names[:2], names[2:4], names[4:], None)
    assert page(names, {}, QUOTAS) == (names, None)
    assert page(names, {"MaxResults": 5}, QUOTAS) == (names, None)


@pytest.mark.parametrize(
    "params", [{"MaxResults": 0}, {"MaxResults": 1001}, {"NextToken": "%"}, {"NextToken": "_w=="}]
)
def test_pages_that_are_none(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValueException):
        page(["a"], params, QUOTAS)
