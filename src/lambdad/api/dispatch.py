"""From an authenticated call to the operation that serves it: first may they, then do it.

Knows no service and no HTTP. Policies are evaluated behind `Authorizer` (api/authorizer.py); every
decision is noted in the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Handler, OperationName
from lambdad.core.errors import AwsError, UnknownOperationException
from lambdad.telemetry.audit import ALLOWED, DENIED, MALFORMED, AuditLog, AuditRecord

_DENIAL = "AccessDenied"
"""With this begin the codes of all services' refusals; their status differs."""

DECIDED_BY_SERVICE = frozenset(
    (
        ("sts", "AssumeRole"),
        ("sts", "AssumeRoleWithWebIdentity"),
        ("sts", "GetCallerIdentity"),
        ("sts", "GetSessionToken"),
    )
)
"""(service, operation) that no authorizer is asked about: a role's trust policy decides, which
only the service knows, or AWS demands no permission (STS API reference)."""


class Authorizer(Protocol):
    """Decides whether a caller may."""

    def authorize(self, call: Call, name: OperationName, params: Params) -> Call:
        """The call as it is to be done, if it is allowed: `account` is that of the resource which
        it is for. Raises AccessDeniedException."""
        ...


class Dispatcher:
    """Every operation that is served, behind one authorizer."""

    def __init__(self, authorizer: Authorizer, audit: AuditLog | None = None) -> None:
        self._authorizer = authorizer
        self._audit = audit
        self._handlers: dict[tuple[str, str], tuple[OperationName, Handler]] = {}

    def serve(self, handlers: Mapping[OperationName, Handler]) -> None:
        """Add a service's operations."""
        for name, handler in handlers.items():
            self._handlers[name.service, name.operation] = (name, handler)

    def operations(self) -> list[OperationName]:
        """All that is served."""
        return [name for name, _ in self._handlers.values()]

    async def dispatch(self, service: str, operation: str, call: Call, params: Params) -> Result:
        """Authorise, then run. Raises whatever AwsError the operation answers with."""
        entry = self._handlers.get((service, operation))
        if entry is None:
            raise UnknownOperationException(
                f"{service}:{operation} is a real AWS operation that this lambdad does not serve."
            )
        name, handler = entry
        if (service, operation) in DECIDED_BY_SERVICE:
            return await self._decided(name, handler, call, params)
        try:
            allowed = self._authorizer.authorize(call, name, params)
        except AwsError as error:
            self._note(call, name, _decision(error) or MALFORMED, error.message)
            raise
        self._note(call, name, ALLOWED)
        return await handler(allowed, params)

    async def _decided(
        self, name: OperationName, handler: Handler, call: Call, params: Params
    ) -> Result:
        """Run an operation that is its own authorizer."""
        try:
            result = await handler(call, params)
        except AwsError as error:
            denied = _decision(error)
            self._note(call, name, denied or ALLOWED, error.message if denied else None)
            raise
        self._note(call, name, ALLOWED)
        return result

    def _note(
        self, call: Call, name: OperationName, decision: str, reason: str | None = None
    ) -> None:
        if self._audit is None:
            return
        principal = call.principal
        self._audit.note(
            AuditRecord(
                call.request_id,
                call.account,
                principal.arn,
                principal.access_key_id,
                call.source_ip,
                call.region,
                name.service,
                name.operation,
                decision,
                reason,
            )
        )


def _decision(error: AwsError) -> str | None:
    """DENIED, or None for an error that is no decision about the caller."""
    return DENIED if error.code.startswith(_DENIAL) else None
