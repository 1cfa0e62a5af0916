"""ListLayerVersions. Semantics §1.7; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import ACCOUNT, GONE, body_of, not_found, refused, status_of
from support.layers import fresh_layer, layer_arn, listed_layer, make_layer


def test_newest_first(client: Any) -> None:
    name = fresh_layer()
    assert body_of(client.list_layer_versions(LayerName=name)) == {"LayerVersions": []}
    runtimes, arm = {"CompatibleRuntimes": ["python3.12"]}, {"CompatibleArchitectures": ["arm64"]}
    make_layer(client, name, **runtimes)
    make_layer(client, name, Description="d", **arm)
    one, two = listed_layer(name, 1, **runtimes), listed_layer(name, 2, Description="d", **arm)
    for given in (name, layer_arn(name)):
        answer = client.list_layer_versions(LayerName=given)
        assert (status_of(answer), body_of(answer)) == (200, {"LayerVersions": [two, one]})
    for chosen, version in (
        ({"CompatibleRuntime": "python3.12"}, one),
        ({"CompatibleArchitecture": "arm64"}, two),
    ):
        some = client.list_layer_versions(LayerName=name, **chosen)
        assert body_of(some) == {"LayerVersions": [version]}
    page = body_of(client.list_layer_versions(LayerName=name, MaxItems=1))
    marker = page.pop("NextMarker")
    assert page == {"LayerVersions": [two]}
    rest = client.list_layer_versions(LayerName=name, Marker=marker)
    assert body_of(rest) == {"LayerVersions": [one]}


def test_refusals(client: Any) -> None:
    far = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:l"
    assert refused(client.list_layer_versions, LayerName=far) == not_found(GONE)
