"""The state machine, value by value (semantics §1.5, §1.6)."""

from __future__ import annotations

import pytest

from lambdad.core.ids import AccountId, Region
from lambdad.core.value import replace
from lambdad.functions import lifecycle
from lambdad.functions.errors import (
    InvalidParameterValueException,
    PreconditionFailedException,
    ResourceConflictException,
)
from lambdad.functions.lifecycle import Stamp
from lambdad.functions.names import LATEST, FunctionKey
from lambdad.functions.records import (
    CREATING,
    Alias,
    CodePackage,
    Configuration,
    FunctionRecord,
    Logging,
    Reason,
    State,
    UpdateStatus,
)

KEY = FunctionKey(AccountId("123456789012"), Region("us-east-1"), "f")
CODE, OTHER_CODE = CodePackage("a" * 64, 10), CodePackage("b" * 64, 20)
CONFIGURATION = Configuration("python3.12", "index.handler", "role", Logging("/aws/lambda/f"))


def stamp(number: int) -> Stamp:
    return Stamp(f"r{number}", f"p{number}", f"d{number}", f"e{number}", 1000 + number)


def pending() -> FunctionRecord:
    return lifecycle.create(KEY, CONFIGURATION, CODE, stamp(1))


def active() -> FunctionRecord:
    return lifecycle.settle(pending(), {LATEST: "r1a"})


def test_a_new_function_is_pending() -> None:
    latest = pending().latest
    assert (latest.state, latest.state_reason, latest.update_status) == (
        State.PENDING, CREATING, None,
    )  # fmt: skip
    assert latest.revision_id == "r1"
    assert latest.serving is None


def test_settling_a_creation() -> None:
    latest = active().latest
    assert (latest.state, latest.state_reason) == (State.ACTIVE, None)
    assert (latest.update_status, latest.update_reason) == (UpdateStatus.SUCCESSFUL, None)
    assert latest.revision_id == "r1a"
    assert latest.serving is latest.deployment


def test_an_update_shows_the_new_and_serves_the_old() -> None:
    record = lifecycle.start_update(active(), stamp(2), code=OTHER_CODE)
    latest = record.latest
    assert (latest.state, latest.update_status, latest.update_reason) == (
        State.ACTIVE, UpdateStatus.IN_PROGRESS, CREATING,
    )  # fmt: skip
    assert latest.deployment.code == OTHER_CODE
    assert latest.serving is not None
    assert latest.serving.code == CODE
    assert (latest.revision_id, latest.last_modified_ms) == ("r2", 1002)
    settled = lifecycle.settle(record, {LATEST: "r2a"}).latest
    assert settled.serving is settled.deployment
    assert settled.revision_id == "r2a"


def test_a_failed_creation_and_a_failed_update() -> None:
    reason = Reason("It broke.", "InternalError")
    failed = lifecycle.fail(pending(), {LATEST: "r1f"}, reason).latest
    assert (failed.state, failed.state_reason, failed.update_status) == (
        State.FAILED, reason, None,
    )  # fmt: skip
    updating = lifecycle.start_update(active(), stamp(2), code=OTHER_CODE)
    latest = lifecycle.fail(updating, {LATEST: "r2f"}, reason).latest
    assert (latest.state, latest.update_status, latest.update_reason) == (
        State.ACTIVE, UpdateStatus.FAILED, reason,
    )  # fmt: skip
    assert latest.serving is not None
    assert latest.serving.code == CODE


def test_a_failed_creation_can_be_mended_by_an_update() -> None:
    failed = lifecycle.fail(pending(), {LATEST: "r"}, Reason("", ""))
    lifecycle.check_changeable(failed)
    mended = lifecycle.start_update(failed, stamp(2), code=OTHER_CODE)
    assert [version.version for version in lifecycle.unsettled(mended)] == [LATEST]
    assert lifecycle.settle(mended, {LATEST: "r2"}).latest.state is State.ACTIVE


def test_nothing_changes_while_something_is_in_progress() -> None:
    with pytest.raises(ResourceConflictException) as caught:
        lifecycle.check_changeable(pending())
    assert caught.value.message == (
        "The operation cannot be performed at this time. The function is currently in the "
        "following state: Pending"
    )
    updating = lifecycle.start_update(active(), stamp(2))
    for check in (lifecycle.check_changeable, lifecycle.check_not_updating):
        with pytest.raises(ResourceConflictException) as caught:
            check(updating)
        assert caught.value.message == (
            "The operation cannot be performed at this time. An update is in progress for "
            f"resource: {KEY.arn()}"
        )


