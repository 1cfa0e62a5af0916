"""UpdateFunctionCode and UpdateFunctionConfiguration by boto3 and the AWS CLI."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.lambda_client import (
    IN_PROGRESS,
    PENDING,
    arn_of,
    body_of,
    configuration,
    conflict,
    fresh_name,
    invalid,
    lambda_of,
    make,
    not_found,
    payload_of,
    refused,
    settled,
    sha256_of,
    status_of,
    user_error,
)
from support.packages import zip_of
from support.server import LambdadServer

NEW = zip_of({"index.py": "def handler(event, context):\n    return 'new'\n"})
NEW_CODE = {"CodeSize": len(NEW), "CodeSha256": sha256_of(NEW)}
STALE = user_error(
    "PreconditionFailedException",
    412,
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias "
    "API to retrieve the latest Revision Id",
)


def test_new_code(server: LambdadServer) -> None:
    client = lambda_of(server)
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


def test_new_code_published(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client)
    answer = client.update_function_code(FunctionName=name, ZipFile=NEW, Publish=True)
    one = {"Version": "1", "FunctionArn": arn_of(name, "1")}
    assert body_of(answer) == configuration(name, **NEW_CODE, **one, **PENDING)
    client.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1")
    found = client.get_function_configuration(FunctionName=name, Qualifier="1")
    assert body_of(found) == configuration(name, **NEW_CODE, **one)


def test_a_dry_run(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client)
    before = settled(client, name)
    answer = client.update_function_code(FunctionName=name, ZipFile=NEW, DryRun=True)
    assert body_of(answer) == before | NEW_CODE
    assert settled(client, name) == before


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
        ({"ZipFile": NEW, "RevisionId": "wrong"}, STALE),
    ],
)
def test_code_errors(server: LambdadServer, params: dict[str, Any], error: dict[str, Any]) -> None:
    client = lambda_of(server)
    name = make(client)
    assert refused(client.update_function_code, FunctionName=name, **params) == error
    assert settled(client, name) == configuration(name)


def test_a_new_configuration(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client, Environment={"Variables": {"OLD": "1"}}, Description="old")
    changes: dict[str, Any] = {
        "Timeout": 10,
        "MemorySize": 256,
        "Environment": {"Variables": {"NEW": "2"}},
        "TracingConfig": {"Mode": "Active"},
        "EphemeralStorage": {"Size": 1024},
        "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:q"},
    }
    answer = client.update_function_configuration(FunctionName=name, **changes)
    expected = {"Description": "old"} | changes
    assert body_of(answer) == configuration(name, **expected, **IN_PROGRESS)
    assert settled(client, name) == configuration(name, **expected)
    client.update_function_configuration(FunctionName=name, DeadLetterConfig={"TargetArn": ""})
    assert settled(client, name) == configuration(name, **expected | {"DeadLetterConfig": None})


def test_the_log_format_brings_its_levels_and_takes_them_away(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client)
    for given, shown in (
        (
            {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"},
            {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO"},
        ),
        ({"LogFormat": "Text"}, {"LogFormat": "Text"}),
    ):
        client.update_function_configuration(FunctionName=name, LoggingConfig=given)
        expected = shown | {"LogGroup": f"/aws/lambda/{name}"}
        assert settled(client, name) == configuration(name, LoggingConfig=expected)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        (
            {"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": "nodejs22.x"},
            invalid("nodejs22.x is not supported for SnapStart enabled functions."),
        ),
        (
            {"Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:l:1"]},
            invalid(
                "Layer version arn:aws:lambda:us-east-1:000000000000:layer:l:1 does not exist."
            ),
        ),
        (
            {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
            invalid(
                "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. "
                "EC2 Error Message: The subnet ID 'subnet-1' does not exist"
            ),
        ),
        ({"RevisionId": "wrong"}, STALE),
    ],
)
def test_configuration_errors(
    server: LambdadServer, params: dict[str, Any], error: dict[str, Any]
) -> None:
    client = lambda_of(server)
    name = make(client)
    assert refused(client.update_function_configuration, FunctionName=name, **params) == error
    assert settled(client, name) == configuration(name)


def test_one_update_at_a_time(server: LambdadServer) -> None:
    """Of many updates sent at once each is accepted, or told that another one is in progress.
    (That one is refused meanwhile is shown without a race in tests/unit/services/lambda_.)"""
    client = lambda_of(server)
    name = make(client)
    in_progress = conflict(
        "The operation cannot be performed at this time. An update is in progress for resource: "
        f"{arn_of(name)}"
    )

    def update(timeout: int) -> int | dict[str, Any]:
        try:
            answer = client.update_function_configuration(FunctionName=name, Timeout=timeout)
        except ClientError as error:
            return body_of(error.response) | {"Status": status_of(error.response)}
        accepted: int = answer["Timeout"]
        return accepted

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(update, range(1, 17)))
    accepted = [result for result in results if isinstance(result, int)]
    assert accepted
    assert all(result == in_progress for result in results if isinstance(result, dict))
    assert settled(client, name)["Timeout"] in accepted


def test_a_function_that_is_not_there(server: LambdadServer) -> None:
    client, name = lambda_of(server), fresh_name()
    error = not_found(f"Function not found: {arn_of(name)}")
    assert refused(client.update_function_configuration, FunctionName=name) == error
    assert refused(client.update_function_code, FunctionName=name, ZipFile=NEW) == error


def test_with_the_aws_cli(server: LambdadServer, tmp_path: Any) -> None:
    name, archive = make(lambda_of(server)), tmp_path / "new.zip"
    archive.write_bytes(NEW)
    words = ["--function-name", name]
    answer = server.aws("lambda", "update-function-configuration", *words, "--timeout", "9")
    assert answer == configuration(name, Timeout=9, **IN_PROGRESS)
    server.aws("lambda", "wait", "function-updated-v2", *words)
    answer = server.aws(
        "lambda", "update-function-code", *words, "--zip-file", f"fileb://{archive}"
    )
    assert answer == configuration(name, Timeout=9, **NEW_CODE, **IN_PROGRESS)
