"""Layers and code signing configurations through boto3."""

from __future__ import annotations

import uuid
from typing import Any

from support.lambda_client import ACCOUNT, MODIFIED, Matching, body_of, sha256_of
from support.packages import zip_of

PROFILE = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/p"
LOCATION = Matching(r"http://.+")
LAYER_ZIP = zip_of({"python/lib.py": "x = 1\n"})


def fresh_layer() -> str:
    return f"l-{uuid.uuid4().hex[:12]}"


def layer_arn(name: str, version: int | None = None, *, region: str = "us-east-1") -> str:
    suffix = f":{version}" if version else ""
    return f"arn:aws:lambda:{region}:{ACCOUNT}:layer:{name}{suffix}"


def make_layer(
    client: Any, name: str | None = None, files: dict[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    """A published layer version, as the answer tells it."""
    content = {"ZipFile": LAYER_ZIP if files is None else zip_of(files)}
    answer = client.publish_layer_version(LayerName=name or fresh_layer(), Content=content, **more)
    return body_of(answer)


def listed_layer(name: str, version: int = 1, **changes: Any) -> dict[str, Any]:
    """A layer version in a list."""
    return {
        "LayerVersionArn": layer_arn(name, version),
        "Version": version,
        "Description": "",
        "CreatedDate": MODIFIED,
    } | changes


def whole_layer(name: str, version: int = 1, **changes: Any) -> dict[str, Any]:
    """A layer version of LAYER_ZIP with its content."""
    return listed_layer(name, version, **changes) | {
        "LayerArn": layer_arn(name),
        "Content": {
            "Location": LOCATION,
            "CodeSha256": sha256_of(LAYER_ZIP),
            "CodeSize": len(LAYER_ZIP),
        },
    }


def make_signing_config(client: Any, policy: str = "Warn", **more: Any) -> str:
    """The ARN of a code signing configuration."""
    answer = client.create_code_signing_config(
        AllowedPublishers={"SigningProfileVersionArns": [PROFILE]},
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": policy},
        **more,
    )
    arn: str = answer["CodeSigningConfig"]["CodeSigningConfigArn"]
    return arn


def signing_config(arn: str, policy: str = "Warn", **changes: Any) -> dict[str, Any]:
    """An answer that shows one of `make_signing_config`."""
    members = {
        "CodeSigningConfigId": arn.rpartition(":")[2],
        "CodeSigningConfigArn": arn,
        "AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": policy},
        "LastModified": MODIFIED,
    }
    return {"CodeSigningConfig": members | changes}


def no_signing_config(arn: str) -> dict[str, Any]:
    """What operations on configurations say of one that is not there (recorded, without Type)."""
    text = f"The Lambda code signing configuration {arn} can not be found."
    return {
        "Error": {"Code": "ResourceNotFoundException", "Message": text},
        "Status": 404,
        "Message": text,
    }
