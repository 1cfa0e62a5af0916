"""Put, Update, Get, Delete and List FunctionEventInvokeConfig: retries and destinations of
asynchronous invocations. One for each qualifier; none means `$LATEST` (semantics §1.11).
"""

from __future__ import annotations

import re
from typing import Any

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.arn import parse_arn
from lambdad.core.value import replace
from lambdad.functions.attachments import EventInvoke
from lambdad.functions.names import LATEST, FunctionKey, refer
from lambdad.functions.records import FunctionRecord
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from lambdad.services.lambda_.paging import settings_page
from lambdad.services.lambda_.qualified import exists
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.lambda_.shapes import instant

_SETTINGS = {
    "MaximumRetryAttempts": "maximum_retries",
    "MaximumEventAgeInSeconds": "maximum_age_s",
}
_FUNCTION = re.compile(r"function:([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?")
_SUCCESS_SERVICES = ("lambda", "sqs", "sns", "events")
_FAILURE_SERVICES = (*_SUCCESS_SERVICES, "s3")


@operation("lambda", "PutFunctionEventInvokeConfig")
async def put_function_event_invoke_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    """Replaces the whole of it."""
    return await _change(service, call, params, merge=False)


@operation("lambda", "UpdateFunctionEventInvokeConfig")
async def update_function_event_invoke_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    """What is absent stays; there must be one."""
    return await _change(service, call, params, merge=True)


@operation("lambda", "GetFunctionEventInvokeConfig")
async def get_function_event_invoke_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    key, qualifier = _target(call, params)
    record = service.functions.get(key)
    config = record.attached(EventInvoke, qualifier) if record else None
    if config is None:
        raise _none(key, qualifier)
    return _shape(key, qualifier, config)


@operation("lambda", "DeleteFunctionEventInvokeConfig")
async def delete_function_event_invoke_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    key, qualifier = _target(call, params)
    async with service.functions.editing(key) as edit:
        if edit.record is None or edit.record.attached(EventInvoke, qualifier) is None:
            raise _none(key, qualifier)
        await edit.commit(edit.record.detach(EventInvoke, qualifier))
    return {}


@operation("lambda", "ListFunctionEventInvokeConfigs")
async def list_function_event_invoke_configs(
    service: LambdaService, call: Call, params: Params
) -> Result:
    key = refer(call.account, call.region, params["FunctionName"]).key
    record = service.functions.get(key)
    if record is None:
        raise _no_function()
    return settings_page(
        "FunctionEventInvokeConfigs",
        record,
        EventInvoke,
        lambda qualifier, config: _shape(key, qualifier, config),
        params,
        service.limits.list_page_items,
    )


async def _change(service: LambdaService, call: Call, params: Params, *, merge: bool) -> Result:
    key, qualifier = _target(call, params)
    if not any(params.get(each) is not None for each in (*_SETTINGS, "DestinationConfig")):
        raise InvalidParameterValueException(
            "You must specify at least one of error handling or destination setting."
        )
    async with service.functions.editing(key) as edit:
        record = edit.record
        if record is None or not exists(record, qualifier):
            raise _no_function()
        now_ms = service.clock.wall_ms()
        config = EventInvoke(now_ms)
        if merge:
            current = record.attached(EventInvoke, qualifier)
            if current is None:
                raise _none(key, qualifier)
            config = replace(current, modified_ms=now_ms)
        changes: dict[str, Any] = {
            field: params[name] for name, field in _SETTINGS.items() if params.get(name) is not None
        }
        changes |= _destinations(service, record, params)
        config = replace(config, **changes)
        await edit.commit(record.attach(config, qualifier))
    return _shape(key, qualifier, config)


def _destinations(
    service: LambdaService, record: FunctionRecord, params: Params
) -> dict[str, str | None]:
    """The destinations that were given; an empty one clears. DestinationConfig counts as one."""
    given = params.get("DestinationConfig")
    if given is None:
        return {}
    success = (given.get("OnSuccess") or {}).get("Destination") or None
    failure = (given.get("OnFailure") or {}).get("Destination") or None
    good = _is_destination(service, record, failure, _FAILURE_SERVICES)
    if not _is_destination(service, record, success, _SUCCESS_SERVICES) or not good:
        shown_success = f"OnSuccess(destination={success})" if success else "null"
        shown_failure = f"OnFailure(destination={failure})" if failure else "null"
        raise InvalidParameterValueException(
            "The provided destination config DestinationConfig("
            f"onSuccess={shown_success}, onFailure={shown_failure}) is invalid."
        )
    return {"on_success": success, "on_failure": failure}


def _is_destination(
    service: LambdaService, record: FunctionRecord, given: str | None, kinds: tuple[str, ...]
) -> bool:
    """Whether outcomes can go there at all. Raises InvalidParameterValueException for a function
    that is not there, and for the function itself."""
    if given is None:
        return True
    arn = parse_arn(given)
    if arn is None or arn.service not in kinds:
        return False
    if arn.service != "lambda":
        return True
    named = _FUNCTION.fullmatch(arn.resource)
    key = record.key
    here = (arn.region, arn.account) == (key.region, key.account)
    if named is None or not here or not _is_function(service, key, named[1]):
        raise InvalidParameterValueException(f"The destination ARN {given} is invalid.")
    if named[1] == key.name:
        raise InvalidParameterValueException(
            "You can't specify the function as a destination for itself."
        )
    return True


def _is_function(service: LambdaService, key: FunctionKey, name: str) -> bool:
    return service.functions.get(key._replace(name=name)) is not None


def _target(call: Call, params: Params) -> tuple[FunctionKey, str]:
    key, qualifier = refer(
        call.account, call.region, params["FunctionName"], params.get("Qualifier")
    )
    return key, qualifier or LATEST


def _shape(key: FunctionKey, qualifier: str, config: EventInvoke) -> Result:
    """Always under the qualified ARN, and always with both destinations (recorded)."""
    answer: Result = {
        "LastModified": instant(config.modified_ms),
        "FunctionArn": key.arn(qualifier),
        "DestinationConfig": {
            "OnSuccess": {"Destination": config.on_success} if config.on_success else {},
            "OnFailure": {"Destination": config.on_failure} if config.on_failure else {},
        },
    }
    for name, field in _SETTINGS.items():
        if (value := getattr(config, field)) is not None:
            answer[name] = value
    return answer


def _no_function() -> ResourceNotFoundException:
    return ResourceNotFoundException("The function doesn't exist.")


def _none(key: FunctionKey, qualifier: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(
        f"The function {key.arn(qualifier)} doesn't have an EventInvokeConfig"
    )
