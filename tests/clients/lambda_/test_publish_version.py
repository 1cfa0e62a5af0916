"""PublishVersion. Semantics §1.6, quirks 2 and 3; recorded unless said otherwise."""

from __future__ import annotations

import os
from typing import Any

from support.lambda_client import (
    ABROAD,
    arn_of,
    body_of,
    configuration,
    creation,
    fresh_name,
    invalid,
    make,
    make_pending,
    make_updating,
    not_found,
    pending,
    refused,
    settled,
    sha256_of,
    stale,
    status_of,
    unqualified_only,
    unreachable,
    updating,
    user_error,
)
from support.packages import zip_of
from support.server import LambdadServer


def test_a_version(client: Any) -> None:
    """`$LATEST` has another revision then."""
    name = make(client)
    before = settled(client, name)
    answer = client.publish_version(FunctionName=name, Description="one")
    assert status_of(answer) == 201
    one = {"Version": "1", "FunctionArn": arn_of(name, "1"), "Description": "one"}
    assert body_of(answer) == configuration(name, **one)
    after = settled(client, name)
    assert after == configuration(name)
    assert after["RevisionId"] != before["RevisionId"]


def test_a_version_with_snap_start(client: Any) -> None:
    """Pending until it is initialised (semantics §1.10). Where the runtime is not installed nothing
    can be, and the version starts as others do."""
    name = make(client, SnapStart={"ApplyOn": "PublishedVersions"}, Runtime="python3.13")
    latest = client.get_function_configuration(FunctionName=name)
    assert latest["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    one = {
        "Version": "1",
        "FunctionArn": arn_of(name, "1"),
        "Runtime": "python3.13",
        "SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"},
    }
    answer = client.publish_version(FunctionName=name)
    assert body_of(answer) == configuration(
        name,
        **one,
        State="Pending",
        StateReason="The function is being created.",
        StateReasonCode="Creating",
        LastUpdateStatus=None,
    )
    waiter = client.get_waiter("published_version_active")
    waiter.wait(FunctionName=name, Qualifier="1", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    shown = client.get_function_configuration(FunctionName=name, Qualifier="1")
    assert body_of(shown) == configuration(name, **one)


def test_nothing_new_is_no_new_version(client: Any) -> None:
    """A description alone changes nothing (quirk 3)."""
    name = make(client)
    first = client.publish_version(FunctionName=name, Description="one")
    again = client.publish_version(FunctionName=name, Description="unchanged all the same")
    assert (status_of(again), body_of(again)) == (201, body_of(first))
    client.update_function_configuration(FunctionName=name, Timeout=9)
    settled(client, name)
    second = client.publish_version(FunctionName=name)
    assert body_of(second) == configuration(
        name, Version="2", FunctionArn=arn_of(name, "2"), Timeout=9
    )


def test_of_certain_code_and_revision_only(client: Any) -> None:
    name, sha = make(client), sha256_of(zip_of())
    error = refused(client.publish_version, FunctionName=name, CodeSha256="wrong")
    assert error == invalid(
        f"CodeSHA256 (wrong) is different from current CodeSHA256 in $LATEST ({sha}). Please try "
        "again with the CodeSHA256 in $LATEST."
    )
    assert refused(client.publish_version, FunctionName=name, RevisionId="wrong") == stale()
    revision = settled(client, name)["RevisionId"]
    answer = client.publish_version(FunctionName=name, CodeSha256=sha, RevisionId=revision)
    one = configuration(name, Version="1", FunctionArn=arn_of(name, "1"))
    assert body_of(answer) == one


def test_a_function_that_is_not_there(client: Any) -> None:
    gone = fresh_name()
    error = refused(client.publish_version, FunctionName=gone)
    assert error == not_found(f"Function not found: {arn_of(gone)}")
    assert refused(client.publish_version, FunctionName=ABROAD) == unreachable()
    assert refused(client.publish_version, FunctionName=f"{gone}:1") == unqualified_only()


def test_not_while_something_is_under_way(client: Any) -> None:
    """Developer guide, "Lambda function states"; the texts are recorded."""
    assert refused(client.publish_version, FunctionName=make_pending(client)) == pending()
    name = make_updating(client)
    assert refused(client.publish_version, FunctionName=name) == updating(name)


def test_code_has_a_bound(tight_client: Any) -> None:
    """A version counts its code once more (semantics §1.5, size accounting; the text is ours)."""
    archive = zip_of({"index.py": "def handler(event, context): 1\n", "noise": os.urandom(9_000)})
    name = make(tight_client, Code={"ZipFile": archive})
    tight_client.publish_version(FunctionName=name)
    tight_client.update_function_configuration(FunctionName=name, Timeout=9)
    settled(tight_client, name)
    error = refused(tight_client.publish_version, FunctionName=name)
    assert error == user_error("CodeStorageExceededException", 400, "Code storage limit exceeded.")
    tight_client.delete_function(FunctionName=name)


def test_with_the_aws_cli(server: LambdadServer, client: Any) -> None:
    name = fresh_name()
    client.create_function(**creation(name))
    settled(client, name)
    words = ["--function-name", name]
    answer = server.aws("lambda", "publish-version", *words, "--description", "one")
    assert answer == configuration(
        name, Version="1", FunctionArn=arn_of(name, "1"), Description="one"
    )
