"""What the operations of IAM work with."""

from __future__ import annotations

from lambdad.core.clock import Clock
from lambdad.core.ids import AccountId
from lambdad.core.limits import IamQuotas
from lambdad.core.value import Value, field
from lambdad.iam.managed import ManagedPolicies, ServiceRoles
from lambdad.iam.mfa import MfaDevices
from lambdad.iam.store import IamStore


class CredentialReport(Value):
    """The table of all credentials as it was at a moment."""

    content: bytes
    at_ms: int


class IamService(Value):
    """The collaborators of IAM's operations."""

    store: IamStore
    managed: ManagedPolicies
    """AWS's own policies."""
    service_roles: ServiceRoles
    clock: Clock
    quotas: IamQuotas
    mfa: MfaDevices
    reports: dict[AccountId, CredentialReport] = field(default_factory=dict)
    """The last credential report of each account that asked for one."""

    def now_ms(self) -> int:
        """Now, in whole seconds as IAM keeps time; milliseconds since the epoch."""
        return self.clock.wall_ms() // 1000 * 1000
