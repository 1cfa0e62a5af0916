"""Every operation of STS that is served."""

from __future__ import annotations

from lambdad.api.operation import Implementation
from lambdad.services.sts import assume_role, identity, tokens, web_identity

OPERATIONS: tuple[Implementation, ...] = (
    *identity.OPERATIONS,
    *assume_role.OPERATIONS,
    *web_identity.OPERATIONS,
    *tokens.OPERATIONS,
)
