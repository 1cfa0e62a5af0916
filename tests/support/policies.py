"""Resource policies through boto3: what AddPermission takes, and the statements it makes."""

from __future__ import annotations

import json
from typing import Any

from support.lambda_client import REVISION, arn_of, body_of
from support.layers import layer_arn

OTHER_REVISION = "00000000-0000-4000-8000-000000000000"
"""Of no policy; what is no UUID is refused for its form."""


def grant(name: str, sid: str = "s", **changes: Any) -> dict[str, Any]:
    """Parameters of an AddPermission that succeeds."""
    return {
        "FunctionName": name,
        "StatementId": sid,
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
    } | changes


def statement(resource: str, sid: str = "s", **changes: Any) -> dict[str, Any]:
    """What it writes (semantics §1.8; recorded)."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": resource,
    } | changes


def decoded(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer with its JSON text read."""
    found = body_of(answer)
    texts = {key: json.loads(found[key]) for key in ("Policy", "Statement") if key in found}
    return found | texts


def policy_of(name: str, *statements: dict[str, Any]) -> dict[str, Any]:
    """A decoded GetPolicy; of one statement `s` without any."""
    document = {
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": list(statements) or [statement(arn_of(name))],
    }
    return {"Policy": document, "RevisionId": REVISION}


def layer_grant(name: str, **changes: Any) -> dict[str, Any]:
    """Parameters of an AddLayerVersionPermission for version 1 that succeeds."""
    return {
        "LayerName": name,
        "VersionNumber": 1,
        "StatementId": "s",
        "Action": "lambda:GetLayerVersion",
        "Principal": "*",
    } | changes


def layer_statement(name: str, **changes: Any) -> dict[str, Any]:
    """What it writes (semantics §1.7; recorded)."""
    return {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "lambda:GetLayerVersion",
        "Resource": layer_arn(name, 1),
    } | changes
