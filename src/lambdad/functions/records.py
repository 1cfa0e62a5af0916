"""What is kept of a function: immutable values, one aggregate per function name.

Pure data. How they change is `lifecycle`'s business, how they are kept is `store`'s, what the
data plane sees of them is `publication`'s. Environment variables may hold secrets and are left
out of every repr.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TypeVar

from lambdad.core.value import Value, field, replace
from lambdad.functions.attachments import WHOLE, Attachment, Attachments, Provisioned
from lambdad.functions.names import LATEST, FunctionKey

A = TypeVar("A", bound=Attachment)


class State(StrEnum):
    """Of a version (semantics §1.5)."""

    PENDING = "Pending"
    ACTIVE = "Active"
    INACTIVE = "Inactive"
    DEACTIVATED = "Deactivated"
    """On managed instances, scaled to none by its owner."""
    FAILED = "Failed"


class UpdateStatus(StrEnum):
    """Of the last change to `$LATEST`."""

    SUCCESSFUL = "Successful"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"


class Reason(Value):
    """Why a state or an update status is what it is, in AWS's words and code."""

    text: str
    code: str


CREATING = Reason("The function is being created.", "Creating")
"""Said of a creation and, oddly, of every update too (recorded; quirk 1)."""


class CodePackage(Value, eq=False):
    """A deployment package, known by its content: how large that is unpacked, older documents do
    not tell."""

    digest: str
    """SHA-256 of the zip, hex: the name of its blob and of its unpacked tree."""
    size_bytes: int
    """Of the zip: AWS's CodeSize."""
    unzipped_bytes: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CodePackage) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    @property
    def _content(self) -> tuple[str, int]:
        return self.digest, self.size_bytes

    @property
    def sha256(self) -> str:
        """The digest in base64: AWS's CodeSha256."""
        return base64.b64encode(bytes.fromhex(self.digest)).decode()


class Logging(Value):
    """LoggingConfig. The levels are None where the format is Text."""

    log_group: str
    log_format: str = "Text"
    application_level: str | None = None
    system_level: str | None = None


class VpcAttachment(Value):
    """VpcConfig. Only the detached form exists until there are networks to attach to."""

    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    vpc_id: str = ""
    ipv6_allowed: bool = False


class LayerReference(Value):
    """A layer version that a function holds: its own copy, so that it outlives the layer."""

    arn: str
    code: CodePackage


class ManagedInstances(Value):
    """Where a function on a capacity provider runs."""

    capacity_provider_arn: str
    environment_concurrency: int
    """Invocations at once in one environment."""
    memory_gib_per_vcpu: float


class DurableSettings(Value):
    """DurableConfig: what makes a function durable, at its creation and for good."""

    timeout_s: int
    """Of a whole execution."""
    retention_days: int = 14
    """How long its history is kept after its end (AWS SAM developer guide, "DurableConfig")."""
    kms_key_arn: str | None = None


class Configuration(Value):
    """Everything about a function that is not code and that its owner decides."""

    UNSHOWN = ("environment",)

    runtime: str
    handler: str
    role: str
    logging: Logging
    description: str = ""
    timeout_s: int = 3
    memory_mib: int = 128
    tmp_mib: int = 512
    environment: Mapping[str, str] | None = None
    """None if never given: AWS tells that apart from an empty one."""
    kms_key_arn: str | None = None
    tracing_mode: str = "PassThrough"
    dead_letter_arn: str | None = None
    vpc: VpcAttachment | None = None
    architecture: str = "x86_64"
    snap_start: str = "None"
    """ApplyOn: None or PublishedVersions."""
    layers: tuple[LayerReference, ...] = ()
    """Merged in this order as /opt: later ones over earlier ones."""
    tenant_isolation: bool = False
    """TenancyConfig PER_TENANT: set at creation, for good."""
    managed: ManagedInstances | None = None
    """CapacityProviderConfig."""
    durable: DurableSettings | None = None


