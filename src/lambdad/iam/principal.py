"""Who a call comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lambdad.core.ids import AccountId


class PrincipalKind(StrEnum):
    ROOT = "root"
    USER = "user"
    ASSUMED_ROLE = "assumed-role"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller, as IAM names it."""

    kind: PrincipalKind
    account: AccountId
    arn: str
    """`arn:aws:iam::<account>:root`, `arn:aws:sts::<account>:assumed-role/<role>/<session>` …"""
    access_key_id: str
