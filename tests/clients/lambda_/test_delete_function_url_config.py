"""DeleteFunctionUrlConfig. Semantics §1.12; recorded."""

from __future__ import annotations

from typing import Any

from support.function_url_configs import url_config
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
)


def test_it_is_gone(client: Any) -> None:
    name = make(client, Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    for given in (name, f"{name}:live"):
        client.create_function_url_config(FunctionName=given, AuthType="NONE")
    answer = client.delete_function_url_config(FunctionName=name)
    assert (status_of(answer), body_of(answer)) == (204, {})
    for call in (client.get_function_url_config, client.delete_function_url_config):
        assert refused(call, FunctionName=name) == not_found(GONE)
    listed = body_of(client.list_function_url_configs(FunctionName=name))
    assert listed == {"FunctionUrlConfigs": [url_config(name, "live")]}


def test_refusals(client: Any) -> None:
    delete, gone = client.delete_function_url_config, fresh_name()
    assert refused(delete, FunctionName=gone) == not_found(GONE)
    assert refused(delete, FunctionName=ABROAD) == unreachable()
    assert refused(delete, FunctionName=f"{gone}:a", Qualifier="b") == mismatch()
