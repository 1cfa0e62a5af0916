"""The least input that an operation's model accepts: required members only, with made-up values."""

from __future__ import annotations

import base64
from typing import Any

from botocore.model import OperationModel, Shape, StructureShape

ACCOUNT = "000000000000"
_FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
_LAYER = f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:l"
_SIGNING = f"arn:aws:lambda:us-east-1:{ACCOUNT}:code-signing-config"
_PROFILE = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/p"
_EXECUTION = f"{_FUNCTION}:1/durable-execution/name/id"
_DOCUMENT = '{"Version":"2012-10-17","Statement":[]}'
_QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
KNOWN: dict[str, Any] = {
    "TaskHandle": base64.b64encode(f'{{"taskId":"t","sourceArn":"{_QUEUE}"}}'.encode()).decode(),
    "Arn": f"{_LAYER}:1",
    "AWSServiceName": "ssm.amazonaws.com",
    "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "Action": "lambda:InvokeFunction",
    "ActionNames": ["lambda:InvokeFunction"],
    "AssumeRolePolicyDocument": _DOCUMENT,
    "AuthenticationCode1": "123456",
    "AuthenticationCode2": "654321",
    "CallbackId": base64.b64encode(f"{_EXECUTION}#operation#proof".encode()).decode(),
    "CapacityProviderName": "c",
    "CapacityProviderOperatorRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
    "Code": {"ZipFile": b"zip"},
    "CodeSigningConfigArn": f"{_SIGNING}:csc-0123456789abcdefg",
    "DeletionTaskId": "task/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM/"
    + "0" * 36,
    "DurableExecutionArn": _EXECUTION,
    "FunctionVersion": "1",
    "Name": "name",
    "OpenIDConnectProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/example.com",
    "PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/p",
    "PolicyDocument": _DOCUMENT,
    "PolicyInputList": [_DOCUMENT],
    "PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:role/r",
    "Principal": ACCOUNT,
    "Resource": _FUNCTION,
    "ResourceArn": _FUNCTION,
    "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
    "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
    "SecurityGroupIds": ["sg-1"],
    "SSHPublicKeyId": "APKAEXAMPLE123EXAMPLE",
    "SubnetIds": ["subnet-1"],
    "SAMLMetadataDocument": "x" * 1000,
    "SAMLProviderArn": f"arn:aws:iam::{ACCOUNT}:saml-provider/s",
    "SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/d",
    "ServiceName": "codecommit.amazonaws.com",
    "ServiceSpecificCredentialId": "ACCAEXAMPLE123EXAMPLE",
    "Url": "https://example.com",
    "VersionId": "v1",
    "VersionNumber": 1,
    "logGroupIdentifier": "group",
    "logGroupIdentifiers": [f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:group"],
    "resourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:group",
}
"""Values by member that have to look like something."""
ALSO: dict[tuple[str, str], dict[str, Any]] = {
    ("lambda", "AddLayerVersionPermission"): {"Action": "lambda:GetLayerVersion"},
    ("lambda", "CreateCodeSigningConfig"): {
        "AllowedPublishers": {"SigningProfileVersionArns": [_PROFILE]}
    },
    ("lambda", "GetFunctionScalingConfig"): {"Qualifier": "1"},
    ("lambda", "PutFunctionScalingConfig"): {"Qualifier": "1"},
    ("logs", "DescribeLogStreams"): {"logGroupName": "group"},
    ("logs", "FilterLogEvents"): {"logGroupName": "group"},
    ("logs", "GetLogEvents"): {"logGroupName": "group"},
}
"""Members that AWS demands though its model does not, and those of a form of their own."""


def least_input(model: OperationModel) -> dict[str, Any]:
    """Parameters for boto3."""
    shape = model.input_shape
    made = _structure(shape) if shape is not None else {}
    return made | ALSO.get((model.service_model.service_name, model.name), {})


def _structure(shape: StructureShape) -> dict[str, Any]:
    return {name: _value(name, shape.members[name]) for name in shape.required_members}


def _value(name: str, shape: Shape) -> Any:
    if name in KNOWN:
        return KNOWN[name]
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape)  # type: ignore[arg-type]
    if kind == "list":
        return [_value("", shape.member)]  # type: ignore[attr-defined]
    if kind == "map":
        return {"k": "v"}
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if kind == "boolean":
        return True
    if kind == "blob":
        return b"bytes"
    if kind in ("float", "double"):
        return 1.0
    if kind == "timestamp":
        return 0
    return shape.metadata["enum"][0] if shape.metadata.get("enum") else _text(shape)


def _text(shape: Shape) -> str:
    return "x" * max(1, shape.metadata.get("min", 1))
