"""PutFunctionConcurrency, GetFunctionConcurrency, DeleteFunctionConcurrency.

What is reserved for a function is taken out of the account's pool, for it alone, and is the most
that it gets; 0 switches it off. The fleet learns of it from the catalog. Semantics §1.9.
"""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.value import replace
from lambdad.functions.attachments import Provisioned
from lambdad.functions.names import LATEST, refer_unqualified
from lambdad.functions.records import FunctionRecord
from lambdad.services.lambda_.errors import InvalidParameterValueException
from lambdad.services.lambda_.service import LambdaService, not_found


@operation("lambda", "PutFunctionConcurrency")
async def put_function_concurrency(service: LambdaService, call: Call, params: Params) -> Result:
    """A missing function is told by its `$LATEST` (recorded; quirk 6)."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    reserved: int = params["ReservedConcurrentExecutions"]
    async with service.functions.editing(key) as edit:
        if edit.record is None:
            raise not_found(key.arn(LATEST))
        _check_pool(service, edit.record, reserved)
        await edit.commit(replace(edit.record, reserved_concurrency=reserved))
    return {"ReservedConcurrentExecutions": reserved}


@operation("lambda", "GetFunctionConcurrency")
async def get_function_concurrency(service: LambdaService, call: Call, params: Params) -> Result:
    """Empty where nothing is reserved."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    record = service.functions.get(key)
    if record is None:
        raise not_found(key.arn())
    if record.reserved_concurrency is None:
        return {}
    return {"ReservedConcurrentExecutions": record.reserved_concurrency}


@operation("lambda", "DeleteFunctionConcurrency")
async def delete_function_concurrency(service: LambdaService, call: Call, params: Params) -> Result:
    """Nothing reserved is no error."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    async with service.editing(key) as (edit, record):
        if record.reserved_concurrency is not None:
            await edit.commit(replace(record, reserved_concurrency=None))
    return {}


def unreserved(service: LambdaService, record: FunctionRecord) -> int:
    """What the account has left if the function's own claim on it is not counted."""
    usage = service.functions.usage(record.key.account, record.key.region)
    others = usage.claimed_concurrency - record.claimed_concurrency
    return service.limits.account_concurrency - others


def _check_pool(service: LambdaService, record: FunctionRecord, reserved: int) -> None:
    """Giving back is always allowed, also where a lowered limit left too little."""
    floor = service.limits.unreserved_concurrency_floor
    grows = reserved > (record.reserved_concurrency or 0)
    if grows and unreserved(service, record) - reserved < floor:
        raise InvalidParameterValueException(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{floor}].",
            Type=None,
        )
    provisioned = sum(each.requested for each in record.every(Provisioned).values())
    if reserved < provisioned:
        raise InvalidParameterValueException(  # the blanks are AWS's (quirk 9)
            f" ReservedConcurrentExecutions  {reserved} should not be lower than function's total "
            f"provisioned concurrency [{provisioned}]."
        )
