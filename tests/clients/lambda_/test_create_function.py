"""CreateFunction. Semantics §1.3, §1.5 and its table of texts; recorded unless said otherwise."""

from __future__ import annotations

import os
import urllib.request
from typing import Any

import pytest

from support.lambda_client import (
    ABROAD,
    ACCOUNT,
    LISTED,
    PENDING,
    ROLE,
    RUNTIME,
    arn_of,
    body_of,
    configuration,
    conflict,
    creation,
    fresh_name,
    invalid,
    lambda_of,
    make,
    not_found,
    payload_of,
    refused,
    settled,
    status_of,
    unqualified_only,
    unreachable,
    untyped,
    user_error,
    validation,
)
from support.layers import make_layer, make_signing_config
from support.packages import zip_of
from support.server import LambdadServer


def test_a_function_is_made_and_becomes_active(client: Any) -> None:
    name = fresh_name()
    answer = client.create_function(**creation(name))
    assert status_of(answer) == 201
    assert body_of(answer) == configuration(name, **PENDING)
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    found = client.get_function(FunctionName=name)
    assert status_of(found) == 200
    location = found["Code"]["Location"]
    assert body_of(found) == {
        "Configuration": configuration(name),
        "Code": {"RepositoryType": "S3", "Location": location},
    }
    assert found["Configuration"]["RevisionId"] != answer["RevisionId"]
    with urllib.request.urlopen(location) as download:
        assert download.read() == zip_of()


def test_published_at_once_with_tags_and_variables(client: Any) -> None:
    """The answer has version 1 under the unqualified ARN."""
    name = fresh_name()
    variables = {"Variables": {"AB": "ä", "CD": ""}}
    given = creation(name, Publish=True, Tags={"k": "v"}, Environment=variables, Description="d")
    answer = client.create_function(**given)
    assert body_of(answer) == configuration(
        name, Version="1", Environment=variables, Description="d", **PENDING
    )
    settled(client, name)
    found = client.get_function(FunctionName=name, Qualifier="1")
    assert found["Tags"] == {"k": "v"}
    assert found["Configuration"] == configuration(
        name, Version="1", FunctionArn=arn_of(name, "1"), Environment=variables, Description="d"
    )


def test_the_largest_tmp_is_not_for_snap_start(client: Any) -> None:
    name = fresh_name()
    largest: dict[str, Any] = {"EphemeralStorage": {"Size": 10_240}, "Runtime": "python3.12"}
    given = creation(name, **largest, SnapStart={"ApplyOn": "PublishedVersions"})
    error = refused(client.create_function, **given)["Error"]
    assert (error["Code"], "512 MB" in error["Message"]) == ("InvalidParameterValueException", True)
    answer = client.create_function(**creation(name, **largest))
    assert answer["EphemeralStorage"] == {"Size": 10_240}


