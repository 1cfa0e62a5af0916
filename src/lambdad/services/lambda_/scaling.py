"""PutFunctionScalingConfig and GetFunctionScalingConfig: how many environments a published version
on managed instances keeps, and how many it may have.

What is asked for holds at once: the data plane follows it through the catalog. Both numbers zero
deactivates the version; anything else activates it again (semantics §1.15).
"""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.errors import AccessDeniedException
from lambdad.core.value import replace
from lambdad.functions.attachments import FunctionScaling
from lambdad.functions.records import FunctionRecord, State, Version
from lambdad.services.lambda_.errors import InvalidParameterValueException
from lambdad.services.lambda_.service import LambdaService, not_found


@operation("lambda", "PutFunctionScalingConfig")
async def put_function_scaling_config(service: LambdaService, call: Call, params: Params) -> Result:
    """Answers with the state that the version goes into."""
    reference, _, _ = service.find(call, params["FunctionName"], params["Qualifier"])
    scaling = _scaling(params.get("FunctionScalingConfig") or {}, service)
    async with service.editing(reference.key) as (edit, record):
        version = record.find(params["Qualifier"])
        if version is None:
            raise not_found(reference.arn)
        _must_be_managed(version)
        off = scaling.maximum == 0
        if version.state not in (State.ACTIVE, State.DEACTIVATED):
            raise InvalidParameterValueException(
                f"{reference.arn} is {version.state}: scaling is configured for versions that are "
                "ready."
            )
        state = State.DEACTIVATED if off else State.ACTIVE
        revised = _with_state(record, version, state)
        await edit.commit(revised.attach(scaling, version.version))
    return {"FunctionState": "Deactivating" if off else "Active"}


@operation("lambda", "GetFunctionScalingConfig")
async def get_function_scaling_config(service: LambdaService, call: Call, params: Params) -> Result:
    """`Requested` is there only until it is applied (as clients observe), which it is at once."""
    reference, record, version = service.find(call, params["FunctionName"], params["Qualifier"])
    _must_be_managed(version)
    scaling = record.attached(FunctionScaling, version.version)
    applied: Result = {"MinExecutionEnvironments": service.limits.managed_environments}
    if scaling is not None:
        applied = {"MinExecutionEnvironments": scaling.minimum}
        if scaling.maximum is not None:
            applied["MaxExecutionEnvironments"] = scaling.maximum
    return {"FunctionArn": reference.arn, "AppliedFunctionScalingConfig": applied}


def _scaling(given: Params, service: LambdaService) -> FunctionScaling:
    """None given: back to the defaults."""
    minimum = given.get("MinExecutionEnvironments")
    maximum = given.get("MaxExecutionEnvironments")
    if minimum is None and maximum is None:
        return FunctionScaling(service.limits.managed_environments, None)
    if minimum is None or maximum is None:
        raise InvalidParameterValueException(
            "MinExecutionEnvironments and MaxExecutionEnvironments must be specified together."
        )
    if minimum > maximum:
        raise InvalidParameterValueException(
            "MinExecutionEnvironments must not be greater than MaxExecutionEnvironments."
        )
    return FunctionScaling(minimum, maximum)


def _must_be_managed(version: Version) -> None:
    """AWS calls it a lack of access, odd as that is."""
    if version.deployment.configuration.managed is None:
        raise AccessDeniedException(
            "The function provided by the arn does not contain a capacity provider configuration"
        )


def _with_state(record: FunctionRecord, version: Version, state: State) -> FunctionRecord:
    if version.state is state or version.version not in record.versions:
        return record
    changed = replace(version, state=state)
    return replace(record, versions={**record.versions, version.version: changed})
