"""What the code of a durable function calls while it runs: checkpoint, and the state to replay."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.engines.durable.errors import (
    InvalidParameterValueException,
    ResourceNotFoundException,
    foreign_token,
    invalid_token,
)
from lambdad.engines.durable.execution import Execution
from lambdad.engines.durable.protocol import CheckpointRequest, check_token, state_page
from lambdad.engines.durable.shapes import operation_shape, present
from lambdad.services.lambda_.durable_executions import execution_id, is_named
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.lambda_.shapes import instant

_PAGE_ITEMS = 100
"""Where MaxItems is not given, or 0."""


@operation("lambda", "CheckpointDurableExecution")
async def checkpoint_durable_execution(
    service: LambdaService, call: Call, params: Params
) -> Result:
    """Without a CheckpointToken in the answer there is no next checkpoint."""
    request = CheckpointRequest(
        params["CheckpointToken"], params.get("Updates") or (), params.get("ClientToken")
    )
    identifier, _ = await _named(service, call, params)
    answer = await service.durable.checkpoint(identifier, request)
    operations = [operation_shape(operation, instant) for operation in answer.operations]
    return present({"CheckpointToken": answer.token}) | {
        "NewExecutionState": {"Operations": operations}
    }


@operation("lambda", "GetDurableExecutionState")
async def get_durable_execution_state(service: LambdaService, call: Call, params: Params) -> Result:
    identifier, found = await _named(service, call, params)
    execution = check_token(found, identifier, params["CheckpointToken"])
    marker = params.get("Marker") or "0"
    if not (marker.isascii() and marker.isdecimal() and len(marker) < 10):
        raise InvalidParameterValueException("Invalid Marker")
    most = params.get("MaxItems") or _PAGE_ITEMS
    page = state_page(execution, int(marker), most, service.limits)
    answer: Result = {"Operations": [operation_shape(at, instant) for at in page.operations]}
    if page.next_position is not None:
        answer["NextMarker"] = str(page.next_position)
    return answer


async def _named(
    service: LambdaService, call: Call, params: Params
) -> tuple[str, Execution | None]:
    """The id in the ARN, and the execution if it is there. A token is not valid for the ARN of
    another function, which the caller's policies were asked about; nor for one that cannot be."""
    arn = params["DurableExecutionArn"]
    try:
        identifier = execution_id(call, arn)
    except ResourceNotFoundException:
        raise invalid_token() from None
    found = await service.durable.store.get(identifier)
    if found is not None and not is_named(found, arn):
        raise foreign_token()
    return identifier, found
