"""The values of the queue engine: what a queue is, what goes in, what comes out.

Owns their shapes. They are SQS's in substance and nobody's in form: no URL, ARN, base64 or MD5 is
known here; a service that has those shapes them from these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import NamedTuple

from lambdad.core.ids import AccountId, Region
from lambdad.core.value import Struct, Value, asdict, field

QUEUE_SCOPE = "queue"
GROUP_SCOPE = "messageGroup"


class QueueKey(NamedTuple):
    """A queue's name, unique in its account and region."""

    account: AccountId
    region: Region
    name: str


class Redrive(Value):
    """Where messages go that were received too often."""

    target: QueueKey
    """May name a queue that does not exist (any more): then messages stay where they are."""
    max_receive_count: int
    """The receive after this many moves the message instead of delivering it."""


class QueueSettings(Value):
    """What the engine goes by. The defaults are those of SQS's CreateQueue."""

    fifo: bool = False
    """Never changes after creation."""
    delay_s: int = 0
    visibility_s: int = 30
    retention_s: int = 345_600
    receive_wait_s: int = 0
    max_message_bytes: int = 1_048_576
    content_based_deduplication: bool = False
    """FIFO: a message without a deduplication id has the SHA-256 of its body as one."""
    deduplication_scope: str = QUEUE_SCOPE
    """FIFO: `queue` or `messageGroup`."""
    throughput_limit: str = "perQueue"
    """FIFO: `perQueue` or `perMessageGroupId`; kept, and no throughput is limited here."""
    redrive: Redrive | None = None

    def to_json(self) -> str:
        return json.dumps(self, default=asdict)

    @classmethod
    def from_json(cls, text: str) -> QueueSettings:
        members = json.loads(text)
        redrive = members.pop("redrive", None)
        if redrive is not None:
            redrive = Redrive(QueueKey(*redrive["target"]), redrive["max_receive_count"])
        return cls(**members, redrive=redrive)


class Queue(Value):
    """A queue as it is now: an immutable value that each change replaces."""

    id: int
    """Never used again, also not by a later queue of the same name."""
    key: QueueKey
    settings: QueueSettings
    attributes: Mapping[str, str]
    """The owner's: kept and not looked at."""
    tags: Mapping[str, str]
    """The owner's, likewise."""
    created_ms: int
    modified_ms: int
    purged_ms: int | None = None
    """When it was last purged. SQS's rule of one purge a minute is the service's to apply."""


class NewMessage(Value):
    """A message to be sent."""

    body: bytes
    """UTF-8 where SQS is the owner."""
    attributes: bytes = b""
    """The owner's document (SQS: message attributes), kept and not looked at."""
    attributes_bytes: int = 0
    """What the attributes count for in the message's size (SQS: names, types and values)."""
    system: Mapping[str, str] = field(default_factory=dict)
    """System attributes that travel with it, such as SenderId and AWSTraceHeader."""
    delay_s: int | None = None
    """None: the queue's own. A FIFO queue has no other."""
    group: str | None = None
    """FIFO: the message group, required. Standard: the fair-queue group, kept."""
    deduplication_id: str | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.body) + self.attributes_bytes


class Sent(Value):
    """What became of a message that was sent."""

    message_id: str
    """A duplicate's is that of the message which it duplicates."""
    sequence: int
    """Rising in the order of sending, over all queues. SQS shows it for FIFO queues."""
    duplicate: bool = False
    """FIFO: accepted and not stored, because of its deduplication id."""


class Outgoing(Value):
    """Messages for a queue, to be sent in the transaction of another change (`write`)."""

    key: QueueKey
    messages: tuple[NewMessage, ...]


class Message(Value):
    """A message as it was received (or looked at: then `receipt_handle` is empty)."""

    message_id: str
    receipt_handle: str
    body: bytes
    attributes: bytes
    system: Mapping[str, str]
    sequence: int
    sent_ms: int
    """When it was first sent. A standard queue's dead-letter queue keeps it, a move does not."""
    first_received_ms: int | None
    receive_count: int
    """This receive included."""
    group: str | None = None
    deduplication_id: str | None = None
    dead_letter_source: QueueKey | None = None
    """The queue that it was moved away from, when it is in a dead-letter queue."""


class Terms(Value):
    """How much to receive, and how."""

    limit: int
    """Messages; may be more than SQS's 10."""
    visibility_s: int | None = None
    """None: the queue's own."""
    attempt_id: str | None = None
    """FIFO: a repetition under it gets what the first got."""


class Receipted(Enum):
    """What became of one receipt handle of a delete or of a change of visibility."""

    DONE = "done"
    """For a delete also: it was deleted before, or a standard queue's message has been received
    again since (then it stays)."""
    MALFORMED = "malformed"
    """No receipt handle at all."""
    FOREIGN = "foreign"
    """A receipt handle of another queue."""
    EXPIRED = "expired"
    """FIFO: its visibility timeout is over, or it was received again."""
    NOT_IN_FLIGHT = "not in flight"
    """Change: the message exists, and is visible or was received again."""
    GONE = "gone"
    """Change: there is no such message any more."""
    TOO_LONG = "too long"
    """Change: it would be invisible for more than 12 hours since it was received."""


class Counts(Value):
    """How many messages a queue holds, by state; exact at one moment."""

    visible: int
    in_flight: int
    delayed: int


class Metrics(Struct):
    """Sums since the process started, of what CloudWatch's AWS/SQS metrics count."""

    messages_sent: int = 0
    sent_bytes: int = 0
    """SentMessageSize summed; its sample count is `messages_sent`."""
    messages_received: int = 0
    messages_deleted: int = 0
    empty_receives: int = 0
    messages_moved: int = 0
    """To the dead-letter queue."""
    messages_expired: int = 0


class MoveStatus(StrEnum):
    """As ListMessageMoveTasks names them."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class MoveTask(Value):
    """A message move task, as SQS's StartMessageMoveTask begins one."""

    id: str
    source: QueueKey
    target: QueueKey | None
    """None: each message goes back to its own dead-letter source."""
    rate_per_s: int | None
    """None: as fast as it goes, up to `Limits.queue_move_rate_per_s`."""
    status: MoveStatus
    started_ms: int
    to_move: int
    """Messages that were in the source when it started."""
    moved: int
    failure: str | None = None
    """One of AWS's failure reasons, of a FAILED one."""
