"""GetFunctionUrlConfig. Semantics §1.12; recorded."""

from __future__ import annotations

from typing import Any

from support.function_url_configs import PATTERN, url_config
from support.lambda_client import (
    ABROAD,
    GONE,
    body_of,
    fresh_name,
    make,
    mismatch,
    not_found,
    refused,
    status_of,
    unreachable,
    validation,
)


def test_a_url(client: Any) -> None:
    name = make(client)
    made = client.create_function_url_config(FunctionName=name, AuthType="NONE")
    answer = client.get_function_url_config(FunctionName=name)
    expected = url_config(name, FunctionUrl=made["FunctionUrl"], CreationTime=made["CreationTime"])
    assert (status_of(answer), body_of(answer)) == (200, expected)


def test_it_outlives_its_alias(client: Any) -> None:
    """Quirk 22."""
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    at = {"FunctionName": name, "Qualifier": "live"}
    client.create_function_url_config(**at, AuthType="NONE")
    client.delete_alias(FunctionName=name, Name="live")
    assert body_of(client.get_function_url_config(**at)) == url_config(name, "live")


def test_refusals(client: Any) -> None:
    get, name = client.get_function_url_config, make(client)
    for given in (name, f"{name}:none", fresh_name()):
        assert refused(get, FunctionName=given) == not_found(GONE)
    assert refused(get, FunctionName=ABROAD) == unreachable()
    assert refused(get, FunctionName=f"{name}:a", Qualifier="b") == mismatch()
    error = refused(get, FunctionName=name, Qualifier="1")
    assert error == validation(f"Value '1' at 'qualifier' {PATTERN}")
