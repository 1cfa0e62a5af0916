"""What the data plane sees of functions: immutable values, replaced whole at each change.

The control plane publishes into the Catalog after the commit; resolving and invoking read only
these values and never touch storage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from lambdad.core.arn import function_arn
from lambdad.core.ids import AccountId, Region
from lambdad.core.value import Value, field
from lambdad.functions.attachments import (
    EventInvoke,
    FunctionScaling,
    FunctionUrl,
    Provisioned,
)
from lambdad.functions.records import DurableSettings
from lambdad.iam.policy import Policy


class FunctionVersion(Value):
    """One version that can run: `$LATEST` as it is now, or a published one."""

    account: AccountId
    region: Region
    name: str
    version: str
    """`$LATEST` or decimal digits."""
    deployment_id: str
    """Changes with every change of code or configuration: environments are kept per deployment."""
    state: str
    """Pending, Active, Inactive, Failed (semantics §1.5)."""
    runtime: str
    handler: str
    role: str
    memory_mib: int
    timeout_s: int
    tmp_mib: int
    environment: Mapping[str, str]
    code_dir: Path
    code_sha256: str
    """Base64, as AWS shows it."""
    layer_dirs: tuple[Path, ...]
    log_group: str
    log_format: str
    """Text or JSON."""
    application_log_level: str
    system_log_level: str
    tracing_mode: str
    """PassThrough or Active."""
    architecture: str
    runtime_version_arn: str
    tenant_isolation: bool = False
    """Every invocation names its tenant, whose environments no other tenant gets."""
    capacity_provider: str | None = None
    """ARN of what it runs on, if on managed instances."""
    environment_concurrency: int = 1
    """Invocations at once that stand for one environment on managed instances."""
    dead_letter_arn: str | None = None
    """The queue or topic that asynchronous events go to when the function has failed."""
    durable: DurableSettings | None = None
    """Its invocations are durable executions."""
    snap_start: bool = False
    """A published version whose environments start from behind their init."""

    @property
    def arn(self) -> str:
        """The unqualified function ARN."""
        return function_arn(self.region, self.account, self.name)


class AliasTarget(Value):
    """Where an alias points: a version, and the share of calls that another one takes."""

    version: str
    additional_weights: Mapping[str, float] = field(default_factory=dict)


class Function(Value):
    """All that can be invoked under one name."""

    account: AccountId
    region: Region
    name: str
    versions: Mapping[str, FunctionVersion]
    """By version, `$LATEST` included."""
    aliases: Mapping[str, AliasTarget]
    reserved_concurrency: int | None = None
    policies: Mapping[str, Policy] = field(default_factory=dict)
    """Resource policies by qualifier; "" is the function's own, which speaks of calls without
    a qualifier."""
    event_invokes: Mapping[str, EventInvoke] = field(default_factory=dict)
    """Settings of asynchronous invocation by qualifier; `$LATEST` for calls without one."""
    recursive_loop: str = "Terminate"
    """Terminate or Allow."""
    urls: Mapping[str, FunctionUrl] = field(default_factory=dict)
    """HTTP endpoints by qualifier; "" is `$LATEST`'s. The qualifier of one may be gone."""
    provisioned: Mapping[str, Provisioned] = field(default_factory=dict)
    """Environments wanted ahead, by version or alias."""
    scaling: Mapping[str, FunctionScaling] = field(default_factory=dict)
    """How many environments versions on managed instances have."""


Key = tuple[AccountId, Region, str]
Listener = Callable[[Key, Function | None], None]


class Catalog:
    """The current Function of every name. Single-threaded: the event loop's."""

    def __init__(self) -> None:
        self._functions: dict[Key, Function] = {}
        self._listeners: list[Listener] = []
        self._denying: dict[AccountId, set[Key]] = {}

    def get(self, account: AccountId, region: Region, name: str) -> Function | None:
        return self._functions.get((account, region, name))

    def publish(self, function: Function) -> None:
        """Replace what is known under the function's name."""
        key = (function.account, function.region, function.name)
        self._functions[key] = function
        self._note_denials(key, function.policies.values())
        self._tell(key, function)

    def remove(self, account: AccountId, region: Region, name: str) -> None:
        key = (account, region, name)
        if self._functions.pop(key, None) is not None:
            self._note_denials(key, ())
            self._tell(key, None)

    def has_denials(self, account: AccountId) -> bool:
        """Whether any resource policy of the account's functions denies anything."""
        return bool(self._denying.get(account))

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` after every change, with None for a removal."""
        self._listeners.append(listener)

    def __iter__(self) -> Iterator[Function]:
        return iter(self._functions.values())

    def _note_denials(self, key: Key, policies: Iterable[Policy]) -> None:
        denying = self._denying.setdefault(key[0], set())
        if any(not statement.allow for policy in policies for statement in policy.statements):
            denying.add(key)
        else:
            denying.discard(key)

    def _tell(self, key: Key, function: Function | None) -> None:
        for listener in self._listeners:
            listener(key, function)
