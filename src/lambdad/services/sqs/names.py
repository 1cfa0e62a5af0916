"""Names of queues: their grammar and their URLs.

A queue's URL is whatever address the caller reached this server by, its account and its name;
which host a URL that comes back names does not matter, because the request arrived here.
"""

from __future__ import annotations

import re

from lambdad.api.call import Call, Params
from lambdad.core.ids import AccountId
from lambdad.engines.queue.records import QueueKey
from lambdad.services.sqs.errors import (
    AccessDeniedException,
    InvalidAddress,
    InvalidParameterValueException,
    missing,
)

_STANDARD_NAME = re.compile(r"[a-zA-Z0-9_-]{1,80}")
_FIFO_NAME = re.compile(r"[a-zA-Z0-9_-]{1,75}\.fifo")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_STANDARD_TEXT = (
    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
)
_FIFO_TEXT = (
    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
    "must end with .fifo suffix and be 1 to 80 in length"
)


def check_name(name: str, *, fifo: bool) -> None:
    """Raises InvalidParameterValue for a name that no queue of this type can have."""
    if fifo and not _FIFO_NAME.fullmatch(name):
        raise InvalidParameterValueException(_FIFO_TEXT)
    if not fifo and not _STANDARD_NAME.fullmatch(name):
        raise InvalidParameterValueException(_STANDARD_TEXT)


def queue_url(call: Call, key: QueueKey) -> str:
    """The URL under which this caller reaches the queue."""
    return f"{call.endpoint}/{key.account}/{key.name}"


def named_by_url(url: str) -> tuple[AccountId | None, str]:
    """Account and name in a queue URL `…/<account>/<name>`; a bare name, which AWS takes as well,
    says no account. Raises InvalidAddress."""
    rest, _, name = url.rstrip("/").rpartition("/")
    if not rest:
        return None, name
    account = rest.rpartition("/")[2]
    if not name or not _ACCOUNT.fullmatch(account):
        raise InvalidAddress(f"The address {url} is not valid for this endpoint.")
    return AccountId(account), name


def addressed(call: Call, params: Params) -> QueueKey:
    """The queue that a request's QueueUrl means. Raises InvalidAddress; AccessDenied for a queue
    of another account, unless the call was let through to that (`authorization.py`, OWNERS)."""
    url: str | None = params.get("QueueUrl")
    if not url:
        raise missing("QueueUrl")
    account, name = named_by_url(url)
    return _own(call, account, name, url)


def named(call: Call, params: Params) -> QueueKey:
    """The queue that QueueName, and QueueOwnerAWSAccountId where it is given, mean. Raises
    likewise."""
    name = params.get("QueueName")
    if not name:
        raise missing("QueueName")
    return _own(call, params.get("QueueOwnerAWSAccountId"), name, name)


def _own(call: Call, account: str | None, name: str, shown: str) -> QueueKey:
    if account is not None and account != call.account:
        raise AccessDeniedException(f"Access to the resource {shown} is denied.")
    return QueueKey(call.account, call.region, name)
