"""Is this the code that a user's MFA device shows now?

Owns the checks that make six digits worth something: a code is good for one use, for a minute and
a half at most, and guessing is slowed down per device. Who may ask is the services' business.
"""

from __future__ import annotations

import base64

from lambdad.core.clock import Clock
from lambdad.core.ids import AccountId
from lambdad.core.limits import Limits
from lambdad.core.value import replace
from lambdad.iam.backoff import Backoff
from lambdad.iam.errors import Dialect
from lambdad.iam.one_time_codes import matching_step, step_at
from lambdad.iam.records import MfaDevice
from lambdad.iam.store import IamStore
from lambdad.storage.sealing import Sealer

SEED_BYTES = 40
"""As long as AWS's: 64 characters of base32."""
_REACH_STEPS = 1
"""A code counts one step early and one late, for clocks and for typing."""


class NoSuchDevice(Exception):
    """The user has no MFA device of this serial number."""


class MfaDevices:
    """The devices of all accounts; for one event loop."""

    def __init__(self, store: IamStore, sealer: Sealer, clock: Clock, limits: Limits) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._backoff = Backoff(limits)

    def seal(self, device_arn: str, seed: bytes) -> str:
        """A seed as `MfaDevice.sealed_seed` keeps it."""
        return base64.b64encode(self._sealer.seal(seed, device_arn)).decode()

    def seed_of(self, account: AccountId, device: MfaDevice) -> bytes:
        """The seed in clear. Raises BrokenSeal where the sealing key is not the one it was sealed
        with."""
        return self._sealer.open(base64.b64decode(device.sealed_seed), device.arn(account))

    async def authenticate(self, account: AccountId, user: str, serial: str, code: str) -> bool:
        """Whether the user's device of this serial number (an ARN) shows this code; it is used up
        then, durably. Raises NoSuchDevice, and Throttling during a pause after wrong codes."""
        now_s = self._clock.wall_ms() // 1000
        async with self._store.edit(account) as draft:
            device = next(
                (each for each in draft.all(MfaDevice) if each.arn(account) == serial), None
            )
            if device is None or device.user != user:
                raise NoSuchDevice
            self._backoff.check("", serial, now_s, Dialect.QUERY)
            around = step_at(now_s) + device.drift_steps
            step = matching_step(self.seed_of(account, device), code, around, _REACH_STEPS)
            if step is None or step <= device.last_step:
                self._backoff.failed("", serial, now_s)
                return False
            self._backoff.succeeded("", serial)
            draft.put(replace(device, last_step=step))
        return True
