"""Virtual MFA devices: whole answers, every refusal, and what a stolen code is worth."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.errors import AwsError
from lambdad.iam.one_time_codes import STEP_S, code_at, step_at
from lambdad.iam.principal import Principal
from support.identities import ACCOUNT, OTHER_ACCOUNT, OTHER_ROOT, ROOT, World, in_world

SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/phone"
INVALID = "InvalidAuthenticationCode 403: Authentication code for device is not valid."


class Device:
    """A device in a user's hand, its clock `ahead` steps of the server's."""

    def __init__(self, world: World, answer: dict[str, Any], ahead: int = 0) -> None:
        self._world = world
        self._seed = base64.b32decode(answer["VirtualMFADevice"]["Base32StringSeed"])
        self.serial = answer["VirtualMFADevice"]["SerialNumber"]
        self.ahead = ahead

    def code(self, later: int = 0) -> str:
        now = step_at(self._world.clock.wall_ms() // 1000)
        return code_at(self._seed, now + self.ahead + later)

    def pair(self) -> dict[str, str]:
        """The codes of this step and of the next."""
        first, second = self.code(), self.code(1)
        self._world.clock.advance(STEP_S)
        return {"AuthenticationCode1": first, "AuthenticationCode2": second}


async def device(world: World, name: str = "phone", ahead: int = 0, **more: Any) -> Device:
    made = await world.iam("CreateVirtualMFADevice", VirtualMFADeviceName=name, **more)
    return Device(world, made, ahead)


async def enabled(world: World, user: str = "ann", name: str = "phone", ahead: int = 0) -> Device:
    made = await device(world, name, ahead)
    await world.iam("EnableMFADevice", UserName=user, SerialNumber=made.serial, **made.pair())
    return made


async def refusal(world: World, name: str, caller: Principal = ROOT, /, **params: Any) -> str:
    with pytest.raises(AwsError) as caught:
        await world.iam(name, caller, **params)
    return f"{caught.value.code} {caught.value.status}: {caught.value.message}"


def play(folder: Path, scenario: Any) -> None:
    async def run(world: World) -> None:
        for name in ("ann", "ben"):
            await world.iam("CreateUser", UserName=name)
        await scenario(world)

    in_world(folder, run)


def test_the_life_of_a_device(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        tags = [{"Key": "team", "Value": "red"}]
        made = await world.iam("CreateVirtualMFADevice", VirtualMFADeviceName="phone", Tags=tags)
        seed = made["VirtualMFADevice"].pop("Base32StringSeed")
        assert len(seed) == 64
        assert made == {"VirtualMFADevice": {"SerialNumber": SERIAL, "Tags": tags}}
        phone = Device(
            world, {"VirtualMFADevice": {"SerialNumber": SERIAL, "Base32StringSeed": seed}}
        )
        loose = {"SerialNumber": SERIAL}  # a list has no tags (API reference)
        assert await world.iam("ListVirtualMFADevices") == {
            "VirtualMFADevices": [loose],
            "IsTruncated": False,
        }
        ann = (await world.iam("GetUser", UserName="ann"))["User"]
        answer = await world.iam(
            "EnableMFADevice", UserName="ann", SerialNumber=SERIAL, **phone.pair()
        )
        assert answer == {}
        (shown,) = (await world.iam("ListMFADevices", UserName="ann"))["MFADevices"]
        date = shown["EnableDate"]
        assert shown == {"UserName": "ann", "SerialNumber": SERIAL, "EnableDate": date}
        assert await world.iam("GetMFADevice", SerialNumber=SERIAL) == {
            **shown,
            "Certifications": {},
        }
        assert await world.iam("ListVirtualMFADevices", AssignmentStatus="Assigned") == {
            "VirtualMFADevices": [loose | {"User": ann, "EnableDate": date}],
            "IsTruncated": False,
        }
        unassigned = await world.iam("ListVirtualMFADevices", AssignmentStatus="Unassigned")
        assert unassigned == {"VirtualMFADevices": [], "IsTruncated": False}
        await world.iam("UpdateUser", UserName="ann", NewUserName="anna")
        assert await world.iam("DeactivateMFADevice", UserName="anna", SerialNumber=SERIAL) == {}
        assert await world.iam("ListMFADevices", UserName="anna") == {
            "MFADevices": [],
            "IsTruncated": False,
        }
        assert await world.iam("DeleteVirtualMFADevice", SerialNumber=SERIAL) == {}
        assert (await world.iam("ListVirtualMFADevices"))["VirtualMFADevices"] == []

    play(tmp_path, scenario)


def test_refusals(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await enabled(world)
        other = await device(world, "other")
        create = {"VirtualMFADeviceName": "PHONE"}
        assert await refusal(world, "CreateVirtualMFADevice", **create) == (
            "EntityAlreadyExists 409: MFADevice entity at the same path and name already exists."
        )
        await world.iam("CreateVirtualMFADevice", Path="/office/", **create)
        missing = f"arn:aws:iam::{ACCOUNT}:mfa/missing"
        named = {"UserName": "ann", "SerialNumber": missing}
        absent = f"NoSuchEntity 404: VirtualMFADevice with serial number {missing} doesn't exist."
        assert await refusal(world, "EnableMFADevice", **named, **other.pair()) == absent
        for name in ("DeleteVirtualMFADevice", "ListMFADeviceTags"):
            assert await refusal(world, name, SerialNumber=missing) == absent
        foreign = SERIAL.replace(ACCOUNT, OTHER_ACCOUNT)
        assert await refusal(world, "DeleteVirtualMFADevice", OTHER_ROOT, SerialNumber=SERIAL) == (
            f"NoSuchEntity 404: VirtualMFADevice with serial number {SERIAL} doesn't exist."
        )
        assert foreign in await refusal(world, "DeleteVirtualMFADevice", SerialNumber=foreign)
        for_ben = {"UserName": "ben", "SerialNumber": SERIAL}
        assert await refusal(world, "EnableMFADevice", **for_ben, **phone.pair()) == (
            f"EntityAlreadyExists 409: MFA Device {SERIAL} is already in use."
        )
        not_his = "NoSuchEntity 404: MFA Device invalid for user."
        assert await refusal(world, "DeactivateMFADevice", **for_ben) == not_his
        assert await refusal(world, "ResyncMFADevice", **for_ben, **phone.pair()) == not_his
        assert await refusal(world, "GetMFADevice", **for_ben) == (
            f"NoSuchEntity 404: MFA Device {SERIAL} cannot be found."
        )
        assert await refusal(world, "DeleteVirtualMFADevice", SerialNumber=SERIAL) == (
            "DeleteConflict 409: MFA VirtualDevice in use. Must deactivate first."
        )
        assert await refusal(world, "DeleteUser", UserName="ann") == (
            "DeleteConflict 409: Cannot delete entity, must delete MFA device first."
        )
        nobody = {"UserName": "nobody", "SerialNumber": other.serial}
        assert await refusal(world, "EnableMFADevice", **nobody, **other.pair()) == (
            "NoSuchEntity 404: The user with name nobody cannot be found."
        )

    play(tmp_path, scenario)


def test_codes_that_enable_nothing(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await device(world)
        named = {"UserName": "ann", "SerialNumber": SERIAL}
        good = phone.pair()
        swapped = {
            "AuthenticationCode1": good["AuthenticationCode2"],
            "AuthenticationCode2": good["AuthenticationCode1"],
        }
        same = good | {"AuthenticationCode2": good["AuthenticationCode1"]}
        for wrong in (swapped, same):
            assert await refusal(world, "EnableMFADevice", **named, **wrong) == INVALID
        old = phone.pair()
        world.clock.advance(3600)
        assert await refusal(world, "EnableMFADevice", **named, **old) == INVALID
        await world.iam("EnableMFADevice", **named, **phone.pair())

    play(tmp_path, scenario)


def test_codes_cannot_be_used_again_after_a_deactivation(tmp_path: Path) -> None:
    """Who looked over a shoulder cannot make the device his own."""

    async def scenario(world: World) -> None:
        phone = await device(world)
        seen = phone.pair()
        named = {"UserName": "ann", "SerialNumber": SERIAL}
        await world.iam("EnableMFADevice", **named, **seen)
        await world.iam("DeactivateMFADevice", **named)
        for_ben = named | {"UserName": "ben"}
        assert await refusal(world, "EnableMFADevice", **for_ben, **seen) == INVALID

    play(tmp_path, scenario)


def test_a_clock_that_is_off_is_learnt(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await enabled(world, ahead=5)
        ann = world.user("ann")
        world.clock.advance(STEP_S)
        given = {"SerialNumber": SERIAL, "TokenCode": phone.code()}
        assert "Credentials" in await world.sts("GetSessionToken", ann, **given)
        phone.ahead += 400
        world.clock.advance(STEP_S)
        with pytest.raises(AwsError, match="invalid MFA one time pass code"):
            await world.sts("GetSessionToken", ann, SerialNumber=SERIAL, TokenCode=phone.code())
        await world.iam("ResyncMFADevice", UserName="ann", SerialNumber=SERIAL, **phone.pair())
        world.clock.advance(STEP_S)
        given = {"SerialNumber": SERIAL, "TokenCode": phone.code()}
        assert "Credentials" in await world.sts("GetSessionToken", ann, **given)

    play(tmp_path, scenario)


def test_quotas(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        for number in range(8):
            await enabled(world, name=f"d{number}")
        ninth = await device(world, "d9")
        named = {"UserName": "ann", "SerialNumber": ninth.serial}
        assert await refusal(world, "EnableMFADevice", **named, **ninth.pair()) == (
            "LimitExceeded 409: Cannot exceed quota for MFADevicesPerUser: 8"
        )
        first = await world.iam("ListMFADevices", UserName="ann", MaxItems=5)
        second = await world.iam("ListMFADevices", UserName="ann", Marker=first["Marker"])
        serials = [each["SerialNumber"] for each in first["MFADevices"] + second["MFADevices"]]
        assert serials == [f"arn:aws:iam::{ACCOUNT}:mfa/d{number}" for number in range(8)]
        summary = (await world.iam("GetAccountSummary"))["SummaryMap"]
        assert (summary["MFADevices"], summary["MFADevicesInUse"]) == (9, 8)

    play(tmp_path, scenario)


def test_seeds_are_not_stored_in_clear(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        made = await world.iam("CreateVirtualMFADevice", VirtualMFADeviceName="phone")
        seed = made["VirtualMFADevice"]["Base32StringSeed"]
        stored = (tmp_path / "iam.db").read_bytes() + (tmp_path / "iam.db-wal").read_bytes()
        assert b"mfa-device" in stored
        for clear in (seed, base64.b32decode(seed), base64.b64encode(base64.b32decode(seed))):
            assert clear not in stored
        listed = json.dumps(await world.iam("ListVirtualMFADevices"), default=str)
        assert seed.decode() not in listed

    play(tmp_path, scenario)