def test_every_setting(client: Any) -> None:
    name, layer = fresh_name(), make_layer(client)
    settings: dict[str, Any] = {
        "Timeout": 900,
        "MemorySize": 10_240,
        "Environment": {"Variables": {}},
        "TracingConfig": {"Mode": "Active"},
        "EphemeralStorage": {"Size": 512},  # all that goes with SnapStart
        "DeadLetterConfig": {"TargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"},
        "KMSKeyArn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k",
        "SnapStart": {"ApplyOn": "PublishedVersions"},
        "Runtime": "python3.12",
    }
    answer = client.create_function(
        **creation(name, Layers=[layer["LayerVersionArn"]], **settings),
        LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN", "LogGroup": "/mine"},
        VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
    )
    assert body_of(answer) == configuration(
        name,
        **settings
        | {"SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}}
        | {"RuntimeVersionConfig": answer["RuntimeVersionConfig"]},
        Layers=[{"Arn": layer["LayerVersionArn"], "CodeSize": layer["Content"]["CodeSize"]}],
        LoggingConfig={
            "LogFormat": "JSON",
            "ApplicationLogLevel": "INFO",
            "SystemLogLevel": "WARN",
            "LogGroup": "/mine",
        },
        VpcConfig={
            "SubnetIds": [],
            "SecurityGroupIds": [],
            "VpcId": "",
            "Ipv6AllowedForDualStack": False,
        },
        **PENDING,
    )


@pytest.mark.parametrize(
    "form",
    ["{arn}", "000000000000:function:{name}", "us-east-1:000000000000:function:{name}",
     "function:{name}"],
)  # fmt: skip
def test_every_form_of_a_name(client: Any, form: str) -> None:
    name = fresh_name()
    given = form.format(arn=arn_of(name), name=name)
    assert client.create_function(**creation(given))["FunctionName"] == name
    settled(client, given)
    assert client.get_function(FunctionName=given)["Configuration"]["FunctionArn"] == arn_of(name)
    client.delete_function(FunctionName=given)


def test_numbers_go_on_after_a_deletion(client: Any) -> None:
    """AWS Lambda Developer Guide: version numbers are never reused."""
    name = make(client, Publish=True)
    client.delete_function(FunctionName=name)
    assert client.create_function(**creation(name, Publish=True))["Version"] == "2"
    settled(client, name)


MISSING_CONFIG = f"arn:aws:lambda:us-east-1:{ACCOUNT}:code-signing-config:csc-{'0' * 17}"
MISSING_LAYER = f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:missing:1"
ERRORS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"Code": {"ZipFile": b"no zip"}},
        invalid("Could not unzip uploaded file. Please check your file, then try to upload again."),
    ),
    (
        {"Code": {"S3Bucket": "bucket", "S3Key": "key"}},
        invalid(
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The "
            "specified bucket does not exist"
        ),
    ),
    (
        {"Runtime": "nodejs14.x"},
        invalid(
            "The runtime parameter of nodejs14.x is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions."
        ),
    ),
    (
        {"Environment": {"Variables": {"AWS_REGION": "x"}}},
        invalid(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            "for modification. Reserved keys used in this request: AWS_REGION"
        ),
    ),
    (
        {"Environment": {"Variables": {"LARGE": "x" * 4086}}},
        invalid(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided exceeded the 4KB limit. String measured: "
            '{"LARGE":"' + "x" * 4086 + '"}'
        ),
    ),
    (
        {"FunctionName": "a" * 65},
        invalid(
            f"1 validation error detected: Value '{'a' * 65}' at 'functionName' failed to satisfy "
            "constraint: Member must have length less than or equal to 64"
        ),
    ),
    ({"FunctionName": "f:1"}, unqualified_only()),
    ({"Layers": [MISSING_LAYER]}, invalid(f"Layer version {MISSING_LAYER} does not exist.")),
    ({"Tags": {f"k{number}": "v" for number in range(51)}},
     invalid("Number of tags exceeds resource tag limit.")),
    (
        {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
        invalid(
            "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. "
            "EC2 Error Message: The subnet ID 'subnet-1' does not exist"
        ),
    ),
    ({"FunctionName": ABROAD}, unreachable()),
    (
        {"Role": "r1"},
        validation(
            "Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular "
            r"expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
        ),
    ),
    (
        {"Role": f"arn:aws:iam::{ACCOUNT}:role/nobody"},
        invalid("The role defined for the function cannot be assumed by Lambda."),
    ),
    (
        {"Architectures": ["x86_64", "arm64"]},
        validation(
            "Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must "
            "have length less than or equal to 1"
        ),
    ),
    (
        {"Code": {"ZipFile": bytes(52_428_800)}},
        untyped(
            "RequestEntityTooLargeException",
            413,
            "Zipped size must be smaller than 52428800 bytes",
        ),
    ),
    (
        {"CodeSigningConfigArn": MISSING_CONFIG},
        user_error(
            "CodeSigningConfigNotFoundException",
            404,
            "The code signing configuration cannot be found. Check that the provided configuration "
            f"is not deleted: {MISSING_CONFIG}.",
            "Message",
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "error"), ERRORS)
def test_refusals(client: Any, changes: dict[str, Any], error: dict[str, Any]) -> None:
    name = fresh_name()
    assert refused(client.create_function, **creation(name, **changes)) == error
    assert refused(client.get_function, FunctionName=name)["Status"] == 404


def test_an_unknown_runtime_is_told_the_known_ones(client: Any) -> None:
    found = refused(client.create_function, **creation(fresh_name(), Runtime="cobol"))
    assert found["Error"]["Code"] == "InvalidParameterValueException"
    text = found["Error"]["Message"]
    assert text.startswith("Value cobol at 'runtime' failed to satisfy constraint: Member must ")
    assert text.endswith("] or be a valid ARN")


def test_another_account_is_closed_without_a_word(client: Any) -> None:
    other = "arn:aws:lambda:us-east-1:123456789012:function:f"
    assert refused(client.create_function, **creation(other)) == untyped(
        "AccessDeniedException", 403, None
    )


def test_a_name_is_taken_once(client: Any) -> None:
    name = make(client)
    error = refused(client.create_function, **creation(name))
    assert error == conflict(f"Function already exist: {name}")


def test_a_capacity_provider_has_to_be_there(client: Any) -> None:
    provider = f"arn:aws:lambda:us-east-1:{ACCOUNT}:capacity-provider:none"
    placement = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": provider}}
    given = creation(fresh_name(), CapacityProviderConfig=placement, MemorySize=2048)
    assert refused(client.create_function, **given) == not_found(
        f"Capacity provider not found: {provider}"
    )


def test_unsigned_code_where_signatures_are_enforced(client: Any) -> None:
    """The text is the API reference's of CodeVerificationFailedException."""
    arn = make_signing_config(client, "Enforce")
    error = refused(client.create_function, **creation(fresh_name(), CodeSigningConfigArn=arn))
    assert error == user_error(
        "CodeVerificationFailedException",
        400,
        "Lambda cannot deploy the function. The function or layer might be signed using a "
        "signature that the client is not configured to accept. Check the provided signature for "
        "the code.",
        "Message",
    )


def test_code_has_a_bound(tight_client: Any) -> None:
    """API reference: "Your Amazon Web Services account has exceeded its maximum total code
    size"; the text is ours."""
    large = zip_of({"index.py": "", "noise": os.urandom(30_000)})
    error = refused(tight_client.create_function, **creation(fresh_name(), Code={"ZipFile": large}))
    assert error == user_error("CodeStorageExceededException", 400, "Code storage limit exceeded.")


def test_with_the_aws_cli(server: LambdadServer, tmp_path: Any) -> None:
    name, archive = fresh_name(), tmp_path / "code.zip"
    archive.write_bytes(zip_of())
    answer = server.aws(
        "lambda", "create-function", "--function-name", name, "--runtime", RUNTIME,
        "--handler", "index.handler", "--role", ROLE, "--zip-file", f"fileb://{archive}",
    )  # fmt: skip
    assert answer == configuration(name, **PENDING)
    server.aws("lambda", "wait", "function-active-v2", "--function-name", name)
    found = server.aws("lambda", "get-function", "--function-name", name)
    assert found["Configuration"] == configuration(name)
    listed = server.aws("lambda", "list-functions")["Functions"]
    assert configuration(name, **LISTED) in listed
    server.aws("lambda", "delete-function", "--function-name", name)
    done = server.aws("lambda", "get-function", "--function-name", name, check=False)
    assert done.returncode != 0
    assert "(ResourceNotFoundException)" in done.stderr
    assert f"Function not found: {arn_of(name)}" in done.stderr


def test_it_runs_as_soon_as_it_is_active(client: Any) -> None:
    assert payload_of(client.invoke(FunctionName=make(client), Payload=b"[1]")) == [1]


def test_what_lambdad_does_not_run_is_refused(server: LambdadServer) -> None:
    """A container image is not silently something else (the first sentence is AWS's)."""
    image = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/x:y"
    given = creation(fresh_name(), PackageType="Image", Code={"ImageUri": image})
    error = refused(lambda_of(server).create_function, **given)
    assert error == invalid(
        f"Source image {image} does not exist. Provide a valid source image. (lambdad does not "
        "run container images yet: create the function from a zip.)"
    )
