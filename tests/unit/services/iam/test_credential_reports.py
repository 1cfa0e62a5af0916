"""The credential report: its life, and each column for each kind of user.

Source: IAM user guide, "Generate credential reports for your AWS account".
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.errors import AwsError
from lambdad.core.ids import Region
from support.certificates import certified
from support.identities import ACCOUNT, OTHER_ROOT, ROOT, World, in_world

NO_KEY = {"active": "false"} | dict.fromkeys(
    ("last_rotated", "last_used_date", "last_used_region", "last_used_service"), "N/A"
)


def key(number: int, **values: str) -> dict[str, str]:
    return {f"access_key_{number}_{name}": value for name, value in (NO_KEY | values).items()}


CERTIFICATES = {
    "cert_1_active": "false",
    "cert_1_last_rotated": "N/A",
    "cert_2_active": "false",
    "cert_2_last_rotated": "N/A",
}
NOW = "2026-01-01T00:00:00+00:00"


async def report(world: World) -> list[dict[str, str]]:
    await world.iam("GenerateCredentialReport")
    answer = await world.iam("GetCredentialReport")
    assert answer["ReportFormat"] == "text/csv"
    return [*csv.DictReader(io.StringIO(answer["Content"].decode()))]


async def refusal(world: World, caller: Any = ROOT) -> str:
    with pytest.raises(AwsError) as caught:
        await world.iam("GetCredentialReport", caller)
    return f"{caught.value.code} {caught.value.status}"


def test_every_column(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.iam("CreateUser", UserName="bare", Path="/x/")
        await world.iam("CreateUser", UserName="full")
        await world.iam("CreateLoginProfile", UserName="full", Password="Correct-Horse-1")
        await world.iam("UpdateAccountPasswordPolicy", MaxPasswordAge=90)
        world.clock.advance(86_400)
        keys = []
        for _ in range(2):
            made = await world.iam("CreateAccessKey", UserName="full")
            keys.append(made["AccessKey"]["AccessKeyId"])
            world.clock.advance(60)
        inactive = {"AccessKeyId": keys[1], "Status": "Inactive"}
        await world.iam("UpdateAccessKey", UserName="full", **inactive)
        body = certified("full")[0]
        await world.iam("UploadSigningCertificate", UserName="full", CertificateBody=body)
        world.last_uses.note(ACCOUNT, keys[0], "lambda", Region("eu-west-1"))
        await world.last_uses.flush()
        root, bare, full = await report(world)
        assert root == {
            "user": "<root_account>",
            "arn": f"arn:aws:iam::{ACCOUNT}:root",
            "user_creation_time": "1970-01-01T00:00:00+00:00",
            "password_enabled": "not_supported",
            "password_last_used": "no_information",
            "password_last_changed": "not_supported",
            "password_next_rotation": "not_supported",
            "mfa_active": "false",
            **key(1, active="true"),
            **key(2),
            **CERTIFICATES,
        }
        assert bare == {
            "user": "bare",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/x/bare",
            "user_creation_time": NOW,
            "password_enabled": "false",
            "password_last_used": "N/A",
            "password_last_changed": "N/A",
            "password_next_rotation": "N/A",
            "mfa_active": "false",
            **key(1),
            **key(2),
            **CERTIFICATES,
        }
        used = {
            "last_used_date": "2026-01-02T00:02:00+00:00",
            "last_used_region": "eu-west-1",
            "last_used_service": "lambda",
        }
        assert full == {
            "user": "full",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/full",
            "user_creation_time": NOW,
            "password_enabled": "true",
            "password_last_used": "no_information",
            "password_last_changed": NOW,
            "password_next_rotation": "2026-04-01T00:00:00+00:00",
            "mfa_active": "false",
            **key(1, active="true", last_rotated="2026-01-02T00:00:00+00:00", **used),
            **key(2, last_rotated="2026-01-02T00:01:00+00:00"),
            **CERTIFICATES,
            "cert_1_active": "true",
            "cert_1_last_rotated": "2026-01-02T00:02:00+00:00",
        }

    in_world(tmp_path, scenario)


def test_a_report_is_kept_for_four_hours(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        assert await refusal(world) == "ReportNotPresent 410"
        started = {
            "State": "STARTED",
            "Description": "No report exists. Starting a new report generation task",
        }
        assert await world.iam("GenerateCredentialReport") == started
        assert await refusal(world, OTHER_ROOT) == "ReportNotPresent 410"
        await world.iam("CreateUser", UserName="later")
        world.clock.advance(4 * 3600 - 1)
        assert await world.iam("GenerateCredentialReport") == {"State": "COMPLETE"}
        assert len(await report(world)) == 1
        world.clock.advance(1)
        assert await refusal(world) == "ReportExpired 410"
        assert await world.iam("GenerateCredentialReport") == started
        assert len(await report(world)) == 2

    in_world(tmp_path, scenario)
