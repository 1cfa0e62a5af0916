"""Every operation of CloudWatch Logs that is served."""

from __future__ import annotations

from lambdad.api.operation import Implementation
from lambdad.services.logs import events, groups, live_tail, metric_filters, streams, tags

OPERATIONS: tuple[Implementation, ...] = (
    *groups.OPERATIONS,
    *streams.OPERATIONS,
    *events.OPERATIONS,
    *tags.OPERATIONS,
    *metric_filters.OPERATIONS,
    *live_tail.OPERATIONS,
)
