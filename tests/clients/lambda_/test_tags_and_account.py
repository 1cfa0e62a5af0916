"""Tags and account settings by boto3 and the AWS CLI."""

from __future__ import annotations

from typing import Any

import pytest

from support.lambda_client import (
    arn_of,
    body_of,
    fresh_name,
    invalid,
    lambda_of,
    make,
    not_found,
    refused,
    settled,
    status_of,
    validation,
)
from support.packages import zip_of
from support.server import LambdadServer

MAPPING = (
    "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:"
    "65d8c598-c4d8-484a-a2db-08efce8e8e11"
)
UNTAGGABLE = (
    "Tags on function aliases and versions are not supported. Please specify a function ARN."
)


def test_tags(server: LambdadServer) -> None:
    client = lambda_of(server)
    name = make(client, Tags={"a": "1"})
    arn = arn_of(name)
    before = settled(client, name)["RevisionId"]
    answer = client.tag_resource(Resource=arn, Tags={"b": "2", "a": "3"})
    assert (status_of(answer), body_of(answer)) == (204, {})
    assert body_of(client.list_tags(Resource=arn)) == {"Tags": {"a": "3", "b": "2"}}
    assert client.get_function(FunctionName=name)["Tags"] == {"a": "3", "b": "2"}
    answer = client.untag_resource(Resource=arn, TagKeys=["a", "b", "c"])
    assert (status_of(answer), body_of(answer)) == (204, {})
    assert body_of(client.list_tags(Resource=arn)) == {"Tags": {}}
    assert "Tags" not in client.get_function(FunctionName=name)
    assert settled(client, name)["RevisionId"] != before


@pytest.mark.parametrize("qualifier", ["1", "$LATEST", "alias"])
def test_only_whole_functions_have_tags(server: LambdadServer, qualifier: str) -> None:
    client = lambda_of(server)
    resource = arn_of(fresh_name(), qualifier)
    assert refused(client.list_tags, Resource=resource) == invalid(UNTAGGABLE)
    assert refused(client.tag_resource, Resource=resource, Tags={"a": "b"}) == invalid(UNTAGGABLE)


def test_tag_errors(server: LambdadServer) -> None:
    client = lambda_of(server)
    gone = arn_of(fresh_name())
    for resource, message in (
        (gone, f"Function not found: {gone}"),
        (MAPPING, f"Event source mapping not found: {MAPPING}"),
    ):
        for call, params in (
            (client.list_tags, {}),
            (client.tag_resource, {"Tags": {"a": "b"}}),
            (client.untag_resource, {"TagKeys": ["a"]}),
        ):
            assert refused(call, Resource=resource, **params) == not_found(message)
    name = make(client)
    many = {f"k{number}": "v" for number in range(51)}
    assert refused(client.tag_resource, Resource=arn_of(name), Tags=many) == invalid(
        "Number of tags exceeds resource tag limit."
    )
    assert refused(client.tag_resource, Resource=arn_of(name), Tags={}) == invalid(
        "An error occurred and the request cannot be processed."
    )
    assert refused(client.untag_resource, Resource=arn_of(name), TagKeys=[]) == validation(
        "Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"
    )


def test_account_settings_add_up(fresh_server: LambdadServer) -> None:
    client = lambda_of(fresh_server)

    def usage() -> dict[str, Any]:
        return client.get_account_settings()["AccountUsage"]

    assert body_of(client.get_account_settings()) == {
        "AccountLimit": {
            "TotalCodeSize": 322_122_547_200,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": 1000,
            "UnreservedConcurrentExecutions": 1000,
        },
        "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": 0},
    }
    size = len(zip_of())
    name = make(client)
    assert usage() == {"TotalCodeSize": size, "FunctionCount": 1}
    client.update_function_configuration(FunctionName=name, Timeout=9)
    settled(client, name)
    assert usage() == {"TotalCodeSize": size, "FunctionCount": 1}
    client.publish_version(FunctionName=name)
    assert usage() == {"TotalCodeSize": 2 * size, "FunctionCount": 1}
    fresh_server.restart()
    client = lambda_of(fresh_server)
    assert usage() == {"TotalCodeSize": 2 * size, "FunctionCount": 1}
    client.delete_function(FunctionName=name)
    assert usage() == {"TotalCodeSize": 0, "FunctionCount": 0}


def test_with_the_aws_cli(server: LambdadServer) -> None:
    arn = arn_of(make(lambda_of(server)))
    server.aws("lambda", "tag-resource", "--resource", arn, "--tags", "a=b")
    assert server.aws("lambda", "list-tags", "--resource", arn) == {"Tags": {"a": "b"}}
    assert "AccountUsage" in server.aws("lambda", "get-account-settings")
