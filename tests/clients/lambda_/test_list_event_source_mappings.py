"""ListEventSourceMappings. Semantics §4.1; recorded."""

from __future__ import annotations

from typing import Any

from support.lambda_client import (
    ABROAD,
    body_of,
    fresh_name,
    lambda_of,
    make,
    refused,
    status_of,
    unreachable,
)
from support.queue_mappings import make_queue, make_reader, rested
from support.server import LambdadServer


def test_none(server: LambdadServer) -> None:
    client = lambda_of(server, region_name="me-south-1")
    assert body_of(client.list_event_source_mappings()) == {"EventSourceMappings": []}


def test_by_function_and_by_source(server: LambdadServer, client: Any) -> None:
    name, other = (make(client, Role=make_reader(server)) for _ in range(2))
    queues = [make_queue(server)[1] for _ in range(2)]
    made = [
        rested(client, client.create_event_source_mapping(**params)["UUID"])
        for params in (
            {"FunctionName": name, "EventSourceArn": queues[0]},
            {"FunctionName": name, "EventSourceArn": queues[1]},
            {"FunctionName": other, "EventSourceArn": queues[0]},
        )
    ]

    def sorted_answer(*mappings: dict[str, Any]) -> dict[str, Any]:
        return {"EventSourceMappings": sorted(mappings, key=lambda each: str(each["UUID"]))}

    everything = client.list_event_source_mappings
    answer = everything(FunctionName=name)
    assert (status_of(answer), body_of(answer)) == (200, sorted_answer(*made[:2]))
    assert body_of(everything(EventSourceArn=queues[0])) == sorted_answer(made[0], made[2])
    both = everything(FunctionName=name, EventSourceArn=queues[1])
    assert body_of(both) == sorted_answer(made[1])
    page = body_of(everything(FunctionName=name, MaxItems=1))
    rest = body_of(everything(FunctionName=name, Marker=page.pop("NextMarker")))
    pages = [*page["EventSourceMappings"], *rest["EventSourceMappings"]]
    assert {"EventSourceMappings": pages} == sorted_answer(*made[:2])


def test_of_a_function_that_is_not_there(client: Any) -> None:
    """It has none, which is no error."""
    answer = client.list_event_source_mappings(FunctionName=fresh_name())
    assert body_of(answer) == {"EventSourceMappings": []}
    assert refused(client.list_event_source_mappings, FunctionName=ABROAD) == unreachable()
