"""GetLayerVersion. Semantics §1.7, quirk 45; recorded."""

from __future__ import annotations

import urllib.request
from typing import Any

from support.lambda_client import (
    ACCOUNT,
    GONE,
    body_of,
    invalid,
    not_found,
    refused,
    status_of,
    untyped,
)
from support.layers import LAYER_ZIP, fresh_layer, layer_arn, make_layer, whole_layer


def test_a_version(client: Any) -> None:
    name = fresh_layer()
    make_layer(client, name, CompatibleRuntimes=["python3.12"])
    make_layer(client, name)
    for given in (name, layer_arn(name)):
        answer = client.get_layer_version(LayerName=given, VersionNumber=1)
        expected = whole_layer(name, 1, CompatibleRuntimes=["python3.12"])
        assert (status_of(answer), body_of(answer)) == (200, expected)
    with urllib.request.urlopen(answer["Content"]["Location"]) as download:
        assert download.read() == LAYER_ZIP


def test_refusals(client: Any) -> None:
    get, name = client.get_layer_version, make_layer(client)["LayerArn"]
    for number in (0, -1):
        assert refused(get, LayerName=name, VersionNumber=number) == invalid(
            "Layer Version Cannot be less than 1"
        )
    for given, number in ((name, 2), (fresh_layer(), 1)):
        assert refused(get, LayerName=given, VersionNumber=number) == not_found(GONE)
    far = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:l"
    assert refused(get, LayerName=far, VersionNumber=1) == not_found(GONE)


def test_one_of_another_account(client: Any) -> None:
    """There or not: only its policy could open it."""
    foreign = "arn:aws:lambda:us-east-1:123456789012:layer:l"
    error = refused(client.get_layer_version, LayerName=foreign, VersionNumber=1)
    assert error == untyped(
        "AccessDeniedException",
        403,
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: lambda:GetLayerVersion "
        f"on resource: {foreign}:1 because no resource-based policy allows the "
        "lambda:GetLayerVersion action",
    )