class Deployment(Value):
    """What runs: code and configuration together, under an id that changes with either."""

    id: str
    code: CodePackage
    configuration: Configuration

    @property
    def packages(self) -> Iterator[CodePackage]:
        """Its code and its layers."""
        yield self.code
        for layer in self.configuration.layers:
            yield layer.code


class Version(Value):
    """`$LATEST` or a published version."""

    version: str
    deployment: Deployment
    """As the control plane shows it."""
    revision_id: str
    last_modified_ms: int
    state: State = State.PENDING
    state_reason: Reason | None = CREATING
    update_status: UpdateStatus | None = None
    """None until first Active."""
    update_reason: Reason | None = None
    serving: Deployment | None = None
    """What invocations run: behind `deployment` while an update is in progress or has failed,
    None until first Active."""

    @property
    def wants_snapshot(self) -> bool:
        """Whether SnapStart applies to it: to published versions only."""
        return self.version != LATEST and self.deployment.configuration.snap_start != "None"

    @property
    def is_settled(self) -> bool:
        """Nothing is being prepared for it."""
        return self.state is not State.PENDING and (
            self.update_status is not UpdateStatus.IN_PROGRESS
        )

    @property
    def packages(self) -> Iterator[CodePackage]:
        """Every package it needs kept; one may come twice."""
        yield from self.deployment.packages
        if self.serving is not None:
            yield from self.serving.packages


class Alias(Value):
    """A name for a version; `weights` sends that share of calls to another one."""

    name: str
    version: str
    description: str
    weights: Mapping[str, float]
    revision_id: str

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.version, *self.weights)


class FunctionRecord(Value):
    """All that is kept under one function name."""

    key: FunctionKey
    latest: Version
    next_version: int
    versions: dict[str, Version] = field(default_factory=dict)
    """Published ones by number, ascending."""
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    reserved_concurrency: int | None = None
    attachments: Attachments = field(default_factory=dict)

    def version(self, number: str) -> Version | None:
        """`$LATEST` or a published version."""
        return self.latest if number == LATEST else self.versions.get(number)

    def find(self, qualifier: str | None) -> Version | None:
        """The version that a qualifier means; of a weighted alias, the primary one."""
        alias = self.aliases.get(qualifier) if qualifier else None
        return self.version(alias.version if alias else qualifier or LATEST)

    def all_versions(self) -> Iterator[Version]:
        """`$LATEST` first, then ascending: AWS's order."""
        yield self.latest
        yield from self.versions.values()

    def attached(self, kind: type[A], qualifier: str = WHOLE) -> A | None:
        """What of that kind hangs there."""
        found = self.attachments.get((kind, qualifier))
        return found if isinstance(found, kind) else None

    def every(self, kind: type[A]) -> dict[str, A]:
        """All of that kind, by qualifier, in its order."""
        return {
            qualifier: value
            for (_, qualifier), value in sorted(self.attachments.items(), key=lambda at: at[0][1])
            if isinstance(value, kind)
        }

    def attach(self, value: Attachment, qualifier: str = WHOLE) -> FunctionRecord:
        """With it, new or in place of the one of its kind."""
        return replace(self, attachments={**self.attachments, (type(value), qualifier): value})

    def detach(self, kind: type[Attachment], qualifier: str = WHOLE) -> FunctionRecord:
        """Without the one of that kind; unchanged if there is none."""
        if (kind, qualifier) not in self.attachments:
            return self
        rest = {at: value for at, value in self.attachments.items() if at != (kind, qualifier)}
        return replace(self, attachments=rest)

    @property
    def claimed_concurrency(self) -> int:
        """What it takes out of its account's pool, used or not: its reservation, or else what is
        provisioned for it."""
        if self.reserved_concurrency is not None:
            return self.reserved_concurrency
        return sum(each.requested for each in self.every(Provisioned).values())

    @property
    def last_version(self) -> Version | None:
        """The newest published version that is still there."""
        return self.versions[next(reversed(self.versions))] if self.versions else None

    @property
    def code_bytes(self) -> int:
        """What it counts for in TotalCodeSize: every version a full copy (semantics §1.5)."""
        return sum(version.deployment.code.size_bytes for version in self.all_versions())
