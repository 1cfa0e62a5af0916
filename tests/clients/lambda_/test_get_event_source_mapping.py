"""GetEventSourceMapping. Semantics §4.1; recorded."""

from __future__ import annotations

import uuid
from typing import Any

from support.lambda_client import GONE, body_of, make, not_found, refused, status_of
from support.queue_mappings import make_queue, make_reader, mapping_of, rested
from support.server import LambdadServer


def test_a_mapping(server: LambdadServer, client: Any) -> None:
    _, queue = make_queue(server)
    name = make(client, Role=make_reader(server))
    made = client.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    rested(client, made["UUID"])
    answer = client.get_event_source_mapping(UUID=made["UUID"])
    assert (status_of(answer), body_of(answer)) == (200, mapping_of(made, name, queue))


def test_one_that_is_not_there(client: Any) -> None:
    error = refused(client.get_event_source_mapping, UUID=str(uuid.uuid4()))
    assert error == not_found(GONE)
