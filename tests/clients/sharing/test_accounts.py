"""Several accounts on one server: apart by construction, each with a root key of its own."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.lambda_client import make_code, refused
from support.server import LambdadServer

DEFAULT = "000000000000"


def signing(key: dict[str, str]) -> dict[str, str]:
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }


def test_accounts_are_apart(server: LambdadServer) -> None:
    made = server.lambdad("accounts", "create", "--json")
    other: dict[str, Any] = signing(made)
    identity = server.client("sts", **other).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{made['Account']}:root"
    listed = server.lambdad("accounts", "list", "--json")["Accounts"]
    assert {DEFAULT, made["Account"]} <= {each["Account"] for each in listed}

    name = make_code(server.client("lambda"), "def handler(e, c): return 1\n")
    stranger = server.client("lambda", **other)
    assert stranger.list_functions()["Functions"] == []
    assert refused(stranger.get_function, FunctionName=name)["Status"] == 404
    arn = f"arn:aws:lambda:us-east-1:{DEFAULT}:function:{name}"
    assert refused(stranger.invoke, FunctionName=arn)["Status"] == 403
    assert [each["RoleName"] for each in server.client("iam", **other).list_roles()["Roles"]] == []


def test_a_root_key_can_be_changed_and_the_old_one_ends_at_once(
    fresh_server: LambdadServer,
) -> None:
    server = fresh_server
    made = server.lambdad("accounts", "create", "222233334444", "--json")
    old = server.client("sts", **signing(made))
    old.get_caller_identity()
    renewed = server.lambdad("accounts", "rotate-key", "222233334444", "--json")
    assert renewed["AccessKeyId"] != made["AccessKeyId"]
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        old.get_caller_identity()
    key_id, _ = server.root_key
    server.lambdad("accounts", "rotate-key")
    assert server.root_key[0] != key_id
    server.restart()
    for options in ({}, signing(renewed)):
        server.client("sts", **options).get_caller_identity()


def test_accounts_are_the_business_of_the_first_root(server: LambdadServer) -> None:
    other = server.lambdad("accounts", "create", "--json")
    environment = server.environment() | {
        "AWS_ACCESS_KEY_ID": other["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": other["SecretAccessKey"],
    }
    done = server.lambdad("accounts", "list", check=False, environment=environment)
    assert done.returncode == 1
    assert "AccessDeniedException" in done.stderr
    done = server.lambdad("accounts", "create", other["Account"], check=False)
    assert "already" in done.stderr
    assert "Traceback" not in done.stderr
