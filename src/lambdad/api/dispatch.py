"""From an authenticated call to the operation that serves it: first may they, then do it.

Knows no service and no HTTP. Policies will be evaluated behind `Authorizer` (issue: IAM).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Handler, OperationName
from lambdad.core.arn import PARTITION, function_arn
from lambdad.core.errors import AccessDeniedException, UnknownOperationException
from lambdad.iam.principal import PrincipalKind

_ACTIONS = {("lambda", "Invoke"): "InvokeFunction", ("lambda", "InvokeAsync"): "InvokeFunction"}
"""Actions that IAM calls otherwise than the operation (Service Authorization Reference)."""


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

    def authorize(self, call: Call, name: OperationName, params: Params) -> None:
        """Return if allowed. Raises AccessDeniedException."""
        ...


class RootOnly:
    """The root of an account may do everything in it; nobody else anything, until policies."""

    def authorize(self, call: Call, name: OperationName, params: Params) -> None:
        principal = call.principal
        if principal.kind is not PrincipalKind.ROOT or principal.account != call.account:
            raise denied(call, name, params)


class WholeAccount:
    """Everyone of the account may do everything in it: with `--accept-any-credentials`, where a
    function could as well call itself root."""

    def authorize(self, call: Call, name: OperationName, params: Params) -> None:
        if call.principal.account != call.account:
            raise denied(call, name, params)


class Dispatcher:
    """Every operation that is served, behind one authorizer."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._handlers: dict[tuple[str, str], tuple[OperationName, Handler]] = {}

    def serve(self, handlers: Mapping[OperationName, Handler]) -> None:
        """Add a service's operations."""
        for name, handler in handlers.items():
            self._handlers[name.service, name.operation] = (name, handler)

    async def dispatch(self, service: str, operation: str, call: Call, params: Params) -> Result:
        """Authorise, then run. Raises whatever AwsError the operation answers with."""
        entry = self._handlers.get((service, operation))
        if entry is None:
            raise UnknownOperationException(
                f"{service}:{operation} is a real AWS operation that this lambdad does not serve."
            )
        name, handler = entry
        if (service, operation) not in DECIDED_BY_SERVICE:
            self._authorizer.authorize(call, name, params)
        return await handler(call, params)


def denied(call: Call, name: OperationName, params: Params) -> AccessDeniedException:
    """AWS's refusal of a known caller (semantics §8.1)."""
    action = _ACTIONS.get((name.service, name.operation), name.operation)
    action = f"{name.service}:{action}"
    return AccessDeniedException(
        f"User: {call.principal.arn} is not authorized to perform: {action} on resource: "
        f"{_resource(call, name, params)} because no identity-based policy allows the {action} "
        "action"
    )


def _resource(call: Call, name: OperationName, params: Params) -> str:
    """The ARN that the call is about, as far as its parameters say so."""
    function = params.get("FunctionName")
    if name.service == "lambda" and isinstance(function, str):
        bare = function.rpartition("function:")[2]
        return function_arn(call.region, call.account, bare, params.get("Qualifier"))
    group = params.get("logGroupName")
    if name.service == "logs" and isinstance(group, str):
        return f"arn:{PARTITION}:logs:{call.region}:{call.account}:log-group:{group}:log-stream:"
    return "*"
