"""What hangs on a function, or on one of its versions or aliases, beside code and configuration.

Pure data, and immutable. Each kind is there at most once per qualifier; the function itself is
the qualifier WHOLE. Members are of JSON's types, so that what is stored is what is kept. Nothing
here is part of a version: attaching changes no revision id of the function (semantics §1.5, §1.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.core.value import Value

WHOLE = ""
"""The qualifier of what belongs to the function without one."""


class ResourcePolicy(Value):
    """Who may use a function, a version, an alias or a layer version. Never empty."""

    document: Mapping[str, Any]
    """`Version`, `Id` and `Statement`, as GetPolicy shows it."""
    revision_id: str
    """The policy's own (semantics §1.5)."""


class EventInvoke(Value):
    """How asynchronous invocations are retried and where their outcome goes. None: not set."""

    modified_ms: int
    maximum_retries: int | None = None
    maximum_age_s: int | None = None
    on_success: str | None = None
    """ARN of the destination."""
    on_failure: str | None = None


class FunctionUrl(Value):
    """An HTTPS endpoint of `$LATEST` or of an alias; it outlives the alias."""

    url_id: str
    """32 lower-case letters and digits: the host name's first label, never changed."""
    auth_type: str
    invoke_mode: str
    cors: Mapping[str, Any] | None
    """In AWS's spelling."""
    created_ms: int
    modified_ms: int


class Provisioned(Value):
    """Environments wanted ahead for a version or an alias."""

    requested: int
    modified_ms: int


class FunctionScaling(Value):
    """How many environments a version on managed instances has. Both zero: deactivated."""

    minimum: int
    maximum: int | None
    """None: as many as the capacity provider has room for."""


class Recursion(Value):
    """What happens when the function calls itself in a loop: Terminate or Allow."""

    loop: str


class RuntimeManagement(Value):
    """When the runtime is updated: Auto, FunctionUpdate or Manual."""

    update_on: str
    runtime_version_arn: str | None


class CodeSigning(Value):
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
