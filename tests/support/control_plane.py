"""A whole control plane of functions on real storage, in a folder, without a server."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import ANY

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation
from lambdad.core.clock import ManualClock
from lambdad.core.errors import AwsError
from lambdad.core.ids import AccountId, Region, RequestId
from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.core.value import replace
from lambdad.engines.durable.rows import MIGRATIONS as DURABLE_MIGRATIONS
from lambdad.events.delivery import Plane as EventPlane
from lambdad.events.mappings import EventSourceMappings
from lambdad.functions.bytecode import HostBytecode
from lambdad.functions.code import CodeStore
from lambdad.functions.layers import LayerStore
from lambdad.functions.names import FunctionKey
from lambdad.functions.preparation import Preparer
from lambdad.functions.records import Reason
from lambdad.functions.resources import ResourceStore
from lambdad.functions.schema import MIGRATIONS
from lambdad.functions.snapshot import Catalog, FunctionVersion
from lambdad.functions.store import FunctionStore
from lambdad.iam.principal import Principal, PrincipalKind
from lambdad.invoke.loop_guard import LoopGuard
from lambdad.invoke.provisioning import NOT_BEGUN, Allocation
from lambdad.runtime.invocation import InvokeRequest, InvokeResult
from lambdad.server.durable import durable_runner
from lambdad.server.triggers import RESOURCE_KINDS
from lambdad.services.lambda_.service import LambdaService
from lambdad.storage.blobs import BlobStore
from lambdad.storage.data_keys import DataKeys
from lambdad.storage.sealing import AesGcmSealer
from lambdad.storage.sqlite import open_lane
from lambdad.telemetry.counters import Counters
from support.event_sources import FakeSource
from support.packages import zip_of

ACCOUNT = AccountId("123456789012")
REGION = Region("us-east-1")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


class FakeInvoker:
    """Answers every invocation with its payload, and remembers it; both ways of invoking."""

    def __init__(self) -> None:
        self.invoked: list[tuple[FunctionVersion, InvokeRequest]] = []
        self.accepted: list[tuple[str, str | None, InvokeRequest]] = []
        self.function_error: str | None = None
        self.log_tail: bytes | None = None

    async def invoke(self, target: FunctionVersion, request: InvokeRequest) -> InvokeResult:
        self.invoked.append((target, request))
        tail = self.log_tail if request.tail else None
        payload = request.payload or b"{}"
        return InvokeResult(payload, self.function_error, target.version, tail, 1.0, 2)

    async def accept(
        self,
        account: AccountId,
        region: Region,
        name: str,
        qualifier: str | None,
        request: InvokeRequest,
    ) -> None:
        self.accepted.append((name, qualifier, request))


class FakeSnapshots:
    """Has every version's init succeed, unless told otherwise."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str]] = []
        """Names and versions."""
        self.reason: Reason | None = None
        self.allowed = asyncio.Event()
        """Cleared, init takes as long as that."""
        self.allowed.set()

    async def make(self, key: FunctionKey, number: str) -> Reason | None:
        self.made.append((key.name, number))
        await self.allowed.wait()
        return self.reason


