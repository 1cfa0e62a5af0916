"""What Lambda's operations work with: their collaborators, and the few things all of them do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from lambdad.api.call import Call
from lambdad.core.clock import Clock
from lambdad.core.ids import AccountId, Region, new_uuid
from lambdad.core.limits import Limits
from lambdad.core.value import Value
from lambdad.events.mappings import EventSourceMappings
from lambdad.functions.code import CodeStore
from lambdad.functions.layers import LayerStore
from lambdad.functions.lifecycle import Stamp
from lambdad.functions.names import FunctionKey, Reference, refer
from lambdad.functions.preparation import Preparer
from lambdad.functions.records import FunctionRecord, Version
from lambdad.functions.resources import ResourceStore
from lambdad.functions.snapshot import Catalog, FunctionVersion, Key
from lambdad.functions.store import Edit, FunctionStore
from lambdad.invoke.durable import DurableRunner
from lambdad.invoke.loop_guard import LoopGuard
from lambdad.invoke.provisioning import Allocation
from lambdad.runtime.invocation import InvokeRequest, InvokeResult
from lambdad.runtime.response_stream import ResponseStream
from lambdad.services.lambda_.errors import (
    CodeStorageExceededException,
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from lambdad.services.lambda_.execution_roles import RoleCheck, any_role


class Invoker(Protocol):
    """Runs a version and waits for what comes of it (`invoke.invoker`)."""

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult:
        """Raises TooManyRequestsException and what else `invoke.errors` has."""
        ...

    async def stream(self, target: FunctionVersion, request: InvokeRequest) -> ResponseStream:
        """Likewise; returns when the response begins."""
        ...


class AsyncInvoker(Protocol):
    """Takes an event for later (`invoke.asynchronous`)."""

    async def accept(
        self,
        account: AccountId,
        region: Region,
        name: str,
        qualifier: str | None,
        request: InvokeRequest,
    ) -> None:
        """Returns when the event is durable."""
        ...


class LambdaService(Value):
    """The collaborators. Made in `server/wiring.py`."""

    functions: FunctionStore
    layers: LayerStore
    resources: ResourceStore
    mappings: EventSourceMappings
    loops: LoopGuard
    code: CodeStore
    preparer: Preparer
    catalog: Catalog
    invoker: Invoker
    async_invoker: AsyncInvoker
    durable: DurableRunner
    clock: Clock
    limits: Limits
    code_url: Callable[[str, Call], str]
    """Where the caller can download the package with this digest for ten minutes."""
    draw: Callable[[], float]
    """A random number in [0, 1): which version a weighted alias means this time."""
    allocation: Callable[[Key, str], Allocation]
    """How far the provisioned concurrency of a version or alias has come."""
    check_role: RoleCheck = any_role
    """Refuses an execution role that Lambda cannot assume."""

    def stamp(self) -> Stamp:
        """For one change that happens now."""
        return Stamp(new_uuid(), new_uuid(), new_uuid(), new_uuid(), self.clock.wall_ms())

    def find(
        self, call: Call, function_name: str, qualifier: str | None = None
    ) -> tuple[Reference, FunctionRecord, Version]:
        """A function and the version that is meant. Raises ResourceNotFoundException."""
        reference = refer(call.account, call.region, function_name, qualifier)
        record = self.functions.get(reference.key)
        version = record.find(reference.qualifier) if record else None
        if record is None or version is None:
            raise not_found(reference.arn)
        return reference, record, version

    @asynccontextmanager
    async def editing(self, key: FunctionKey) -> AsyncIterator[tuple[Edit, FunctionRecord]]:
        """One turn to change a function that exists. Raises ResourceNotFoundException."""
        async with self.functions.editing(key) as edit:
            if edit.record is None:
                raise not_found(key.arn())
            yield edit, edit.record

    def code_bytes(self, account: AccountId, region: Region) -> int:
        """TotalCodeSize: functions and layers."""
        functions = self.functions.usage(account, region).code_bytes
        return functions + self.layers.code_bytes(account, region)

    def check_storage(self, account: AccountId, region: Region, new_bytes: int) -> None:
        """Raises CodeStorageExceededException where so much more code would be too much."""
        if self.code_bytes(account, region) + new_bytes > self.limits.code_storage_bytes:
            raise CodeStorageExceededException("Code storage limit exceeded.")

    def check_versions(self, record: FunctionRecord) -> None:
        """Raises InvalidParameterValueException where one more version would be too many."""
        limit = self.limits.versions_per_function
        if len(record.versions) >= limit:
            raise InvalidParameterValueException(
                f"{record.key.arn()} has {limit} versions, the most that this server takes. "
                "Delete some of them."
            )


def not_found(arn: str) -> ResourceNotFoundException:
    """What most operations say of a function that is not there."""
    return ResourceNotFoundException(f"Function not found: {arn}")
