"""Queue attributes: values, and how they hang together."""

from __future__ import annotations

import pytest

from lambdad.core.errors import ClientError
from lambdad.core.limits import SqsQuotas
from lambdad.services.sqs.attributes import changed, defaults, first_difference, shown
from lambdad.services.sqs.errors import InvalidAttributeName, InvalidAttributeValue

QUOTAS = SqsQuotas()


def change(given: dict[str, str], *, fifo: bool = False) -> dict[str, str]:
    return changed(defaults(fifo=fifo), given, QUOTAS, fifo=fifo)


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("VisibilityTimeout", 0, 43_200),
        ("MaximumMessageSize", 1024, 1_048_576),
        ("MessageRetentionPeriod", 60, 1_209_600),
        ("DelaySeconds", 0, 900),
        ("ReceiveMessageWaitTimeSeconds", 0, 20),
    ],
)
def test_numbers_have_bounds(name: str, lowest: int, highest: int) -> None:
    for number in (lowest, highest):
        assert change({name: str(number)})[name] == str(number)
    for wrong in (str(lowest - 1), str(highest + 1), "", "x", "1.5", "٣", " 60", "9" * 5000):
        with pytest.raises(InvalidAttributeValue) as refused:
            change({name: wrong})
        assert refused.value.message == f"Invalid value for the parameter {name}."


def test_a_new_fifo_queue() -> None:
    assert defaults(fifo=True) == {
        "VisibilityTimeout": "30",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }


@pytest.mark.parametrize("name", ["Nothing", "All", "QueueArn", "CreatedTimestamp", ""])
def test_names_that_cannot_be_set(name: str) -> None:
    with pytest.raises(InvalidAttributeName) as refused:
        change({name: "1"})
    assert refused.value.message == f"Unknown Attribute {name}."


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("FifoQueue", "Unknown Attribute FifoQueue."),
        ("ContentBasedDeduplication", "Unknown Attribute ContentBasedDeduplication."),
        (
            "DeduplicationScope",
            "You can specify the DeduplicationScope only when FifoQueue is set to true.",
        ),
        (
            "FifoThroughputLimit",
            "You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
        ),
    ],
)
def test_fifo_attributes_of_standard_queues(name: str, message: str) -> None:
    with pytest.raises(InvalidAttributeName) as refused:
        change({name: "true"})
    assert refused.value.message == message


def test_a_fifo_queue_stays_one() -> None:
    assert change({"FifoQueue": "True"}, fifo=True)["FifoQueue"] == "true"
    with pytest.raises(InvalidAttributeValue) as refused:
        change({"FifoQueue": "false"}, fifo=True)
    assert refused.value.message == (
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
    )


def test_throughput_per_group_needs_deduplication_per_group() -> None:
    per_group = {"FifoThroughputLimit": "perMessageGroupId"}
    with pytest.raises(InvalidAttributeValue):
        change(per_group, fifo=True)
    both = change({**per_group, "DeduplicationScope": "messageGroup"}, fifo=True)
    assert (both["FifoThroughputLimit"], both["DeduplicationScope"]) == (
        "perMessageGroupId",
        "messageGroup",
    )


def test_a_key_ends_the_encryption_of_sqs_and_gives_nothing_back() -> None:
    with_key = change({"KmsMasterKeyId": "k", "KmsDataKeyReusePeriodSeconds": "6000"})
    assert with_key["SqsManagedSseEnabled"] == "false"
    assert shown(with_key)["KmsDataKeyReusePeriodSeconds"] == "6000"
    without = changed(
        with_key,
        {"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300"},
        QUOTAS,
        fifo=False,
    )
    assert without["SqsManagedSseEnabled"] == "false"
    assert {"KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"} & set(shown(without)) == set()
    assert shown(change({"KmsMasterKeyId": "k"}))["KmsDataKeyReusePeriodSeconds"] == "300"


def test_two_kinds_of_encryption_at_once() -> None:
    with pytest.raises(InvalidAttributeValue) as refused:
        change({"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"})
    assert refused.value.message == (
        "You can use one type of server-side encryption (SSE) at one time. You can either enable "
        "KMS SSE or SQS SSE."
    )


@pytest.mark.parametrize(
    ("given", "difference"),
    [
        ({}, None),
        ({"VisibilityTimeout": "30"}, None),
        ({"VisibilityTimeout": "31"}, "VisibilityTimeout"),
        ({"KmsDataKeyReusePeriodSeconds": "300", "Policy": ""}, None),
        ({"VisibilityTimeout": "030"}, None),
        ({"ContentBasedDeduplication": "FALSE"}, None),
        ({"Policy": "x"}, "Policy"),
    ],
)
def test_creating_a_queue_again(given: dict[str, str], difference: str | None) -> None:
    after = change(given, fifo=True)
    wanted = {name: after.get(name, "") for name in given}
    assert first_difference(defaults(fifo=True), wanted) == difference


def test_numbers_and_truths_are_kept_in_one_form() -> None:
    after = change({"DelaySeconds": "007", "ContentBasedDeduplication": "True"}, fifo=True)
    assert after == {
        **defaults(fifo=True),
        "DelaySeconds": "7",
        "ContentBasedDeduplication": "true",
    }


def test_refusals_are_the_clients_fault() -> None:
    with pytest.raises(ClientError) as refused:
        change({"DelaySeconds": "901"})
    assert (refused.value.status, refused.value.fault) == (400, "client")
