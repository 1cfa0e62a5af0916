"""PublishLayerVersion. Semantics §1.7; recorded unless said otherwise."""

from __future__ import annotations

import os
import urllib.request
from typing import Any

import pytest

from support.lambda_client import (
    ACCOUNT,
    GONE,
    body_of,
    invalid,
    not_found,
    refused,
    status_of,
    untyped,
    user_error,
)
from support.layers import LAYER_ZIP, fresh_layer, layer_arn, make_layer, whole_layer
from support.packages import zip_of

LAYER = {"Content": {"ZipFile": LAYER_ZIP}}


def test_every_publication_is_a_version(client: Any) -> None:
    name = fresh_layer()
    said = {
        "Description": "d",
        "LicenseInfo": "MIT",
        "CompatibleRuntimes": ["python3.12"],
        "CompatibleArchitectures": ["x86_64"],
    }
    first = client.publish_layer_version(LayerName=name, **LAYER, **said)
    assert (status_of(first), body_of(first)) == (201, whole_layer(name, 1, **said))
    with urllib.request.urlopen(first["Content"]["Location"]) as download:
        assert download.read() == LAYER_ZIP
    second = client.publish_layer_version(LayerName=layer_arn(name), **LAYER)
    assert body_of(second) == whole_layer(name, 2)


def test_numbers_go_on_after_a_deletion(client: Any) -> None:
    name = fresh_layer()
    make_layer(client, name)
    client.delete_layer_version(LayerName=name, VersionNumber=1)
    assert make_layer(client, name) == whole_layer(name, 2)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (
            {"ZipFile": b"x"},
            invalid(
                "Could not unzip uploaded file. Please check your file, then try to upload again."
            ),
        ),
        (
            {"S3Bucket": "bucket", "S3Key": "k"},
            invalid(
                "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: "
                "The specified bucket does not exist"
            ),
        ),
    ],
)
def test_refusals(client: Any, content: dict[str, Any], error: dict[str, Any]) -> None:
    assert refused(client.publish_layer_version, LayerName="l", Content=content) == error


def test_only_here_and_of_ones_own(client: Any) -> None:
    publish = client.publish_layer_version
    far = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:l"
    assert refused(publish, LayerName=far, **LAYER) == not_found(GONE)
    foreign = "arn:aws:lambda:us-east-1:123456789012:layer:l"
    error = refused(publish, LayerName=foreign, **LAYER)
    assert error == untyped("AccessDeniedException", 403, None)


def test_code_has_a_bound(tight_client: Any) -> None:
    """The text is ours."""
    content = {"ZipFile": zip_of({"noise": os.urandom(30_000)})}
    error = refused(tight_client.publish_layer_version, LayerName="l", Content=content)
    assert error == user_error("CodeStorageExceededException", 400, "Code storage limit exceeded.")
