"""UntagResource. Semantics §1.14, §1.5 (revisions); recorded."""

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
    validation,
)
from support.layers import make_signing_config, no_signing_config
from support.tags import MISSING, MISSING_CONFIG, UNTAGGABLE


def test_tags_go_and_may_be_gone_before(client: Any) -> None:
    name = make(client, Tags={"a": "1", "b": "2"})
    arn = arn_of(name)
    before = settled(client, name)["RevisionId"]
    answer = client.untag_resource(Resource=arn, TagKeys=["a", "b", "c"])
    assert (status_of(answer), body_of(answer)) == (204, {})
    assert body_of(client.list_tags(Resource=arn)) == {"Tags": {}}
    assert "Tags" not in client.get_function(FunctionName=name)
    assert settled(client, name)["RevisionId"] != before


def test_of_a_code_signing_configuration(client: Any) -> None:
    arn = make_signing_config(client, Tags={"a": "1", "b": "2"})
    answer = client.untag_resource(Resource=arn, TagKeys=["a"])
    assert (status_of(answer), body_of(answer)) == (204, {})
    assert body_of(client.list_tags(Resource=arn)) == {"Tags": {"b": "2"}}


@pytest.mark.parametrize("qualifier", ["1", "$LATEST", "alias"])
def test_only_whole_functions_have_tags(client: Any, qualifier: str) -> None:
    resource = arn_of(fresh_name(), qualifier)
    assert refused(client.untag_resource, Resource=resource, TagKeys=["a"]) == invalid(UNTAGGABLE)


@pytest.mark.parametrize("kind", MISSING)
def test_what_is_not_there(client: Any, kind: str) -> None:
    arn, message = MISSING[kind]
    assert refused(client.untag_resource, Resource=arn, TagKeys=["a"]) == not_found(message)


def test_refusals(client: Any) -> None:
    untag = client.untag_resource
    assert refused(untag, Resource=arn_of(make(client)), TagKeys=[]) == validation(
        "Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"
    )
    error = refused(untag, Resource=MISSING_CONFIG, TagKeys=["a"])
    assert error == no_signing_config(MISSING_CONFIG)
    assert refused(untag, Resource=ABROAD, TagKeys=["a"]) == unreachable()


def test_not_while_an_update_is_in_progress(client: Any) -> None:
    """Semantics §1.5."""
    name = make_updating(client)
    error = refused(client.untag_resource, Resource=arn_of(name), TagKeys=["a"])
    assert error == updating(name)
