"""TagResource. Semantics §1.14, §1.5 (revisions); recorded."""

from __future__ import annotations

from typing import Any

import pytest

from support.lambda_client import (
    ABROAD,
    arn_of,
    body_of,
    fresh_name,
    invalid,
    make,
    make_updating,
    not_found,
    refused,
    settled,
    status_of,
    unreachable,
    updating,
)
from support.layers import make_signing_config, no_signing_config
from support.server import LambdadServer
from support.tags import MISSING, MISSING_CONFIG, UNTAGGABLE


def test_tags_are_added_and_replaced(client: Any) -> None:
    name = make(client, Tags={"a": "1"})
    arn = arn_of(name)
    before = settled(client, name)["RevisionId"]
    answer = client.tag_resource(Resource=arn, Tags={"b": "2", "a": "3"})
    assert (status_of(answer), body_of(answer)) == (204, {})
    assert body_of(client.list_tags(Resource=arn)) == {"Tags": {"a": "3", "b": "2"}}
    assert client.get_function(FunctionName=name)["Tags"] == {"a": "3", "b": "2"}
    assert settled(client, name)["RevisionId"] != before


def test_of_a_code_signing_configuration(client: Any) -> None:
    arn = make_signing_config(client, Tags={"a": "1"})
    answer = client.tag_resource(Resource=arn, Tags={"b": "2"})
    assert (status_of(answer), body_of(answer)) == (204, {})
    assert body_of(client.list_tags(Resource=arn)) == {"Tags": {"a": "1", "b": "2"}}


@pytest.mark.parametrize("qualifier", ["1", "$LATEST", "alias"])
def test_only_whole_functions_have_tags(client: Any, qualifier: str) -> None:
    resource = arn_of(fresh_name(), qualifier)
    assert refused(client.tag_resource, Resource=resource, Tags={"a": "b"}) == invalid(UNTAGGABLE)


@pytest.mark.parametrize("kind", MISSING)
def test_what_is_not_there(client: Any, kind: str) -> None:
    arn, message = MISSING[kind]
    assert refused(client.tag_resource, Resource=arn, Tags={"a": "b"}) == not_found(message)


def test_refusals(client: Any) -> None:
    tag, arn = client.tag_resource, arn_of(make(client))
    many = {f"k{number}": "v" for number in range(51)}
    assert refused(tag, Resource=arn, Tags=many) == invalid(
        "Number of tags exceeds resource tag limit."
    )
    assert refused(tag, Resource=arn, Tags={}) == invalid(
        "An error occurred and the request cannot be processed."
    )
    assert refused(tag, Resource=MISSING_CONFIG, Tags={"a": "b"}) == no_signing_config(
        MISSING_CONFIG
    )
    assert refused(tag, Resource=ABROAD, Tags={"a": "b"}) == unreachable()
    assert body_of(client.list_tags(Resource=arn)) == {"Tags": {}}


def test_not_while_an_update_is_in_progress(client: Any) -> None:
    """Semantics §1.5."""
    name = make_updating(client)
    error = refused(client.tag_resource, Resource=arn_of(name), Tags={"a": "b"})
    assert error == updating(name)


def test_with_the_aws_cli(server: LambdadServer, client: Any) -> None:
    arn = arn_of(make(client))
    server.aws("lambda", "tag-resource", "--resource", arn, "--tags", "a=b")
    assert server.aws("lambda", "list-tags", "--resource", arn) == {"Tags": {"a": "b"}}
