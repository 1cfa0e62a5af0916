"""Put and Get FunctionRecursionConfig and RuntimeManagementConfig (semantics §1.14)."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.functions.attachments import Recursion, RuntimeManagement
from lambdad.functions.names import LATEST, FunctionKey, refer, refer_unqualified
from lambdad.services.lambda_.errors import InvalidParameterValueException
from lambdad.services.lambda_.qualified import must_exist
from lambdad.services.lambda_.service import LambdaService, not_found

_TERMINATE = Recursion("Terminate")
_AUTO = RuntimeManagement("Auto", None)


@operation("lambda", "PutFunctionRecursionConfig")
async def put_function_recursion_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    recursion = Recursion(params["RecursiveLoop"])
    async with service.editing(key) as (edit, record):
        await edit.commit(record.attach(recursion))
    return {"RecursiveLoop": recursion.loop}


@operation("lambda", "GetFunctionRecursionConfig")
async def get_function_recursion_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    """Terminate unless said."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    record = service.functions.get(key)
    if record is None:
        raise not_found(key.arn())
    return {"RecursiveLoop": (record.attached(Recursion) or _TERMINATE).loop}


@operation("lambda", "PutRuntimeManagementConfig")
async def put_runtime_management_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    """Kept and shown. There is one version of every runtime here, so it never moves by itself."""
    key, qualifier = _target(call, params)
    mode, pinned = params["UpdateRuntimeOn"], params.get("RuntimeVersionArn")
    if mode == "Manual" and not pinned:
        raise InvalidParameterValueException(
            "RuntimeVersionArn must be specified when UpdateRuntimeOn is Manual."
        )
    if mode != "Manual" and pinned:
        raise InvalidParameterValueException(
            "RuntimeVersionArn can only be specified when UpdateRuntimeOn is Manual."
        )
    management = RuntimeManagement(mode, pinned)
    async with service.functions.editing(key) as edit:
        must_exist(key, edit.record, qualifier)
        assert edit.record is not None
        await edit.commit(edit.record.attach(management, qualifier))
    return _shape(key, qualifier, management)


@operation("lambda", "GetRuntimeManagementConfig")
async def get_runtime_management_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    """Auto unless said."""
    key, qualifier = _target(call, params)
    record = service.functions.get(key)
    must_exist(key, record, qualifier)
    assert record is not None
    return _shape(key, qualifier, record.attached(RuntimeManagement, qualifier) or _AUTO)


def _target(call: Call, params: Params) -> tuple[FunctionKey, str]:
    key, qualifier = refer(
        call.account, call.region, params["FunctionName"], params.get("Qualifier")
    )
    return key, qualifier or LATEST


def _shape(key: FunctionKey, qualifier: str, management: RuntimeManagement) -> Result:
    """The runtime version only where it is pinned (API reference, RuntimeVersionArn)."""
    answer: Result = {
        "UpdateRuntimeOn": management.update_on,
        "FunctionArn": key.arn(qualifier),
    }
    if management.runtime_version_arn:
        answer["RuntimeVersionArn"] = management.runtime_version_arn
    return answer
