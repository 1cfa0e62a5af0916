"""What the queue engine refuses. No AWS texts: the service that has the operation owns those."""

from __future__ import annotations

from lambdad.engines.queue.records import Queue, QueueKey


class QueueError(Exception):
    """The engine refused; nothing was changed."""


class QueueMissing(QueueError):
    """There is no such queue, or not any more."""

    def __init__(self, key: QueueKey) -> None:
        super().__init__(f"no queue {'/'.join(key)}")
        self.key = key


class QueueExists(QueueError):
    """There is a queue of that name already."""

    def __init__(self, queue: Queue) -> None:
        super().__init__(f"there is a queue {'/'.join(queue.key)}")
        self.queue = queue


class MessageTooLong(QueueError):
    """A message is larger than the queue's `max_message_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"a message is larger than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes


class TooManyInFlight(QueueError):
    """A standard queue has as many messages in flight as it may (SQS: OverLimit)."""


class MoveRunning(QueueError):
    """The source has a running move task (SQS allows one)."""


class MoveMissing(QueueError):
    """There is no running move task of that id."""
