"""Functions as targets: invoked asynchronously with what is sent."""

from __future__ import annotations

from typing import Protocol

from lambdad.core.arn import PARTITION, parse_arn
from lambdad.core.errors import AwsError
from lambdad.core.ids import AccountId, Region, new_request_id
from lambdad.core.limits import Limits
from lambdad.events.target import Parcel, Undeliverable
from lambdad.functions.snapshot import Catalog
from lambdad.invoke.placement import check_place
from lambdad.invoke.resolve import resolve
from lambdad.runtime.invocation import InvokeRequest


class AsyncInvoker(Protocol):
    """`invoke.asynchronous`, as far as a target uses it."""

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


class FunctionTarget:
    """Functions, versions and aliases."""

    action = "lambda:InvokeFunction"

    def __init__(self, invoker: AsyncInvoker, catalog: Catalog, limits: Limits) -> None:
        self._invoker = invoker
        self._catalog = catalog
        self._limits = limits

    async def deliver(self, arn: str, parcel: Parcel) -> None:
        # Of one spelling: the role was asked about the ARN as it is written.
        parsed = parse_arn(arn)
        kind, _, named = parsed.resource.partition(":") if parsed else ("", "", "")
        name, _, qualifier = named.partition(":")
        if parsed is None or (parsed.partition, kind) != (PARTITION, "function") or not name:
            raise Undeliverable(f"{arn} names no function")
        account, region = AccountId(parsed.account), Region(parsed.region)
        function = self._catalog.get(account, region, name)
        target = resolve(function, qualifier or None, 0.0) if function is not None else None
        if target is None:
            raise Undeliverable(f"there is no function {arn}")
        try:
            check_place(target, None)  # an outcome belongs to no tenant
        except AwsError as error:
            raise Undeliverable(f"{arn} does not take it: {error.message}") from None
        if len(parcel.body) > self._limits.async_payload_bytes:
            raise Undeliverable(f"the record is too large for {arn}: {len(parcel.body)} bytes")
        request = InvokeRequest(
            new_request_id(), parcel.body, arn, trace_header=parcel.trace_header
        )
        await self._invoker.accept(account, region, name, qualifier or None, request)