class Plane:
    """The parts, and short ways to use them."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.clock = ManualClock()
        self.invoker = FakeInvoker()
        self.allocations: dict[str, Allocation] = {}
        """Of provisioned concurrency, by qualifier."""
        self.catalog = Catalog()
        self.lane = open_lane(folder / "control.db", MIGRATIONS)
        self.durable_lane = open_lane(folder / "durable.db", DURABLE_MIGRATIONS)
        self.blobs = BlobStore(folder / "blobs", bytes(32))
        self.code = CodeStore(self.blobs, folder / "code", HostBytecode(limits), self.clock, limits)
        self.keys = DataKeys(AesGcmSealer(bytes(32)), folder / "keys")
        self.layers = LayerStore(self.lane, self.code)
        self.resources = ResourceStore(self.lane, RESOURCE_KINDS)
        self.queues = FakeSource()
        """The queues that mappings can read."""
        self.store = FunctionStore(self.lane, self.catalog, self.code, self.keys)
        self.preparer = Preparer(self.store, self.code)
        self.snapshots = FakeSnapshots()
        self.counters = Counters()
        self.loops = LoopGuard(self.counters)
        working = EventPlane(
            self.catalog, self.invoker, self.loops, self.counters, self.clock, draw=lambda: 0.5
        )
        self.mappings = EventSourceMappings(self.resources, {"sqs": self.queues}, working, limits)
        self.service = LambdaService(
            functions=self.store,
            layers=self.layers,
            resources=self.resources,
            mappings=self.mappings,
            loops=self.loops,
            code=self.code,
            preparer=self.preparer,
            catalog=self.catalog,
            invoker=self.invoker,
            async_invoker=self.invoker,
            durable=durable_runner(
                self.durable_lane,
                self.catalog,
                self.invoker,
                lambda role, action, resource: None,
                (self.clock, limits),
            ),
            clock=self.clock,
            limits=limits,
            code_url=lambda digest, call: f"{call.endpoint}/code/{digest}",
            draw=lambda: 0.5,
            allocation=lambda key, qualifier: self.allocations.get(qualifier, NOT_BEGUN),
        )

    async def run(self, operation: Implementation, **params: Any) -> Result:
        """One operation as the default caller."""
        return await operation(self.service, call(), params)

    async def settle(self) -> None:
        """Until nothing is Pending or InProgress."""
        await self.preparer.idle()


@asynccontextmanager
async def plane(folder: Path, **limits: Any) -> AsyncIterator[Plane]:
    """Loaded and started; ended cleanly."""
    made = Plane(folder, replace(DEFAULT_LIMITS, **limits))
    try:
        await made.layers.load()
        await made.resources.load()
        await made.store.load()
        await made.preparer.start()
        made.preparer.carry_on(made.snapshots)
        await made.mappings.start()
        yield made
    finally:
        await made.mappings.close()
        await made.preparer.close()
        await made.code.close()
        await made.service.durable.close()
        await made.durable_lane.close()
        await made.lane.close()
        made.blobs.close()


def call(
    account: str = ACCOUNT, region: str = REGION, headers: Mapping[str, str] | None = None
) -> Call:
    """A call by the root of an account."""
    owner = AccountId(account)
    return Call(
        account=owner,
        region=Region(region),
        principal=Principal(PrincipalKind.ROOT, owner, f"arn:aws:iam::{owner}:root", "AKIA"),
        request_id=RequestId("11111111-2222-4333-8444-555555555555"),
        endpoint="http://localhost:4566",
        source_ip="127.0.0.1",
        headers=headers or {},
    )


def creation(name: str = "f", **changes: Any) -> Params:
    """Parameters of a CreateFunction that succeeds."""
    params: Params = {
        "FunctionName": name,
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Role": ROLE,
        "Code": {"ZipFile": zip_of()},
    }
    return params | changes


async def error_of(work: Awaitable[Result]) -> tuple[str, int, str | None, dict[str, Any]]:
    """How an operation fails: code, status, message, further members."""
    try:
        result = await work
    except AwsError as error:
        return error.code, error.status, error.message, error.members
    raise AssertionError(f"it succeeded: {result}")


def configuration(name: str = "f", **changes: Any) -> Result:
    """The FunctionConfiguration of a function that `creation` made and that is Active; a change
    to None takes a member away. Ids are `ANY`."""
    members: Result = {
        "FunctionName": name,
        "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",
        "Runtime": "python3.12",
        "Role": ROLE,
        "Handler": "index.handler",
        "CodeSize": len(zip_of()),
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "LastModified": "2026-01-01T00:00:00.000+0000",
        "CodeSha256": base64.b64encode(hashlib.sha256(zip_of()).digest()).decode(),
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": ANY,
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
        "RuntimeVersionConfig": {"RuntimeVersionArn": ANY},
        "State": "Active",
        "LastUpdateStatus": "Successful",
    }
    return {key: value for key, value in (members | changes).items() if value is not None}


PENDING: Result = {
    "State": "Pending",
    "StateReason": "The function is being created.",
    "StateReasonCode": "Creating",
    "LastUpdateStatus": None,
}
"""What a creation in progress changes (semantics §1.5)."""
IN_PROGRESS: Result = {
    "LastUpdateStatus": "InProgress",
    "LastUpdateStatusReason": "The function is being created.",
    "LastUpdateStatusReasonCode": "Creating",
}
"""What an update in progress changes; the words really are those of a creation (quirk 1)."""
LISTED: Result = {"State": None, "LastUpdateStatus": None, "RuntimeVersionConfig": None}
"""What lists leave out."""
