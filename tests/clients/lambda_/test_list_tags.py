"""ListTags. Semantics §1.14; recorded."""

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
    not_found,
    refused,
    status_of,
    unreachable,
)
from support.layers import make_signing_config, no_signing_config
from support.tags import MISSING, MISSING_CONFIG, UNTAGGABLE


def test_of_a_function_and_of_a_code_signing_configuration(client: Any) -> None:
    assert body_of(client.list_tags(Resource=arn_of(make(client)))) == {"Tags": {}}
    tags = {"a": "1", "b": ""}
    for arn in (arn_of(make(client, Tags=tags)), make_signing_config(client, Tags=tags)):
        answer = client.list_tags(Resource=arn)
        assert (status_of(answer), body_of(answer)) == (200, {"Tags": tags})


@pytest.mark.parametrize("qualifier", ["1", "$LATEST", "alias"])
def test_only_whole_functions_have_tags(client: Any, qualifier: str) -> None:
    resource = arn_of(fresh_name(), qualifier)
    assert refused(client.list_tags, Resource=resource) == invalid(UNTAGGABLE)


@pytest.mark.parametrize("kind", MISSING)
def test_what_is_not_there(client: Any, kind: str) -> None:
    arn, message = MISSING[kind]
    assert refused(client.list_tags, Resource=arn) == not_found(message)


def test_refusals(client: Any) -> None:
    error = refused(client.list_tags, Resource=MISSING_CONFIG)
    assert error == no_signing_config(MISSING_CONFIG)
    assert refused(client.list_tags, Resource=ABROAD) == unreachable()
