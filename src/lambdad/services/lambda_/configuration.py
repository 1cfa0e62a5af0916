"""GetFunctionConfiguration and UpdateFunctionConfiguration."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.functions import lifecycle
from lambdad.functions.attachments import CodeSigning
from lambdad.functions.names import refer_unqualified
from lambdad.services.lambda_.code_signing import check_signature
from lambdad.services.lambda_.layer_references import layer_finder
from lambdad.services.lambda_.placement import placed
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.lambda_.settings import changed_configuration, check_unzipped
from lambdad.services.lambda_.shapes import function_configuration


@operation("lambda", "GetFunctionConfiguration")
async def get_function_configuration(service: LambdaService, call: Call, params: Params) -> Result:
    reference, record, version = service.find(call, params["FunctionName"], params.get("Qualifier"))
    return function_configuration(record.key, version, reference.arn)


@operation("lambda", "UpdateFunctionConfiguration")
async def update_function_configuration(
    service: LambdaService, call: Call, params: Params
) -> Result:
    """Answers while the update is in progress; invocations run the old one until it is done."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    async with service.editing(key) as (edit, record):
        lifecycle.check_changeable(record)
        lifecycle.check_revision(record.latest.revision_id, params.get("RevisionId"))
        current = record.latest.deployment.configuration
        finder = layer_finder(service, call)
        configuration = changed_configuration(current, params, finder, service.limits)
        configuration = placed(service, call, configuration, params, new=False)
        if "Role" in params:
            service.check_role(call, key, configuration.role)
        if params.get("Layers"):
            check_signature(service, call, record.attached(CodeSigning))
        code = record.latest.deployment.code
        check_unzipped(code, configuration.layers, service.limits)
        record = await edit.commit(
            lifecycle.start_update(record, service.stamp(), configuration=configuration)
        )
    service.preparer.begin(key)
    return function_configuration(key, record.latest, key.arn())
