"""A user with an MFA device, through unmodified clients: enabled, used, asked for by policies."""

from __future__ import annotations

import base64
import csv
import io
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.iam.one_time_codes import code_at, step_at
from support.answers import RECENT, Matching, body
from support.server import LambdadServer

ACCOUNT = "000000000000"
GUARDED = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {
            "Effect": "Deny",
            "NotAction": "sts:GetSessionToken",
            "Resource": "*",
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        },
        {
            "Effect": "Deny",
            "Action": "iam:*",
            "Resource": "*",
            "Condition": {"NumericGreaterThan": {"aws:MultiFactorAuthAge": "-1"}},
        },
    ],
}


def signing(credentials: dict[str, Any]) -> dict[str, str]:
    options = {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
    }
    if "SessionToken" in credentials:
        options["aws_session_token"] = credentials["SessionToken"]
    return options


def test_calls_that_need_a_device(server: LambdadServer) -> None:
    iam = server.client("iam")
    iam.create_user(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(GUARDED))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    serial = f"arn:aws:iam::{ACCOUNT}:mfa/phone"
    made = body(iam.create_virtual_mfa_device(VirtualMFADeviceName="phone"))
    text = made["VirtualMFADevice"].pop("Base32StringSeed")
    assert made == {"VirtualMFADevice": {"SerialNumber": serial}}
    seed, now = base64.b32decode(text), step_at(int(time.time()))
    iam.enable_mfa_device(
        UserName="ann",
        SerialNumber=serial,
        AuthenticationCode1=code_at(seed, now - 1),
        AuthenticationCode2=code_at(seed, now),
    )
    assert body(iam.list_mfa_devices(UserName="ann")) == {
        "MFADevices": [{"UserName": "ann", "SerialNumber": serial, "EnableDate": RECENT}],
        "IsTruncated": False,
    }
    sts = server.client("sts", **signing(key))
    plain = server.client("lambda", **signing(sts.get_session_token()["Credentials"]))
    with pytest.raises(ClientError, match="explicit deny in an identity-based policy"):
        plain.list_functions()
    proof = {"SerialNumber": serial, "TokenCode": code_at(seed, now + 1)}
    answer = body(sts.get_session_token(**proof))
    assert answer == {
        "Credentials": {
            "AccessKeyId": Matching(r"ASIA[A-Z2-7]{16}"),
            "SecretAccessKey": Matching(r"[A-Za-z0-9+/]{40}"),
            "SessionToken": Matching(r"[A-Za-z0-9+/=]+"),
            "Expiration": answer["Credentials"]["Expiration"],
        }
    }
    proven = signing(answer["Credentials"])
    assert server.client("lambda", **proven).list_functions()["Functions"] == []
    with pytest.raises(ClientError, match="explicit deny"):  # by the age of the proof
        server.client("iam", **proven).list_users()
    with pytest.raises(ClientError) as used:
        sts.get_session_token(**proof)
    assert used.value.response["Error"] == {
        "Type": "Sender",
        "Code": "AccessDenied",
        "Message": "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
    }


def test_the_credential_report(server: LambdadServer) -> None:
    iam = server.client("iam")
    assert body(iam.generate_credential_report())["State"] == "STARTED"
    assert body(iam.generate_credential_report()) == {"State": "COMPLETE"}
    report = body(iam.get_credential_report())
    content = report.pop("Content")
    assert report == {"ReportFormat": "text/csv", "GeneratedTime": RECENT}
    first, *_ = csv.DictReader(io.StringIO(content.decode()))
    assert (first["user"], first["arn"]) == ("<root_account>", f"arn:aws:iam::{ACCOUNT}:root")
