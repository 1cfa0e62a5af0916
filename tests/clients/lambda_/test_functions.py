"""CreateFunction, GetFunction, ListFunctions, DeleteFunction by boto3 and the AWS CLI."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

from support.lambda_client import (
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
    refused,
    settled,
    status_of,
    untyped,
    validation,
)
from support.packages import zip_of
from support.server import LambdadServer


def test_a_function_is_made_and_becomes_active(server: LambdadServer) -> None:
    client, name = lambda_of(server), fresh_name()
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


def test_published_at_once_with_tags_and_variables(server: LambdadServer) -> None:
    client, name = lambda_of(server), fresh_name()
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


@pytest.mark.parametrize(
    "form",
    ["{arn}", "000000000000:function:{name}", "us-east-1:000000000000:function:{name}",
     "function:{name}"],
)  # fmt: skip
def test_every_form_of_a_name(server: LambdadServer, form: str) -> None:
    client, name = lambda_of(server), fresh_name()
    given = form.format(arn=arn_of(name), name=name)
    assert client.create_function(**creation(given))["FunctionName"] == name
    settled(client, given)
    assert client.get_function(FunctionName=given)["Configuration"]["FunctionArn"] == arn_of(name)
    client.delete_function(FunctionName=given)


CREATION_ERRORS: list[tuple[dict[str, Any], dict[str, Any]]] = [
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
    (
        {"FunctionName": "arn:aws:lambda:eu-west-1:000000000000:function:f"},
        not_found("Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"),
    ),
    (
        {"Role": "r1"},
        validation(
            "Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular "
            r"expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
        ),
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
]  # fmt: skip


@pytest.mark.parametrize(("changes", "error"), CREATION_ERRORS)
def test_creation_errors(
    server: LambdadServer, changes: dict[str, Any], error: dict[str, Any]
) -> None:
    client, name = lambda_of(server), fresh_name()
    assert refused(client.create_function, **creation(name, **changes)) == error
    assert refused(client.get_function, FunctionName=name)["Status"] == 404


def test_an_unknown_runtime_is_told_the_known_ones(server: LambdadServer) -> None:
    found = refused(lambda_of(server).create_function, **creation(fresh_name(), Runtime="cobol"))
    assert found["Error"]["Code"] == "InvalidParameterValueException"
    text = found["Error"]["Message"]
    assert text.startswith("Value cobol at 'runtime' failed to satisfy constraint: Member must ")
    assert text.endswith("] or be a valid ARN")


def test_another_account_is_closed_without_a_word(server: LambdadServer) -> None:
    client = lambda_of(server)
    other = "arn:aws:lambda:us-east-1:123456789012:function:f"
    for call, params in (
        (client.create_function, creation(other)),
        (client.get_function, {"FunctionName": other}),
        (client.invoke, {"FunctionName": other}),
        (client.delete_function, {"FunctionName": other}),
    ):
        assert refused(call, **params) == untyped("AccessDeniedException", 403, None)


def test_a_name_is_taken_once(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client)
    error = refused(client.create_function, **creation(name))
    assert error == conflict(f"Function already exist: {name}")


def test_what_is_not_there(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client)
    gone = fresh_name()
    for call in (client.get_function, client.get_function_configuration):
        for given, qualifier, arn in (
            (gone, None, arn_of(gone)),
            (name, "7", arn_of(name, "7")),
            (name, "nobody", arn_of(name, "nobody")),
            (f"{name}:nobody", None, arn_of(name, "nobody")),
        ):
            params = {"FunctionName": given} | ({"Qualifier": qualifier} if qualifier else {})
            assert refused(call, **params) == not_found(f"Function not found: {arn}")
    error = refused(client.get_function, FunctionName=arn_of(name, "1"), Qualifier="$LATEST")
    assert error == invalid(
        "The derived qualifier from the function name does not match the specified qualifier."
    )


def test_lists_and_pages(server: LambdadServer) -> None:
    client = lambda_of(server)
    names = sorted(make(client, Publish=True) for _ in range(3))

    def listed(**params: Any) -> list[dict[str, Any]]:
        pages = client.get_paginator("list_functions").paginate(**params)
        found = [function for page in pages for function in page["Functions"]]
        return [function for function in found if function["FunctionName"] in names]

    assert listed() == [configuration(name, **LISTED) for name in names]
    assert listed(PaginationConfig={"PageSize": 1}) == listed()
    every = [
        configuration(name, Version=version, FunctionArn=arn_of(name, version), **LISTED)
        for name in names
        for version in ("$LATEST", "1")
    ]
    assert listed(FunctionVersion="ALL", PaginationConfig={"PageSize": 1}) == every
    error = refused(client.list_functions, FunctionVersion="some")
    assert error == validation(
        "Value 'some' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum "
        "value set: [ALL]"
    )


def test_deleting(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert refused(client.delete_function, FunctionName=name, Qualifier="1") == conflict(
        "Unable to delete version because the following aliases reference it: [live]"
    )
    assert refused(client.delete_function, FunctionName=name, Qualifier="$LATEST") == invalid(
        "$LATEST version cannot be deleted without deleting the function."
    )
    assert refused(client.delete_function, FunctionName=name, Qualifier="live") == invalid(
        "Deletion of aliases is not currently supported."
    )
    assert status_of(client.delete_function(FunctionName=name, Qualifier="12")) == 204
    client.delete_alias(FunctionName=name, Name="live")
    assert status_of(client.delete_function(FunctionName=name, Qualifier="1")) == 204
    answer = client.delete_function(FunctionName=name)
    assert (status_of(answer), body_of(answer)) == (204, {"StatusCode": 204})
    for params in ({"FunctionName": name}, {"FunctionName": name, "Qualifier": "1"}):
        error = refused(client.delete_function, **params)
        assert error == not_found(f"Function not found: {arn_of(name)}")


def test_numbers_go_on_after_a_deletion(server: LambdadServer) -> None:
    """AWS Lambda Developer Guide: version numbers are never reused."""
    client = lambda_of(server)
    name = make(client, Publish=True)
    client.delete_function(FunctionName=name)
    assert client.create_function(**creation(name, Publish=True))["Version"] == "2"
    settled(client, name)


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
