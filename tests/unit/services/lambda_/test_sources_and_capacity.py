"""What cannot be there yet, in AWS's words: event source mappings and capacity providers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lambdad.services.lambda_.capacity import (
    delete_capacity_provider,
    get_capacity_provider,
    list_capacity_providers,
    list_function_versions_by_capacity_provider,
    update_capacity_provider,
)
from lambdad.services.lambda_.event_sources import (
    create_event_source_mapping,
    delete_event_source_mapping,
    get_event_source_mapping,
    list_event_source_mappings,
    update_event_source_mapping,
)
from lambdad.services.lambda_.functions import create_function
from lambdad.services.lambda_.invocation import invoke_async
from lambdad.services.lambda_.scaling import (
    get_function_scaling_config,
    put_function_scaling_config,
)
from support.control_plane import ACCOUNT, REGION, creation, error_of, plane

USER = {"Type": "User"}
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
STREAM = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/t/stream/x"

UNREADABLE = "whatever the source says"

SOURCES: list[tuple[dict[str, Any], str]] = [
    ({}, "Unrecognized event source."),
    (
        {"SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["k:9092"]}}},
        "Required 'sourceAccessConfigurations' parameter is missing.",
    ),
    (
        {"EventSourceArn": QUEUE, "DestinationConfig": {"OnSuccess": {"Destination": QUEUE}}},
        "Unsupported DestinationConfig parameter for given event source mapping type.",
    ),
    (
        {"EventSourceArn": STREAM},
        "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
        "constraint: Member must not be null.",
    ),
    (
        {"EventSourceArn": TABLE, "StartingPosition": "AT_TIMESTAMP"},
        f"Unsupported starting position for arn type: {TABLE}",
    ),
    (
        {"EventSourceArn": QUEUE, "BatchSize": 11},
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
        "than 10",
    ),
    (
        {"EventSourceArn": QUEUE, "FilterCriteria": {"Filters": [{"Pattern": "no json"}]}},
        "Invalid filter pattern definition.",
    ),
    ({"EventSourceArn": QUEUE, "FunctionName": "g"}, "Function does not exist"),
    ({"EventSourceArn": QUEUE}, UNREADABLE),
    (
        {"EventSourceArn": STREAM, "StartingPosition": "LATEST"},
        f"Stream not found: {STREAM}",
    ),
]


@pytest.mark.parametrize(("changes", "message"), SOURCES)
def test_mappings_that_cannot_be(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            p.queues.refusal = UNREADABLE
            await p.run(create_function, **creation())
            await p.settle()
            params = {"FunctionName": "f"} | changes
            assert await error_of(p.run(create_event_source_mapping, **params)) == (
                "InvalidParameterValueException", 400, message, USER,
            )  # fmt: skip

    asyncio.run(scenario())


def test_no_mapping_is_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            assert await p.run(list_event_source_mappings) == {"EventSourceMappings": []}
            gone = "The resource you requested does not exist."
            for operation in (
                get_event_source_mapping,
                update_event_source_mapping,
                delete_event_source_mapping,
            ):
                refusal = await error_of(p.run(operation, UUID="u"))
                assert refusal == ("ResourceNotFoundException", 404, gone, USER)

    asyncio.run(scenario())


def test_no_capacity_provider_is_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            assert await p.run(list_capacity_providers) == {"CapacityProviders": []}
            arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:capacity-provider:c"
            for operation in (
                get_capacity_provider,
                update_capacity_provider,
                delete_capacity_provider,
                list_function_versions_by_capacity_provider,
            ):
                for name in ("c", arn):
                    assert await error_of(p.run(operation, CapacityProviderName=name)) == (
                        "ResourceNotFoundException",
                        404,
                        f"Capacity provider not found: {arn}",
                        USER,
                    )

    asyncio.run(scenario())


def test_no_function_is_scaled(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation(Publish=True))
            await p.settle()
            for operation in (get_function_scaling_config, put_function_scaling_config):
                refusal = await error_of(p.run(operation, FunctionName="f", Qualifier="1"))
                assert refusal == (
                    "AccessDeniedException",
                    403,
                    "The function provided by the arn does not contain a capacity provider "
                    "configuration",
                    {},
                )
                refusal = await error_of(p.run(operation, FunctionName="f", Qualifier="2"))
                assert refusal[:2] == ("ResourceNotFoundException", 404)

    asyncio.run(scenario())


def test_invoke_async(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with plane(tmp_path) as p:
            await p.run(create_function, **creation())
            await p.settle()
            answer = await p.run(invoke_async, FunctionName="f", InvokeArgs=b'{"a": 1}')
            assert answer == {"Status": 202}
            ((name, qualifier, request),) = p.invoker.accepted
            assert (name, qualifier, request.payload) == ("f", None, b'{"a": 1}')
            code, *_ = await error_of(p.run(invoke_async, FunctionName="f", InvokeArgs=b"{"))
            assert code == "InvalidRequestContentException"

    asyncio.run(scenario())
