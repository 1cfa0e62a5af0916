"""Every operation of SQS that is served."""

from __future__ import annotations

from lambdad.api.operation import Implementation
from lambdad.services.sqs import (
    in_flight,
    move_tasks,
    permissions,
    queue_attributes,
    queues,
    receiving,
    sending,
    tags,
)

OPERATIONS: tuple[Implementation, ...] = (
    *queues.OPERATIONS,
    *queue_attributes.OPERATIONS,
    *sending.OPERATIONS,
    *receiving.OPERATIONS,
    *in_flight.OPERATIONS,
    *move_tasks.OPERATIONS,
    *permissions.OPERATIONS,
    *tags.OPERATIONS,
)
