"""SerialNumber and TokenCode: what a code is good for, once, and AWS's texts.

Source of the texts and rules: IAM user guide, "Secure API access with MFA"; global condition keys
`aws:MultiFactorAuthPresent` and `aws:MultiFactorAuthAge`.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.errors import AwsError
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.iam.one_time_codes import STEP_S, code_at, step_at
from lambdad.iam.principal import Principal
from support.identities import ACCOUNT, ROOT, World, in_world, policy

SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/phone"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/vault"
ASSUME = {"RoleArn": ROLE, "RoleSessionName": "session"}
UNKNOWN = (
    "AccessDenied 403: MultiFactorAuthentication failed, unable to validate MFA code.  Please "
    "verify your MFA serial number is valid and associated with this user."
)
WRONG = "AccessDenied 403: MultiFactorAuthentication failed with invalid MFA one time pass code. "


class Scene:
    """ann has a phone; the role `vault` wants to see it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seed = b""

    async def begin(self, **condition: Any) -> None:
        world = self.world
        for name in ("ann", "ben"):
            await world.iam("CreateUser", UserName=name)
        made = await world.iam("CreateVirtualMFADevice", VirtualMFADeviceName="phone")
        self.seed = base64.b32decode(made["VirtualMFADevice"]["Base32StringSeed"])
        await world.iam(
            "EnableMFADevice",
            UserName="ann",
            SerialNumber=SERIAL,
            AuthenticationCode1=self.code(-1),
            AuthenticationCode2=self.code(),
        )
        self.tick()
        statement = {"Action": "sts:AssumeRole", "Principal": {"AWS": self.ann.arn}}
        trust = policy(**statement, Condition=condition or MFA)
        await world.iam("CreateRole", RoleName="vault", AssumeRolePolicyDocument=trust)

    @property
    def ann(self) -> Principal:
        return self.world.user("ann")

    def code(self, later: int = 0) -> str:
        return code_at(self.seed, step_at(self.world.clock.wall_ms() // 1000) + later)

    def proof(self) -> dict[str, str]:
        return {"SerialNumber": SERIAL, "TokenCode": self.code()}

    def tick(self, steps: int = 1) -> None:
        self.world.clock.advance(steps * STEP_S)

    async def refusal(self, name: str, caller: Principal, /, **params: Any) -> str:
        with pytest.raises(AwsError) as caught:
            await self.world.sts(name, caller, **params)
        return f"{caught.value.code} {caught.value.status}: {caught.value.message}"


MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def play(folder: Path, scenario: Any, **condition: Any) -> None:
    async def run(world: World) -> None:
        scene = Scene(world)
        await scene.begin(**condition)
        await scenario(scene)

    in_world(folder, run)


def test_a_role_that_wants_a_code(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        denied = (
            f"AccessDenied 403: User: {scene.ann.arn} is not authorized to perform: sts:AssumeRole "
            f"on resource: {ROLE}"
        )
        assert await scene.refusal("AssumeRole", scene.ann, **ASSUME) == denied
        made = await scene.world.sts("AssumeRole", scene.ann, **ASSUME, **scene.proof())
        assert made["AssumedRoleUser"]["Arn"].endswith("assumed-role/vault/session")
        session = scene.world.session(made["Credentials"])
        context = scene.world.directory.standing(session).context
        assert context["aws:multifactorauthpresent"] == "false"  # a role session never has it

    play(tmp_path, scenario)


def test_a_session_that_was_given_for_a_code(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        plain = await scene.world.sts("GetSessionToken", scene.ann)
        session = scene.world.session(plain["Credentials"])
        context = scene.world.directory.standing(session).context
        assert context["aws:multifactorauthpresent"] == "false"
        assert "AccessDenied" in await scene.refusal("AssumeRole", session, **ASSUME)
        proven = await scene.world.sts("GetSessionToken", scene.ann, **scene.proof())
        session = scene.world.session(proven["Credentials"])
        context = scene.world.directory.standing(session).context
        assert context["aws:multifactorauthpresent"] == "true"
        assert "Credentials" in await scene.world.sts("AssumeRole", session, **ASSUME)
        assert "aws:multifactorauthpresent" not in scene.world.directory.standing(scene.ann).context

    play(tmp_path, scenario)


def test_how_long_ago(tmp_path: Path) -> None:
    condition = {"NumericLessThan": {"aws:MultiFactorAuthAge": "120"}}

    async def scenario(scene: Scene) -> None:
        assert "AccessDenied" in await scene.refusal("AssumeRole", scene.ann, **ASSUME)
        proven = await scene.world.sts("GetSessionToken", scene.ann, **scene.proof())
        session = scene.world.session(proven["Credentials"])
        scene.world.clock.advance(119)
        assert "Credentials" in await scene.world.sts("AssumeRole", session, **ASSUME)
        scene.world.clock.advance(1)
        assert "AccessDenied" in await scene.refusal("AssumeRole", session, **ASSUME)

    play(tmp_path, scenario, **condition)


@pytest.mark.parametrize("name", ["GetSessionToken", "AssumeRole"])
def test_refusals(tmp_path: Path, name: str) -> None:
    async def scenario(scene: Scene) -> None:
        given: dict[str, Any] = ASSUME if name == "AssumeRole" else {}
        ann, ben = scene.ann, scene.world.user("ben")
        half = (
            "AccessDenied 403: MultiFactorAuthentication failed, must provide both MFA serial "
            "number and one time pass code."
        )
        assert await scene.refusal(name, ann, **given, SerialNumber=SERIAL) == half
        assert await scene.refusal(name, ann, **given, TokenCode=scene.code()) == half
        missing = scene.proof() | {"SerialNumber": SERIAL + "2"}
        assert await scene.refusal(name, ann, **given, **missing) == UNKNOWN
        assert await scene.refusal(name, ben, **given, **scene.proof()) == UNKNOWN
        assert await scene.refusal(name, ROOT, **given, **scene.proof()) == UNKNOWN
        for late in (-2, 2):
            wrong = {"SerialNumber": SERIAL, "TokenCode": scene.code(late)}
            assert await scene.refusal(name, ann, **given, **wrong) == WRONG
        await scene.world.iam("DeactivateMFADevice", UserName="ann", SerialNumber=SERIAL)
        assert await scene.refusal(name, ann, **given, **scene.proof()) == UNKNOWN

    play(tmp_path, scenario)


def test_a_code_is_good_once_also_after_a_start(tmp_path: Path) -> None:
    remembered: dict[str, Any] = {}

    async def before(scene: Scene) -> None:
        used = scene.proof()
        await scene.world.sts("GetSessionToken", scene.ann, **used)
        assert await scene.refusal("GetSessionToken", scene.ann, **used) == WRONG
        earlier = {"SerialNumber": SERIAL, "TokenCode": scene.code(-1)}
        assert await scene.refusal("GetSessionToken", scene.ann, **earlier) == WRONG
        remembered.update(used, now_ms=scene.world.clock.wall_ms())

    async def after(world: World) -> None:
        now_ms = remembered.pop("now_ms")
        world.clock.advance((now_ms - world.clock.wall_ms()) / 1000)
        with pytest.raises(AwsError, match="invalid MFA one time pass code"):
            await world.sts("GetSessionToken", world.user("ann"), **remembered)

    play(tmp_path, before)
    in_world(tmp_path, after)


def test_guessing_is_slowed_down(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        good = scene.code()
        wrong = {"SerialNumber": SERIAL, "TokenCode": "000000" if good != "000000" else "000001"}
        for _ in range(DEFAULT_LIMITS.failed_signatures):
            assert await scene.refusal("GetSessionToken", scene.ann, **wrong) == WRONG
        for given in (wrong, scene.proof()):
            found = await scene.refusal("GetSessionToken", scene.ann, **given)
            assert found == "Throttling 400: Rate exceeded"
        assert "Credentials" in await scene.world.sts("GetSessionToken", scene.ann)
        scene.tick()
        assert "Credentials" in await scene.world.sts("GetSessionToken", scene.ann, **scene.proof())

    play(tmp_path, scenario)


def test_policies_that_deny_without_mfa(tmp_path: Path) -> None:
    """IAM user guide, "AWS: Allows MFA-authenticated IAM users to manage their own credentials":
    BoolIfExists denies long-term credentials too."""

    async def scenario(scene: Scene) -> None:
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:*", "Resource": "*"},
                {
                    "Effect": "Deny",
                    "NotAction": ["sts:GetSessionToken"],
                    "Resource": "*",
                    "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
                },
            ],
        }
        await scene.world.iam(
            "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=json.dumps(document)
        )
        assert "AccessDenied" in await scene.refusal("AssumeRole", scene.ann, **ASSUME)
        proven = await scene.world.sts("GetSessionToken", scene.ann, **scene.proof())
        session = scene.world.session(proven["Credentials"])
        assert "Credentials" in await scene.world.sts("AssumeRole", session, **ASSUME)

    play(tmp_path, scenario)
