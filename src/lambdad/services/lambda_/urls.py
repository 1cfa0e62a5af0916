"""Create, Get, Update, Delete and List FunctionUrlConfig: which functions have an HTTPS endpoint.

One for `$LATEST` (without a qualifier) and one for each alias. Only the configuration is kept
here; what answers at the addresses is `gateway/function_urls/` (semantics §1.12). A URL is shown
as the caller can reach it, so the same one differs between callers by all but its id.
"""

from __future__ import annotations

import secrets
import string
import time

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.value import replace
from lambdad.functions.attachments import WHOLE, FunctionUrl
from lambdad.functions.names import FunctionKey, Reference, refer
from lambdad.functions.records import FunctionRecord
from lambdad.functions.url_addresses import url_of
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from lambdad.services.lambda_.paging import settings_page
from lambdad.services.lambda_.qualified import no_such_resource
from lambdad.services.lambda_.service import LambdaService

_ID_CHARACTERS = string.ascii_lowercase + string.digits
_ID_LENGTH = 32


@operation("lambda", "CreateFunctionUrlConfig")
async def create_function_url_config(service: LambdaService, call: Call, params: Params) -> Result:
    """The answer tells the invoke mode only if it was given, and no modification (recorded)."""
    reference = _reference(call, params)
    key, qualifier = reference
    async with service.functions.editing(key) as edit:
        record = edit.record
        if record is None or not _has(record, qualifier):
            raise _no_function()
        if record.latest.deployment.configuration.tenant_isolation:
            raise InvalidParameterValueException(
                "Function URLs are not supported for functions with tenant isolation."
            )
        if record.attached(FunctionUrl, qualifier or WHOLE) is not None:
            raise ResourceConflictException(  # both blanks are AWS's (quirk 9)
                f"Failed to create function url config for [functionArn = {reference.arn}]. "
                "Error message:  FunctionUrlConfig exists for this Lambda function"
            )
        now_ms = service.clock.wall_ms()
        mode = params.get("InvokeMode") or "BUFFERED"
        url_id = "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH))
        url = FunctionUrl(url_id, params["AuthType"], mode, params.get("Cors"), now_ms, now_ms)
        await edit.commit(record.attach(url, qualifier or WHOLE))
    return _shape(call, key, (qualifier, url), params, without=("LastModifiedTime",))


@operation("lambda", "GetFunctionUrlConfig")
async def get_function_url_config(service: LambdaService, call: Call, params: Params) -> Result:
    key, qualifier = _reference(call, params)
    record = service.functions.get(key)
    url = record.attached(FunctionUrl, qualifier or WHOLE) if record else None
    if url is None:
        raise no_such_resource()
    return _shape(call, key, (qualifier, url))


@operation("lambda", "UpdateFunctionUrlConfig")
async def update_function_url_config(service: LambdaService, call: Call, params: Params) -> Result:
    """What is absent stays; Cors is replaced whole."""
    key, qualifier = _reference(call, params)
    async with service.functions.editing(key) as edit:
        record = edit.record
        if record is None or not _has(record, qualifier):
            raise _no_function()
        current = record.attached(FunctionUrl, qualifier or WHOLE)
        if current is None:
            raise no_such_resource()
        url = replace(
            current,
            auth_type=params.get("AuthType") or current.auth_type,
            invoke_mode=params.get("InvokeMode") or current.invoke_mode,
            cors=params.get("Cors", current.cors),
            modified_ms=service.clock.wall_ms(),
        )
        await edit.commit(record.attach(url, qualifier or WHOLE))
    return _shape(call, key, (qualifier, url), params)


@operation("lambda", "DeleteFunctionUrlConfig")
async def delete_function_url_config(service: LambdaService, call: Call, params: Params) -> Result:
    key, qualifier = _reference(call, params)
    async with service.functions.editing(key) as edit:
        if edit.record is None or edit.record.attached(FunctionUrl, qualifier or WHOLE) is None:
            raise no_such_resource()
        await edit.commit(edit.record.detach(FunctionUrl, qualifier or WHOLE))
    return {}


@operation("lambda", "ListFunctionUrlConfigs")
async def list_function_url_configs(service: LambdaService, call: Call, params: Params) -> Result:
    """The function's own first, then by alias."""
    key = refer(call.account, call.region, params["FunctionName"]).key
    record = service.functions.get(key)
    if record is None:
        raise _no_function()
    return settings_page(
        "FunctionUrlConfigs",
        record,
        FunctionUrl,
        lambda qualifier, url: _shape(call, key, (qualifier, url)),
        params,
        service.limits.list_page_items,
    )


def _reference(call: Call, params: Params) -> Reference:
    return refer(call.account, call.region, params["FunctionName"], params.get("Qualifier"))


def _has(record: FunctionRecord, qualifier: str | None) -> bool:
    """Whether there is something that may have a URL: the function or an alias, no version."""
    return qualifier is None or qualifier in record.aliases


def _shape(
    call: Call,
    key: FunctionKey,
    of: tuple[str | None, FunctionUrl],
    given: Params | None = None,
    without: tuple[str, ...] = (),
) -> Result:
    """A FunctionUrlConfig; the answer to a change repeats the invoke mode only if it was given."""
    qualifier, url = of
    answer: Result = {
        "FunctionUrl": url_of(url.url_id, key.region, call.endpoint),
        "FunctionArn": key.arn(qualifier or None),
        "AuthType": url.auth_type,
        "CreationTime": _time(url.created_ms),
        "LastModifiedTime": _time(url.modified_ms),
    }
    if url.cors:
        answer["Cors"] = dict(url.cors)
    if given is None or given.get("InvokeMode"):
        answer["InvokeMode"] = url.invoke_mode
    return {name: value for name, value in answer.items() if name not in without}


def _time(wall_ms: int) -> str:
    seconds, millis = divmod(wall_ms, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{millis:03d}Z"


def _no_function() -> ResourceNotFoundException:
    return ResourceNotFoundException("Function does not exist")
