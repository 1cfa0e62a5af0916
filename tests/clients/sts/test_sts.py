"""STS through boto3: whole answers, and what temporary credentials are good for.

Sources: recorded conversations for AssumeRole and GetFederationToken; the STS API reference.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import boto3
import botocore
import pytest
from botocore.exceptions import ClientError

from support.answers import Matching, body
from support.issuer import running_issuer, token
from support.server import REGION, LambdadServer

ACCOUNT = "000000000000"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
CREDENTIALS = {
    "AccessKeyId": Matching("ASIA[A-Z2-7]{16}"),
    "SecretAccessKey": Matching("[A-Za-z0-9+/]{40}"),
    "SessionToken": Matching("[A-Za-z0-9+/=]{100,}"),
}


def trust(action: str = "sts:AssumeRole", **principal: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def keys(credentials: dict[str, Any]) -> dict[str, Any]:
    """Options for a client that signs with these."""
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials.get("SessionToken"),
    }


def lifetime_s(credentials: dict[str, Any]) -> float:
    """Take out the time of expiry; how far it is away."""
    remaining: float = credentials.pop("Expiration").timestamp() - time.time()
    return remaining


@pytest.fixture(scope="module")
def role(server: LambdadServer) -> dict[str, Any]:
    iam = server.client("iam")
    made = iam.create_role(RoleName="role", AssumeRolePolicyDocument=trust(AWS=ACCOUNT))
    return dict(made["Role"])


def test_who_am_i(server: LambdadServer) -> None:
    identity = {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": ROOT}
    assert body(server.client("sts").get_caller_identity()) == identity
    assert server.aws("sts", "get-caller-identity") == identity


def test_assume_role(server: LambdadServer, role: dict[str, Any]) -> None:
    sts = server.client("sts")
    answer = body(sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me@work"))
    assert 3590 < lifetime_s(answer["Credentials"]) <= 3600
    who = {
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/role/me@work",
        "AssumedRoleId": f"{role['RoleId']}:me@work",
    }
    assert answer == {"Credentials": CREDENTIALS, "AssumedRoleUser": who}
    session = server.client("sts", **keys(answer["Credentials"]))
    assert body(session.get_caller_identity()) == {
        "UserId": who["AssumedRoleId"],
        "Account": ACCOUNT,
        "Arn": who["Arn"],
    }


def test_credentials_hold_over_a_restart_and_not_if_anything_is_changed(
    start_server: Any,
) -> None:
    server = start_server()
    server.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust(AWS=ACCOUNT))
    arn = f"arn:aws:iam::{ACCOUNT}:role/r"
    answer = server.client("sts").assume_role(RoleArn=arn, RoleSessionName="s-1")
    credentials = answer["Credentials"]
    server.restart()
    identity = server.client("sts", **keys(credentials)).get_caller_identity()
    assert identity["Arn"].endswith(":assumed-role/r/s-1")
    for change, code in (
        ({"SecretAccessKey": "x" * 40}, "SignatureDoesNotMatch"),
        ({"SessionToken": credentials["SessionToken"][:-4] + "AAAA"}, "InvalidClientTokenId"),
        ({"AccessKeyId": "ASIAAAAAAAAAAAAAAAAA"}, "InvalidClientTokenId"),
    ):
        with pytest.raises(ClientError) as caught:
            server.client("sts", **keys(credentials | change)).get_caller_identity()
        assert caught.value.response["Error"]["Code"] == code


def test_tokens_of_root(server: LambdadServer) -> None:
    sts = server.client("sts")
    answer = body(sts.get_session_token(DurationSeconds=900))
    assert 890 < lifetime_s(answer["Credentials"]) <= 900
    assert answer == {"Credentials": CREDENTIALS}
    answer = body(sts.get_federation_token(Name="bob", DurationSeconds=900))
    lifetime_s(answer["Credentials"])
    assert answer == {
        "Credentials": CREDENTIALS,
        "FederatedUser": {
            "FederatedUserId": f"{ACCOUNT}:bob",
            "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
        },
        "PackedPolicySize": 0,
    }
    federated = server.client("sts", **keys(answer["Credentials"]))
    assert federated.get_caller_identity()["Arn"].endswith(":federated-user/bob")


def test_keys_of_users(server: LambdadServer) -> None:
    iam = server.client("iam")
    user = iam.create_user(UserName="ann")["User"]
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = server.client("sts", **keys(key))
    assert body(ann.get_caller_identity()) == {
        "UserId": user["UserId"],
        "Account": ACCOUNT,
        "Arn": user["Arn"],
    }
    info = server.client("sts").get_access_key_info(AccessKeyId=key["AccessKeyId"])
    assert body(info) == {"Account": ACCOUNT}
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with pytest.raises(ClientError) as caught:
        ann.get_caller_identity()
    assert caught.value.response["Error"] == {
        "Type": "Sender",
        "Code": "InvalidClientTokenId",
        "Message": "The security token included in the request is invalid.",
    }
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_refusals(server: LambdadServer, role: dict[str, Any]) -> None:
    sts = server.client("sts")
    wanted = {"RoleArn": role["Arn"], "RoleSessionName": "s-1"}
    cases: list[tuple[dict[str, Any], int, str, str]] = [
        (
            {"RoleArn": f"{role['Arn']}x"},
            403,
            "AccessDenied",
            f"User: {ROOT} is not authorized to perform: sts:AssumeRole on resource: "
            f"{role['Arn']}x",
        ),
        (
            {"DurationSeconds": 3601},
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ),
        ({"Policy": "{}"}, 400, "MalformedPolicyDocument", "Syntax errors in policy."),
        (
            {"Tags": [{"Key": "aws:x", "Value": "a"}]},
            400,
            "InvalidParameterValue",
            "aws: prefixed tag key names are not allowed for external use.",
        ),
    ]
    for change, status, code, message in cases:
        with pytest.raises(ClientError) as caught:
            sts.assume_role(**(wanted | change))
        answer = caught.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
        assert answer["Error"] == {"Type": "Sender", "Code": code, "Message": message}
    with pytest.raises(ClientError) as caught:
        sts.decode_authorization_message(EncodedMessage="nonsense")
    assert caught.value.response["Error"]["Code"] == "InvalidAuthorizationMessageException"


def test_a_web_identity_needs_no_signature(server: LambdadServer, tmp_path: Path) -> None:
    iam = server.client("iam")
    stranger = boto3.client(
        "sts",
        endpoint_url=server.endpoint,
        region_name=REGION,
        config=botocore.config.Config(signature_version=botocore.UNSIGNED),
    )
    with running_issuer(tmp_path) as issuer:
        provider = iam.create_open_id_connect_provider(
            Url=f"https://{issuer.url}", ClientIDList=["app"], ThumbprintList=[issuer.thumbprint]
        )["OpenIDConnectProviderArn"]
        document = trust("sts:AssumeRoleWithWebIdentity", Federated=provider)
        iam.create_role(RoleName="web", AssumeRolePolicyDocument=document)
        now_s = int(time.time())
        claims = {
            "iss": f"https://{issuer.url}",
            "sub": "bob",
            "aud": "app",
            "iat": now_s,
            "exp": now_s + 60,
        }
        wanted = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/web", "RoleSessionName": "bob"}
        answer = body(
            stranger.assume_role_with_web_identity(**wanted, WebIdentityToken=token(claims))
        )
        lifetime_s(answer["Credentials"])
        role_id = answer["AssumedRoleUser"].pop("AssumedRoleId")
        assert role_id.endswith(":bob")
        assert answer == {
            "Credentials": CREDENTIALS,
            "AssumedRoleUser": {"Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/web/bob"},
            "SubjectFromWebIdentityToken": "bob",
            "Audience": "app",
            "Provider": provider,
        }
        with pytest.raises(ClientError) as caught:
            stranger.assume_role_with_web_identity(
                **wanted, WebIdentityToken=token(claims | {"exp": now_s - 1})
            )
        assert caught.value.response["Error"]["Code"] == "ExpiredTokenException"
    with pytest.raises(ClientError) as caught:
        stranger.get_caller_identity()
    assert caught.value.response["Error"]["Code"] == "MissingAuthenticationToken"


def test_users_keep_their_identity_where_any_credentials_do(open_server: LambdadServer) -> None:
    iam = open_server.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    identity = open_server.client("sts", **keys(key)).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ann"
    other = {"aws_access_key_id": "111122223333", "aws_secret_access_key": "x"}
    identity = open_server.client("sts", **other).get_caller_identity()
    assert identity["Account"] == "111122223333"
