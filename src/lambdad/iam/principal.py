"""Who a call comes from."""

from __future__ import annotations

from enum import StrEnum

from lambdad.core.ids import AccountId
from lambdad.core.value import Value


class PrincipalKind(StrEnum):
    ROOT = "root"
    USER = "user"
    ASSUMED_ROLE = "assumed-role"
    FEDERATED_USER = "federated-user"
    """A session of GetFederationToken."""
    FEDERATED = "federated"
    """An identity of an OIDC or SAML provider; it can do nothing but assume a role."""
    SERVICE = "service"
    ANONYMOUS = "anonymous"


class SessionTerms(Value):
    """What temporary credentials were given with."""

    identity: str
    """ARN of the role, or of the user, behind the session."""
    issued_s: int
    """Epoch seconds."""
    policies: tuple[str, ...] = ()
    """Documents of the inline session policies."""
    policy_arns: tuple[str, ...] = ()
    """Managed session policies."""
    tags: tuple[tuple[str, str], ...] = ()
    transitive_keys: tuple[str, ...] = ()
    """Keys of tags that sessions made with this one inherit."""
    source_identity: str | None = None
    function_arn: str | None = None
    """Of the function whose environment they were made for."""
    mfa_s: int | None = None
    """When the user proved to have his MFA device, epoch seconds."""


class Principal(Value):
    """An authenticated caller, as IAM names it."""

    kind: PrincipalKind
    account: AccountId
    arn: str
    """`arn:aws:iam::<account>:root`, `arn:aws:sts::<account>:assumed-role/<role>/<session>` …"""
    access_key_id: str
    unique_id: str = ""
    """What `aws:userid` shows: `AIDA…`, `AROA…:<session>`, the account id of a root; empty where
    it is not known."""
    session: SessionTerms | None = None
    """For temporary credentials."""
