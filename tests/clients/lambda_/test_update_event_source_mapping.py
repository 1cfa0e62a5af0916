"""UpdateEventSourceMapping. Semantics §4.1; recorded where it says so there."""

from __future__ import annotations

import uuid
from typing import Any

from support.lambda_client import (
    GONE,
    body_of,
    conflict,
    fresh_name,
    invalid,
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


def test_what_is_absent_stays(server: LambdadServer, client: Any) -> None:
    _, queue = make_queue(server)
    name, other = (make(client, Role=make_reader(server)) for _ in range(2))
    made = client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    at = {"UUID": made["UUID"]}
    updated = client.update_event_source_mapping(**at, BatchSize=5)
    expected = mapping_of(made, name, queue, BatchSize=5)
    assert (status_of(updated), body_of(updated)) == (202, expected | {"State": "Updating"})
    assert rested(client, made["UUID"]) == expected
    disabled = client.update_event_source_mapping(**at, Enabled=False)
    assert body_of(disabled) == expected | {"State": "Disabling"}
    assert rested(client, made["UUID"]) == expected | {"State": "Disabled"}
    moved = client.update_event_source_mapping(**at, FunctionName=other, Enabled=True)
    expected = mapping_of(made, other, queue, BatchSize=5)
    assert body_of(moved) == expected | {"State": "Enabling"}
    assert rested(client, made["UUID"]) == expected


def test_refusals(server: LambdadServer, client: Any) -> None:
    _, queue = make_queue(server)
    name, other = (make(client, Role=make_reader(server)) for _ in range(2))
    first, second = (
        client.create_event_source_mapping(FunctionName=each, EventSourceArn=queue)["UUID"]
        for each in (name, other)
    )
    update = client.update_event_source_mapping
    assert refused(update, UUID=str(uuid.uuid4())) == not_found(GONE)
    assert refused(update, UUID=first, FunctionName=fresh_name()) == invalid(
        "Function does not exist"
    )
    assert refused(update, UUID=first, BatchSize=11) == invalid(
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
        "than 10"
    )
    assert refused(update, UUID=second, FunctionName=name) == conflict(
        f'An event source mapping with SQS arn (" {queue} ") and function (" {name} ") already '
        f"exists. Please update or delete the existing mapping with UUID {first}"
    )


def test_not_while_it_is_leaving(server: LambdadServer, client: Any) -> None:
    """API reference, ResourceInUseException."""
    source = "import time\ndef handler(event, context):\n    time.sleep(2)\n"
    leaving = make_leaving(server, client, make_code(client, source, Role=make_reader(server)))
    assert refused(client.update_event_source_mapping, UUID=leaving) == user_error(
        "ResourceInUseException",
        400,
        "Cannot update the event source mapping because it is in use.",
        "Message",
    )
    await_gone(client, leaving)
