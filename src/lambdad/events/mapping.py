"""An event source mapping as a value, and the states it goes through. Pure.

Owns what is stored of a mapping and which state follows which. Members are of JSON's types, so
that what is stored is what is kept. Who may make one and how it is shown is
`services/lambda_/event_sources.py`'s; what it does is `pollers.py`'s.

Source: Lambda API reference, EventSourceMappingConfiguration; semantics §4.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from lambdad.core.arn import parse_arn
from lambdad.core.ids import AccountId, Region
from lambdad.core.value import Value, field, replace

KIND = "event-source-mapping"
"""Under which mappings are stored, and what their ARNs say."""
SQS_BATCH_SIZE = 10


class State(StrEnum):
    """Of a mapping, in AWS's words. All but Enabled and Disabled pass by themselves."""

    CREATING = "Creating"
    ENABLING = "Enabling"
    ENABLED = "Enabled"
    DISABLING = "Disabling"
    DISABLED = "Disabled"
    UPDATING = "Updating"
    DELETING = "Deleting"


RESTING = (State.ENABLED, State.DISABLED)


class EventSourceMapping(Value):
    """What connects a source to a function."""

    id: str
    """UUID."""
    source_arn: str
    function_arn: str
    """With the version or alias that was given, if one was."""
    batch_size: int
    window_s: int
    enabled: bool
    """What is wanted; `state` says what is."""
    state: str
    modified_ms: int
    reason: str = "USER_INITIATED"
    """StateTransitionReason."""
    response_types: Sequence[str] = ()
    filters: Sequence[str] | None = None
    """Patterns; None where there are no criteria."""
    maximum_concurrency: int | None = None
    metrics: Sequence[str] | None = None
    """Kinds of metrics that are wanted."""
    pollers: Mapping[str, int | str] | None = None
    """ProvisionedPollerConfig as given."""
    log_level: str | None = None
    kms_key_arn: str | None = None
    """Accepted and shown; filters are sealed with the data directory's own key, as all else."""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def function(self) -> tuple[AccountId, Region, str, str | None]:
        """Account, region, name and qualifier of the function."""
        arn = parse_arn(self.function_arn)
        assert arn is not None
        name, _, qualifier = arn.resource.removeprefix("function:").partition(":")
        return AccountId(arn.account), Region(arn.region), name, qualifier or None


def settled(mapping: EventSourceMapping, now_ms: int) -> EventSourceMapping:
    """After whatever was under way: as it was wanted."""
    state = State.ENABLED if mapping.enabled else State.DISABLED
    return replace(mapping, state=state, modified_ms=now_ms)


def changed(
    current: EventSourceMapping, wanted: EventSourceMapping, now_ms: int
) -> EventSourceMapping:
    """`wanted`, on its way: Enabling or Disabling where that changes, otherwise Updating."""
    state = State.UPDATING
    if wanted.enabled != current.enabled:
        state = State.ENABLING if wanted.enabled else State.DISABLING
    return replace(wanted, state=state, modified_ms=now_ms)


def leaving(mapping: EventSourceMapping, now_ms: int) -> EventSourceMapping:
    """On its way out: nothing new is read, what is in flight is finished."""
    return replace(mapping, state=State.DELETING, enabled=False, modified_ms=now_ms)
