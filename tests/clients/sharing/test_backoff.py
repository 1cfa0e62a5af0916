"""Guessing keys is slowed down, and nobody else with it."""

from __future__ import annotations

from botocore.exceptions import ClientError

from lambdad.core.limits import DEFAULT_LIMITS
from support.server import LambdadServer


def code_of(server: LambdadServer, **options: str) -> str | None:
    try:
        server.client("sts", **options).get_caller_identity()
    except ClientError as error:
        code: str = error.response["Error"]["Code"]
        return code
    return None


def test_guessed_secrets_and_guessed_keys(fresh_server: LambdadServer) -> None:
    server = fresh_server
    iam = server.client("iam")
    iam.create_user(UserName="victim")
    key = iam.create_access_key(UserName="victim")["AccessKey"]["AccessKeyId"]
    wrong = {"aws_access_key_id": key, "aws_secret_access_key": "x" * 40}
    codes = [code_of(server, **wrong) for _ in range(DEFAULT_LIMITS.failed_signatures + 1)]
    assert codes[:-1] == ["SignatureDoesNotMatch"] * DEFAULT_LIMITS.failed_signatures
    assert codes[-1] == "Throttling"
    unknown = {"aws_access_key_id": "AKIANOBODYHASTHISKEY", "aws_secret_access_key": "x" * 40}
    codes = [code_of(server, **unknown) for _ in range(DEFAULT_LIMITS.failed_signatures + 1)]
    assert codes[:-1] == ["InvalidClientTokenId"] * DEFAULT_LIMITS.failed_signatures
    assert codes[-1] == "Throttling"
    assert code_of(server) is None  # the root key, from the same address
