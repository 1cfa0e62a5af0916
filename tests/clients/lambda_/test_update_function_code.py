"""UpdateFunctionCode. Semantics §1.5, quirks 1, 2 and 14; recorded unless said otherwise."""

from __future__ import annotations

import os
from typing import Any

import pytest

from support.lambda_client import (
    ABROAD,
    IN_PROGRESS,
    PENDING,
    arn_of,
    body_of,
    configuration,
    fresh_name,
    invalid,
    make,
    make_pending,
    make_updating,
    not_found,
    payload_of,
    pending,
    refused,
    settled,
    sha256_of,
    stale,
    status_of,
    unqualified_only,
    unreachable,
    untyped,
    updating,
    user_error,
)
from support.layers import make_signing_config
from support.packages import zip_of
from support.server import LambdadServer

NEW = zip_of({"index.py": "def handler(event, context):\n    return 'new'\n"})
NEW_CODE = {"CodeSize": len(NEW), "CodeSha256": sha256_of(NEW)}


def test_new_code(client: Any) -> None:
    """Two new revisions: when it begins, and when it is done."""
    name = make(client)
    before = settled(client, name)["RevisionId"]
    answer = client.update_function_code(FunctionName=name, ZipFile=NEW)
    assert status_of(answer) == 200
    assert body_of(answer) == configuration(name, **NEW_CODE, **IN_PROGRESS)
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
    after = settled(client, name)
    assert after == configuration(name, **NEW_CODE)
    assert len({before, answer["RevisionId"], after["RevisionId"]}) == 3
    assert payload_of(client.invoke(FunctionName=name, Payload=b"1")) == "new"


def test_published(client: Any) -> None:
    name = make(client)
    answer = client.update_function_code(FunctionName=name, ZipFile=NEW, Publish=True)
    one = {"Version": "1", "FunctionArn": arn_of(name, "1")}
    assert body_of(answer) == configuration(name, **NEW_CODE, **one, **PENDING)
    client.get_waiter("published_version_active").wait(
        FunctionName=name, Qualifier="1", WaiterConfig={"Delay": 1}
    )
    found = client.get_function_configuration(FunctionName=name, Qualifier="1")
    assert body_of(found) == configuration(name, **NEW_CODE, **one)


def test_a_dry_run(client: Any) -> None:
    name = make(client)
    before = settled(client, name)
    answer = client.update_function_code(FunctionName=name, ZipFile=NEW, DryRun=True)
    assert body_of(answer) == before | NEW_CODE
    assert settled(client, name) == before


def test_another_architecture(client: Any) -> None:
    name = make(client)
    arm = {"Architectures": ["arm64"]}
    answer = client.update_function_code(FunctionName=name, ZipFile=NEW, **arm, DryRun=True)
    assert body_of(answer) == configuration(name, **NEW_CODE, **arm)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        (
            {"ImageUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/x:y"},
            invalid("Please don't provide ImageUri when updating a function with packageType Zip."),
        ),
        (
            {"ZipFile": b"x"},
            invalid(
                "Could not unzip uploaded file. Please check your file, then try to upload again."
            ),
        ),
        (
            {"S3Bucket": "bucket", "S3Key": "k"},
            invalid(
                "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: "
                "The specified bucket does not exist"
            ),
        ),
        (
            {"ZipFile": bytes(52_428_800)},
            untyped(
                "RequestEntityTooLargeException",
                413,
                "Zipped size must be smaller than 52428800 bytes",
            ),
        ),
        ({"ZipFile": NEW, "RevisionId": "wrong"}, stale()),
    ],
)
def test_refusals(client: Any, params: dict[str, Any], error: dict[str, Any]) -> None:
    name = make(client)
    assert refused(client.update_function_code, FunctionName=name, **params) == error
    assert settled(client, name) == configuration(name)


def test_a_function_that_is_not_there(client: Any) -> None:
    name = fresh_name()
    error = refused(client.update_function_code, FunctionName=name, ZipFile=NEW)
    assert error == not_found(f"Function not found: {arn_of(name)}")
    error = refused(client.update_function_code, FunctionName=ABROAD, ZipFile=NEW)
    assert error == unreachable()
    error = refused(client.update_function_code, FunctionName=f"{name}:1", ZipFile=NEW)
    assert error == unqualified_only()


def test_one_change_at_a_time(client: Any) -> None:
    """Developer guide, "Lambda function states"; the texts are recorded."""
    name = make_pending(client)
    assert refused(client.update_function_code, FunctionName=name, ZipFile=NEW) == pending()
    name = make_updating(client)
    assert refused(client.update_function_code, FunctionName=name, ZipFile=NEW) == updating(name)


def test_unsigned_code_where_signatures_are_enforced(client: Any) -> None:
    """The text is the API reference's of CodeVerificationFailedException."""
    name = make(client)
    arn = make_signing_config(client, "Enforce")
    client.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=arn)
    error = refused(client.update_function_code, FunctionName=name, ZipFile=NEW)
    assert error == user_error(
        "CodeVerificationFailedException",
        400,
        "Lambda cannot deploy the function. The function or layer might be signed using a "
        "signature that the client is not configured to accept. Check the provided signature for "
        "the code.",
        "Message",
    )
    assert settled(client, name) == configuration(name)


def test_code_has_a_bound(tight_client: Any) -> None:
    """The text is ours."""
    large = zip_of({"index.py": "", "noise": os.urandom(30_000)})
    name = make(tight_client)
    error = refused(tight_client.update_function_code, FunctionName=name, ZipFile=large)
    assert error == user_error("CodeStorageExceededException", 400, "Code storage limit exceeded.")


def test_with_the_aws_cli(server: LambdadServer, client: Any, tmp_path: Any) -> None:
    name, archive = make(client), tmp_path / "new.zip"
    archive.write_bytes(NEW)
    answer = server.aws(
        "lambda", "update-function-code", "--function-name", name,
        "--zip-file", f"fileb://{archive}",
    )  # fmt: skip
    assert answer == configuration(name, **NEW_CODE, **IN_PROGRESS)
