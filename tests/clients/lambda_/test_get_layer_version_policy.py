"""GetLayerVersionPolicy. Semantics §1.7; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import invalid, not_found, refused, status_of
from support.layers import fresh_layer, layer_arn, make_layer
from support.policies import decoded, layer_grant, layer_statement


def test_a_policy(client: Any) -> None:
    name = fresh_layer()
    make_layer(client, name)
    added = client.add_layer_version_permission(**layer_grant(name))
    answer = client.get_layer_version_policy(LayerName=name, VersionNumber=1)
    assert status_of(answer) == 200
    assert decoded(answer) == {
        "Policy": {"Version": "2012-10-17", "Id": "default", "Statement": [layer_statement(name)]},
        "RevisionId": added["RevisionId"],
    }


def test_refusals(client: Any) -> None:
    get, name = client.get_layer_version_policy, fresh_layer()
    make_layer(client, name)
    assert refused(get, LayerName=name, VersionNumber=1) == not_found(
        "No policy is associated with the given resource."
    )
    assert refused(get, LayerName=name, VersionNumber=7) == not_found(
        f"Layer version {layer_arn(name, 7)} does not exist."
    )
    assert refused(get, LayerName=name, VersionNumber=0) == invalid(
        "Layer Version Cannot be less than 1"
    )
