"""Virtual MFA devices: made, given to a user by two codes in a row, taken away.

What their codes are good for is `services/sts`'. Answers carry the seed as text and no QR code:
whoever wants one makes it of `otpauth://totp/<user>?secret=<seed>` (API reference,
VirtualMFADevice).
"""

from __future__ import annotations

import base64
import os

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam.mfa import SEED_BYTES
from lambdad.iam.one_time_codes import matching_pair, step_at
from lambdad.iam.records import MfaDevice, User
from lambdad.iam.store import Draft, Records
from lambdad.services.iam.entities import find_device, require, require_device, user_name
from lambdad.services.iam.errors import (
    DeleteConflictException,
    EntityAlreadyExistsException,
    InvalidAuthenticationCodeException,
    NoSuchEntityException,
    quota_exceeded,
)
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.tags import read_tags
from lambdad.services.iam.views import moment, tag_list, user_summary

_ENABLE_REACH_STEPS = 10
"""A new device's clock may be five minutes off."""
_RESYNC_REACH_STEPS = 2880
"""One that has drifted, a day. Two codes in a row leave nothing to guess."""


@operation("iam", "CreateVirtualMFADevice")
async def create_device(service: IamService, call: Call, params: Params) -> Result:
    tags = read_tags(params, service.quotas)
    device = MfaDevice(
        name=params["VirtualMFADeviceName"],
        path=params.get("Path", "/"),
        created_ms=service.now_ms(),
        sealed_seed="",
        tags=tags,
    )
    seed, serial = os.urandom(SEED_BYTES), device.arn(call.account)
    async with service.store.edit(call.account) as draft:
        if draft.get(MfaDevice, device.key) is not None:
            raise EntityAlreadyExistsException(
                "MFADevice entity at the same path and name already exists."
            )
        if draft.count(MfaDevice) >= service.quotas.mfa_devices:
            raise quota_exceeded("VirtualMFADevicesPerAccount", service.quotas.mfa_devices)
        draft.put(replace(device, sealed_seed=service.mfa.seal(serial, seed)))
    return {
        "VirtualMFADevice": {
            "SerialNumber": serial,
            "Base32StringSeed": base64.b32encode(seed),
            "Tags": tag_list(tags) or None,
        }
    }


@operation("iam", "EnableMFADevice")
async def enable_device(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, params["UserName"])
        device = require_device(draft, call.account, params["SerialNumber"])
        if device.user is not None:
            raise EntityAlreadyExistsException(
                f"MFA Device {params['SerialNumber']} is already in use."
            )
        limit = service.quotas.mfa_devices_per_user
        if len(devices_of(draft, user.name)) >= limit:
            raise quota_exceeded("MFADevicesPerUser", limit)
        synced = _synced(service, call, device, params, _ENABLE_REACH_STEPS)
        draft.put(replace(synced, user=user.name, enabled_ms=service.now_ms()))
    return {}


@operation("iam", "ResyncMFADevice")
async def resync_device(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        device = _device_of(draft, call, params, params["UserName"])
        draft.put(_synced(service, call, device, params, _RESYNC_REACH_STEPS))
    return {}


@operation("iam", "DeactivateMFADevice")
async def deactivate_device(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        device = _device_of(draft, call, params, user_name(call, params))
        draft.put(replace(device, user=None, enabled_ms=0, drift_steps=0))
    return {}


@operation("iam", "DeleteVirtualMFADevice")
async def delete_device(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        device = require_device(draft, call.account, params["SerialNumber"])
        if device.user is not None:
            raise DeleteConflictException("MFA VirtualDevice in use. Must deactivate first.")
        draft.remove(device)
    return {}


@operation("iam", "GetMFADevice")
async def get_device(service: IamService, call: Call, params: Params) -> Result:
    records, serial = service.store.account(call.account), params["SerialNumber"]
    device = find_device(records, call.account, serial)
    wanted = params.get("UserName")
    if wanted is not None:
        require(records, User, wanted)
    if device is None or device.user is None or wanted not in (None, device.user):
        raise NoSuchEntityException(f"MFA Device {serial} cannot be found.")
    return {
        "UserName": device.user,
        "SerialNumber": serial,
        "EnableDate": moment(device.enabled_ms),
        "Certifications": {},
    }


@operation("iam", "ListMFADevices")
async def list_devices(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    user = require(records, User, user_name(call, params))
    chosen, rest = page(devices_of(records, user.name), params, lambda device: device.key)
    shown = [
        {
            "UserName": user.name,
            "SerialNumber": device.arn(call.account),
            "EnableDate": moment(device.enabled_ms),
        }
        for device in chosen
    ]
    return {"MFADevices": shown} | rest


@operation("iam", "ListVirtualMFADevices")
async def list_virtual_devices(service: IamService, call: Call, params: Params) -> Result:
    """All of them unless the request says which (API reference)."""
    records = service.store.account(call.account)
    status = params.get("AssignmentStatus", "Any")
    wanted = {"Assigned": (True,), "Unassigned": (False,)}.get(status, (True, False))
    found = [each for each in records.all(MfaDevice) if (each.user is not None) in wanted]
    chosen, rest = page(found, params, lambda device: device.key)
    return {"VirtualMFADevices": [_shown(records, call, each) for each in chosen]} | rest


def devices_of(records: Records, user: str) -> list[MfaDevice]:
    """A user's MFA devices, as they were enabled."""
    found = [device for device in records.all(MfaDevice) if device.user == user]
    return sorted(found, key=lambda device: (device.enabled_ms, device.key))


def _device_of(draft: Draft, call: Call, params: Params, name: str) -> MfaDevice:
    user = require(draft, User, name)
    device = find_device(draft, call.account, params["SerialNumber"])
    if device is None or device.user != user.name:
        raise NoSuchEntityException("MFA Device invalid for user.")
    return device


def _synced(
    service: IamService, call: Call, device: MfaDevice, params: Params, reach: int
) -> MfaDevice:
    """The device, its clock known from two codes in a row. Raises
    InvalidAuthenticationCodeException."""
    now = step_at(service.now_ms() // 1000)
    first, second = params["AuthenticationCode1"], params["AuthenticationCode2"]
    seed = service.mfa.seed_of(call.account, device)
    step = matching_pair(seed, first, second, now, reach)
    if step is None or step <= device.last_step:
        raise InvalidAuthenticationCodeException("Authentication code for device is not valid.")
    return replace(device, drift_steps=step - now, last_step=step)


def _shown(records: Records, call: Call, device: MfaDevice) -> Result:
    """Without tags (API reference, ListVirtualMFADevices)."""
    user = records.named(User, device.user) if device.user else None
    return {
        "SerialNumber": device.arn(call.account),
        "User": user_summary(call.account, user) if user else None,
        "EnableDate": moment(device.enabled_ms) if user else None,
    }


OPERATIONS: tuple[Implementation, ...] = (
    create_device,
    enable_device,
    resync_device,
    deactivate_device,
    delete_device,
    get_device,
    list_devices,
    list_virtual_devices,
)
