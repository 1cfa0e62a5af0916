"""DeleteEventSourceMapping. Semantics §4.1; recorded where it says so there."""

from __future__ import annotations

import uuid
from typing import Any

from support.lambda_client import (
    GONE,
    body_of,
    make,
    make_code,
    not_found,
    refused,
    status_of,
    user_error,
)
from support.queue_mappings import (
    await_gone,
    make_leaving,
    make_queue,
    make_reader,
    mapping_of,
    rested,
)
from support.server import LambdadServer


def test_it_leaves_and_is_gone(server: LambdadServer, client: Any) -> None:
    _, queue = make_queue(server)
    name = make(client, Role=make_reader(server))
    made = client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    rested(client, made["UUID"])
    deleted = client.delete_event_source_mapping(UUID=made["UUID"])
    expected = mapping_of(made, name, queue, State="Deleting")
    assert (status_of(deleted), body_of(deleted)) == (202, expected)
    await_gone(client, made["UUID"])
    error = refused(client.delete_event_source_mapping, UUID=made["UUID"])
    assert error == not_found(GONE)


def test_one_that_is_not_there(client: Any) -> None:
    error = refused(client.delete_event_source_mapping, UUID=str(uuid.uuid4()))
    assert error == not_found(GONE)


def test_not_while_it_is_leaving(server: LambdadServer, client: Any) -> None:
    """API reference, ResourceInUseException."""
    source = "import time\ndef handler(event, context):\n    time.sleep(2)\n"
    leaving = make_leaving(server, client, make_code(client, source, Role=make_reader(server)))
    assert refused(client.delete_event_source_mapping, UUID=leaving) == user_error(
        "ResourceInUseException",
        400,
        "Cannot delete the event source mapping because it is in use.",
        "Message",
    )
    await_gone(client, leaving)
