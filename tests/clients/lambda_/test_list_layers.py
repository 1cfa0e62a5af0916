"""ListLayers. Semantics §1.7; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import body_of, lambda_of, refused, status_of, validation
from support.layers import layer_arn, make_layer
from support.server import LambdadServer

REGION = "ap-south-2"
"""Where no other test makes layers."""


def test_each_with_its_latest_matching_version(server: LambdadServer) -> None:
    client = lambda_of(server, region_name=REGION)
    assert body_of(client.list_layers()) == {"Layers": []}
    runtimes = {"CompatibleRuntimes": ["python3.12"]}
    arm = {"CompatibleArchitectures": ["arm64"]}

    def item(published: dict[str, Any], name: str) -> dict[str, Any]:
        latest = {k: v for k, v in published.items() if k not in ("LayerArn", "Content")}
        return {
            "LayerName": name,
            "LayerArn": layer_arn(name, region=REGION),
            "LatestMatchingVersion": latest,
        }

    b1 = item(make_layer(client, "b", **runtimes), "b")
    b2 = item(make_layer(client, "b"), "b")
    a1 = item(make_layer(client, "a", **arm), "a")
    answer = client.list_layers()
    assert (status_of(answer), body_of(answer)) == (200, {"Layers": [a1, b2]})
    assert body_of(client.list_layers(CompatibleRuntime="python3.12")) == {"Layers": [b1]}
    assert body_of(client.list_layers(CompatibleArchitecture="arm64")) == {"Layers": [a1]}
    page = body_of(client.list_layers(MaxItems=1))
    marker = page.pop("NextMarker")
    assert page == {"Layers": [a1]}
    assert body_of(client.list_layers(Marker=marker)) == {"Layers": [b2]}


def test_refusals(client: Any) -> None:
    assert refused(client.list_layers, MaxItems=51) == validation(
        "Value '51' at 'maxItems' failed to satisfy constraint: Member must have value less than "
        "or equal to 50"
    )
