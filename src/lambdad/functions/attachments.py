"""What hangs on a function, or on one of its versions or aliases, beside code and configuration.

Pure data, and immutable. Each kind is there at most once per qualifier; the function itself is
the qualifier WHOLE. Members are of JSON's types, so that what is stored is what is kept. Nothing
here is part of a version: attaching changes no revision id of the function (semantics §1.5, §1.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WHOLE = ""
"""The qualifier of what belongs to the function without one."""


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """Who may use a function, a version, an alias or a layer version. Never empty."""

    document: Mapping[str, Any]
    """`Version`, `Id` and `Statement`, as GetPolicy shows it."""
    revision_id: str
    """The policy's own (semantics §1.5)."""


@dataclass(frozen=True, slots=True)
class EventInvoke:
    """How asynchronous invocations are retried and where their outcome goes. None: not set."""

    modified_ms: int
    maximum_retries: int | None = None
    maximum_age_s: int | None = None
    on_success: str | None = None
    """ARN of the destination."""
    on_failure: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """An HTTPS endpoint of `$LATEST` or of an alias; it outlives the alias."""

    url_id: str
    """32 lower-case letters and digits: the host name's first label, never changed."""
    auth_type: str
    invoke_mode: str
    cors: Mapping[str, Any] | None
    """In AWS's spelling."""
    created_ms: int
    modified_ms: int


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Environments wanted ahead for a version or an alias."""

    requested: int
    modified_ms: int


@dataclass(frozen=True, slots=True)
class FunctionScaling:
    """How many environments a version on managed instances has. Both zero: deactivated."""

    minimum: int
    maximum: int | None
    """None: as many as the capacity provider has room for."""


@dataclass(frozen=True, slots=True)
class Recursion:
    """What happens when the function calls itself in a loop: Terminate or Allow."""

    loop: str


@dataclass(frozen=True, slots=True)
class RuntimeManagement:
    """When the runtime is updated: Auto, FunctionUpdate or Manual."""

    update_on: str
    runtime_version_arn: str | None


@dataclass(frozen=True, slots=True)
class CodeSigning:
    """Which code signing configuration guards the function."""

    config_arn: str


Attachment = (
    ResourcePolicy
    | EventInvoke
    | FunctionUrl
    | Provisioned
    | FunctionScaling
    | Recursion
    | RuntimeManagement
    | CodeSigning
)
Attachments = Mapping[tuple[type, str], Attachment]
"""By kind and qualifier."""
KINDS: Mapping[str, type[Attachment]] = {
    "policy": ResourcePolicy,
    "event-invoke": EventInvoke,
    "url": FunctionUrl,
    "provisioned": Provisioned,
    "scaling": FunctionScaling,
    "recursion": Recursion,
    "runtime-management": RuntimeManagement,
    "code-signing": CodeSigning,
}
"""By the name under which it is stored, which never changes."""
KIND_NAMES: Mapping[type, str] = {kind: name for name, kind in KINDS.items()}
OUTLIVES_QUALIFIER = (FunctionUrl,)
"""Kinds that stay when the alias is deleted (semantics §1.12)."""