def test_publishing_what_serves_is_ready_at_once() -> None:
    record, version = lifecycle.publish(active(), stamp(3), "first")
    assert (version.version, version.state) == ("1", State.ACTIVE)
    assert version.deployment.configuration.description == "first"
    assert version.serving is version.deployment
    assert version.deployment.id == "e3"  # environments are kept per deployment: its own
    assert version.revision_id == "p3"
    assert record.latest.revision_id == "r3"  # publishing changes $LATEST's
    assert record.latest.deployment.configuration.description == ""
    assert (record.next_version, list(record.versions)) == (2, ["1"])


def test_publishing_the_unchanged_gives_the_last_version_again() -> None:
    record, first = lifecycle.publish(active(), stamp(3), "first")
    again, version = lifecycle.publish(record, stamp(4), "another description")
    assert again is record
    assert version is first


def test_publishing_what_is_being_created_waits() -> None:
    record, version = lifecycle.publish(pending(), stamp(1))
    assert version.state is State.PENDING
    assert [waiting.version for waiting in lifecycle.unsettled(record)] == [LATEST, "1"]
    settled = lifecycle.settle(record, {LATEST: "x", "1": "y"})
    assert settled.versions["1"].state is State.ACTIVE
    assert settled.versions["1"].revision_id == "y"


def test_publishing_after_a_failed_update_does_not_claim_to_be_ready() -> None:
    updating = lifecycle.start_update(active(), stamp(2), code=OTHER_CODE)
    failed = lifecycle.fail(updating, {LATEST: "r"}, Reason("", ""))
    _, version = lifecycle.publish(failed, stamp(3))
    assert version.state is State.PENDING


def test_a_snapshot_takes_its_time() -> None:
    snapshots = replace(CONFIGURATION, snap_start="PublishedVersions")
    record = lifecycle.create(KEY, snapshots, CODE, stamp(1))
    _, version = lifecycle.publish(lifecycle.settle(record, {LATEST: "r"}), stamp(2))
    assert version.state is State.PENDING


def test_numbers_are_never_used_twice() -> None:
    record, _ = lifecycle.publish(active(), stamp(3))
    record = lifecycle.delete_version(record, "1")
    record, version = lifecycle.publish(record, stamp(4))
    assert version.version == "2"
    again = lifecycle.create(KEY, CONFIGURATION, CODE, stamp(5), next_version=record.next_version)
    _, version = lifecycle.publish(again, stamp(6))
    assert version.version == "3"


def test_a_version_that_an_alias_needs_stays() -> None:
    record, _ = lifecycle.publish(active(), stamp(3))
    record = lifecycle.put_alias(record, Alias("live", LATEST, "", {"1": 0.1}, "r"))
    record = lifecycle.put_alias(record, Alias("blue", "1", "", {}, "r"))
    with pytest.raises(ResourceConflictException) as caught:
        lifecycle.delete_version(record, "1")
    assert caught.value.message == (
        "Unable to delete version because the following aliases reference it: [blue, live]"
    )
    assert lifecycle.delete_version(record, "9") is record


def test_revisions() -> None:
    lifecycle.check_revision("a", None)
    lifecycle.check_revision("a", "a")
    with pytest.raises(PreconditionFailedException) as caught:
        lifecycle.check_revision("a", "b")
    assert caught.value.message == (
        "The Revision Id provided does not match the latest Revision Id. Call the "
        "GetFunction/GetAlias API to retrieve the latest Revision Id"
    )


@pytest.mark.parametrize(
    ("version", "weights", "message", "members"),
    [
        (
            "1",
            {"1": 0.5, "2": 0.5},
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
            {"Type": "User"},
        ),
        (
            "1",
            {"1": 0.5},
            "Invalid function version 1. Function version 1 is already included in routing "
            "configuration.",
            {"Type": "User"},
        ),
        (
            LATEST,
            {"1": 0.5},
            "$LATEST is not supported for an alias pointing to more than 1 version",
            {},
        ),
    ],
)
def test_weights_that_are_refused(
    version: str, weights: dict[str, float], message: str, members: dict[str, str]
) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        lifecycle.check_weights(version, weights)
    assert (caught.value.message, caught.value.members) == (message, members)


def test_environment_variables_are_in_no_repr() -> None:
    secret = replace(CONFIGURATION, environment={"PASSWORD": "hunter2"})
    record = lifecycle.create(KEY, secret, CODE, stamp(1))
    assert "hunter2" not in repr(record)
    assert "PASSWORD" not in repr(record)
