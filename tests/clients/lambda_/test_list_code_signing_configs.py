"""ListCodeSigningConfigs. Semantics §1.14; the model has the pages."""

from __future__ import annotations

from typing import Any

from support.lambda_client import body_of, lambda_of, refused, status_of, validation
from support.layers import make_signing_config
from support.server import LambdadServer

REGION = "eu-south-2"
"""Where no other test makes configurations."""


def test_whole_and_in_pages(server: LambdadServer) -> None:
    client = lambda_of(server, region_name=REGION)
    assert body_of(client.list_code_signing_configs()) == {"CodeSigningConfigs": []}
    configs = [
        client.get_code_signing_config(CodeSigningConfigArn=arn)["CodeSigningConfig"]
        for arn in sorted(make_signing_config(client) for _ in range(2))
    ]
    answer = client.list_code_signing_configs()
    assert (status_of(answer), body_of(answer)) == (200, {"CodeSigningConfigs": configs})
    page = body_of(client.list_code_signing_configs(MaxItems=1))
    marker = page.pop("NextMarker")
    assert page == {"CodeSigningConfigs": configs[:1]}
    rest = body_of(client.list_code_signing_configs(Marker=marker))
    assert rest == {"CodeSigningConfigs": configs[1:]}


def test_refusals(client: Any) -> None:
    assert refused(client.list_code_signing_configs, MaxItems=0) == validation(
        "Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater "
        "than or equal to 1"
    )
