"""ListFunctionUrlConfigs. Semantics §1.12; recorded."""

from __future__ import annotations

from typing import Any

from support.function_url_configs import no_function, url_config
from support.lambda_client import (
    ABROAD,
    body_of,
    fresh_name,
    make,
    refused,
    status_of,
    unreachable,
)


def test_the_functions_own_comes_first(client: Any) -> None:
    name = make(client, Publish=True)
    everything = client.list_function_url_configs
    assert body_of(everything(FunctionName=name)) == {"FunctionUrlConfigs": []}
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    for given in (f"{name}:live", name):
        client.create_function_url_config(FunctionName=given, AuthType="NONE")
    both = [url_config(name), url_config(name, "live")]
    answer = everything(FunctionName=name)
    assert (status_of(answer), body_of(answer)) == (200, {"FunctionUrlConfigs": both})
    page = body_of(everything(FunctionName=name, MaxItems=1))
    marker = page.pop("NextMarker")
    assert page == {"FunctionUrlConfigs": both[:1]}
    assert body_of(everything(FunctionName=name, Marker=marker)) == {"FunctionUrlConfigs": both[1:]}


def test_refusals(client: Any) -> None:
    assert refused(client.list_function_url_configs, FunctionName=fresh_name()) == no_function()
    assert refused(client.list_function_url_configs, FunctionName=ABROAD) == unreachable()
