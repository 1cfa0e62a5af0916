"""The functions that durable executions invoke: which are meant, and what running them comes to.

Owns the resolution of a chained invoke and the runs of functions that are not durable. Changes no
execution.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lambdad.core.errors import AccessDeniedException, AwsError
from lambdad.core.ids import new_request_id, new_uuid
from lambdad.core.limits import Limits
from lambdad.core.value import Value
from lambdad.engines.durable.chained import Ending, Target
from lambdad.engines.durable.errors import InvalidParameterValueException
from lambdad.engines.durable.execution import ErrorObject, Operation, OperationStatus, Origin
from lambdad.engines.durable.output import failure_of
from lambdad.functions.errors import ResourceNotFoundException
from lambdad.functions.names import LATEST, owner_named, refer
from lambdad.functions.snapshot import Catalog, FunctionVersion
from lambdad.invoke.durable_invocation import RUNNABLE, RunsFunctions, attempt
from lambdad.invoke.durable_start import Start
from lambdad.invoke.lineage import with_run
from lambdad.invoke.placement import check_place
from lambdad.invoke.resolve import resolve
from lambdad.runtime.invocation import InvokeRequest

UNQUALIFIED = "You cannot invoke a durable function using an unqualified ARN."
MayInvoke = Callable[[str, str, str], str | None]
"""(role ARN, action, function ARN) → None, or AWS's refusal."""
_FIRST_DELAY_S, _LONGEST_DELAY_S = 1.0, 60.0


class Meant(Value):
    """A target, found."""

    version: FunctionVersion
    arn: str
    """Qualified as far as the caller qualified it."""
    trace_header: str
    """With which it runs, its run counted."""


class ChainedInvokes:
    """Resolves and runs targets."""

    def __init__(
        self,
        invoker: RunsFunctions,
        catalog: Catalog,
        limits: Limits,
        draw: Callable[[], float],
        may_invoke: MayInvoke,
    ) -> None:
        self._invoker = invoker
        self._catalog = catalog
        self._limits = limits
        self._draw = draw
        self._may_invoke = may_invoke

    def resolve(self, origin: Origin, operation: Operation) -> Target | ErrorObject:
        """What the operation will invoke, or why it cannot.

        Raises InvalidParameterValueException for a function of another account."""
        if owner_named(operation.function or "") not in (None, origin.account):
            raise InvalidParameterValueException(
                "Cannot start a CHAINED_INVOKE on a function in another account."
            )
        try:
            version = self.find(origin, operation).version
        except AwsError as error:
            return error_of(error)
        if version.durable is None:
            return Target(version.version)
        arn = f"{version.arn}:{version.version}/durable-execution/{new_uuid()}/{new_uuid()}"
        return Target(version.version, arn)

    def find(self, origin: Origin, operation: Operation) -> Meant:
        """The version that the operation means now. Raises what Invoke would answer."""
        key, qualifier = refer(origin.account, origin.region, operation.function or "")
        function = self._catalog.get(*key)
        version = resolve(function, qualifier, self._draw()) if function is not None else None
        if function is None or version is None:
            raise ResourceNotFoundException(f"Function not found: {key.arn(qualifier or LATEST)}")
        if version.durable is not None and qualifier is None:
            raise InvalidParameterValueException(UNQUALIFIED)
        check_place(version, operation.tenant_id)
        refusal = self._may_invoke(self._role(origin), "lambda:InvokeFunction", key.arn(qualifier))
        if refusal is not None:
            raise AccessDeniedException(refusal)
        trace = with_run(operation.trace_header or origin.trace_header, function)
        return Meant(version, key.arn(qualifier), trace)

    def child(self, origin: Origin, operation: Operation, arn: str) -> Start:
        """The execution that the operation was resolved to: its version is in its ARN, whatever
        an alias means by now. Raises ResourceNotFoundException."""
        function_arn, _, names = arn.partition("/durable-execution/")
        name, execution_id = names.split("/")
        key, version = refer(origin.account, origin.region, function_arn)
        function = self._catalog.get(*key)
        target = function.versions.get(version or LATEST) if function is not None else None
        if function is None or target is None:
            raise ResourceNotFoundException(f"Function not found: {function_arn}")
        trace = with_run(operation.trace_header or origin.trace_header, function)
        payload = (operation.input or "").encode()
        return Start(target, payload, False, trace, name, execution_id, operation.tenant_id)

    async def run(self, origin: Origin, operation: Operation) -> Ending:
        """Run a function that is not durable, until it was really reached."""
        delay_s = _FIRST_DELAY_S
        while True:
            try:
                meant = self.find(origin, operation)
            except AwsError as error:
                return Ending(OperationStatus.FAILED, error=error_of(error))
            if meant.version.state in RUNNABLE:
                ending = await self._once(meant, origin, operation)
                if ending is not None:
                    return ending
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, _LONGEST_DELAY_S)

    async def _once(self, meant: Meant, origin: Origin, operation: Operation) -> Ending | None:
        payload = (operation.input or "{}").encode()
        request = InvokeRequest(
            new_request_id(),
            payload,
            meant.arn,
            trace_header=meant.trace_header,
            tenant_id=operation.tenant_id,
        )
        result = await attempt(self._invoker, meant.version, request)
        if result is None:
            return None
        if result.function_error is not None:
            error = failure_of(result.payload, result.error_type)
            return Ending(OperationStatus.FAILED, error=error)
        most = self._limits.durable_payload_bytes
        if len(result.payload) > most:
            text = f"CHAINED_INVOKE output payload size must be less than or equal to {most} bytes."
            return Ending(OperationStatus.FAILED, error={"ErrorMessage": text})
        text = result.payload.decode(errors="replace")
        return Ending(OperationStatus.SUCCEEDED, text or None)

    def _role(self, origin: Origin) -> str:
        function = self._catalog.get(origin.account, origin.region, origin.function)
        version = function.versions.get(origin.version) if function is not None else None
        if version is None:
            raise ResourceNotFoundException(f"Function not found: {origin.function_arn}")
        return version.role


def error_of(error: AwsError) -> ErrorObject:
    """An AWS error as the error of an operation."""
    return {"ErrorMessage": error.message or "", "ErrorType": error.code}
