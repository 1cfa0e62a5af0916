"""DeleteLayerVersion. Semantics §1.7, quirks 4 and 45; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ACCOUNT,
    GONE,
    body_of,
    invalid,
    not_found,
    refused,
    status_of,
)
from support.layers import fresh_layer, listed_layer, make_layer


def test_it_is_gone_and_may_be_gone_before(client: Any) -> None:
    name = fresh_layer()
    for _ in range(2):
        make_layer(client, name)
    at: dict[str, Any] = {"LayerName": name, "VersionNumber": 1}
    for _ in range(2):
        answer = client.delete_layer_version(**at)
        assert (status_of(answer), body_of(answer)) == (204, {})
    assert refused(client.get_layer_version, **at) == not_found(GONE)
    listed = body_of(client.list_layer_versions(LayerName=name))
    assert listed == {"LayerVersions": [listed_layer(name, 2)]}


def test_refusals(client: Any) -> None:
    delete = client.delete_layer_version
    assert refused(delete, LayerName="l", VersionNumber=0) == invalid(
        "Layer Version Cannot be less than 1"
    )
    far = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:l"
    assert refused(delete, LayerName=far, VersionNumber=1) == not_found(GONE)
