"""What the operations of STS work with."""

from __future__ import annotations

from lambdad.core.clock import Clock
from lambdad.core.limits import IamQuotas
from lambdad.core.value import Value
from lambdad.iam.authorization_messages import AuthorizationMessages
from lambdad.iam.directory import Directory
from lambdad.iam.issuer_keys import IssuerKeys
from lambdad.iam.last_use import LastUses
from lambdad.iam.mfa import MfaDevices
from lambdad.iam.session import SessionIssuer
from lambdad.iam.store import IamStore


class StsService(Value):
    """The collaborators of STS's operations."""

    store: IamStore
    directory: Directory
    sessions: SessionIssuer
    issuer_keys: IssuerKeys
    messages: AuthorizationMessages
    last_uses: LastUses
    mfa: MfaDevices
    clock: Clock
    quotas: IamQuotas

    def now_s(self) -> int:
        """Epoch seconds."""
        return self.clock.wall_ms() // 1000
