"""What an execution environment is made for: on demand or ahead, and for which tenant. Pure.

One that was made for a tenant never serves another. A prepared environment (SnapStart) is one on
demand from the moment it is handed out; apart from that a purpose is for life.
"""

from __future__ import annotations

from typing import Literal

from lambdad.core.limits import Limits
from lambdad.core.value import Value

InitializationType = Literal[
    "on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances"
]
"""AWS_LAMBDA_INITIALIZATION_TYPE, and `initializationType` of platform events."""

_AHEAD_INIT_S = 130.0


class Purpose(Value):
    """Why an environment exists."""

    initialization_type: InitializationType = "on-demand"
    tenant_id: str | None = None
    """The tenant it is for; None where the function does not isolate tenants."""
    ahead: bool = False
    """Initialised before anybody waits for it: its init belongs to no invocation, is reported
    always, and is not repeated inside the first invocation when it fails."""

    forks: bool = False
    """It is to be a template: others are forked from behind its init (SnapStart)."""
    background: bool = False
    """It only gets what the others leave of the CPU."""
    note: str | None = None
    """What the function's log says of it at its start, beside AWS's lines."""

    @property
    def restores(self) -> bool:
        """Its runtime stops between init and its first event, until it is restored."""
        return self.initialization_type == "snap-start"

    def init_limit_s(self, limits: Limits, function_timeout_s: float) -> float:
        """How long init may take: ahead of time 130 s or the function's timeout, whichever is
        longer (AWS, "Lambda runtime environment lifecycle: Init phase")."""
        return max(_AHEAD_INIT_S, function_timeout_s) if self.ahead else limits.init_timeout_s


ON_DEMAND = Purpose()
