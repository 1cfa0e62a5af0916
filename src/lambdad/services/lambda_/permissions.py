"""AddPermission, RemovePermission, GetPolicy: the resource policies of functions, versions and
aliases. One for each qualifier, published with the function for whoever decides (semantics §1.8).
"""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.ids import new_uuid
from lambdad.functions.attachments import WHOLE, ResourcePolicy
from lambdad.functions.names import LATEST, refer
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from lambdad.services.lambda_.policies import (
    check_policy_revision,
    statement_of,
    text_of,
    with_statement,
    without_statement,
)
from lambdad.services.lambda_.qualified import must_exist, no_such_resource
from lambdad.services.lambda_.service import LambdaService

_URL_ACTION = "lambda:InvokeFunctionUrl"


@operation("lambda", "AddPermission")
async def add_permission(service: LambdaService, call: Call, params: Params) -> Result:
    reference = refer(call.account, call.region, params["FunctionName"], params.get("Qualifier"))
    key, qualifier = reference
    if qualifier == LATEST:
        raise InvalidParameterValueException(
            "We currently do not support adding policies for $LATEST."
        )
    async with service.functions.editing(key) as edit:
        statement = statement_of(params, reference.arn)
        if params.get("FunctionUrlAuthType") and params["Action"] != _URL_ACTION:
            raise InvalidParameterValueException(
                f"FunctionUrlAuthType is only supported for {_URL_ACTION} action"
            )
        must_exist(key, edit.record, qualifier)
        assert edit.record is not None
        at = qualifier or WHOLE
        policy = edit.record.attached(ResourcePolicy, at)
        limit_bytes = service.limits.resource_policy_bytes
        changed = with_statement(policy, statement, new_uuid(), limit_bytes)
        check_policy_revision(policy, params.get("RevisionId"))
        await edit.commit(edit.record.attach(changed, at))
    return {"Statement": text_of(statement)}


@operation("lambda", "RemovePermission")
async def remove_permission(service: LambdaService, call: Call, params: Params) -> Result:
    """With its last statement a policy is gone."""
    key, qualifier = refer(
        call.account, call.region, params["FunctionName"], params.get("Qualifier")
    )
    async with service.functions.editing(key) as edit:
        record = edit.record
        if record is None:
            raise ResourceNotFoundException(f"No policy found for: {key.arn()}")
        must_exist(key, record, qualifier)
        at = qualifier or WHOLE
        policy = record.attached(ResourcePolicy, at)
        if policy is None:
            raise ResourceNotFoundException("No policy is associated with the given resource.")
        changed = without_statement(policy, params["StatementId"], new_uuid())
        check_policy_revision(policy, params.get("RevisionId"))
        if changed is None:
            await edit.commit(record.detach(ResourcePolicy, at))
        else:
            await edit.commit(record.attach(changed, at))
    return {}


@operation("lambda", "GetPolicy")
async def get_policy(service: LambdaService, call: Call, params: Params) -> Result:
    key, qualifier = refer(
        call.account, call.region, params["FunctionName"], params.get("Qualifier")
    )
    record = service.functions.get(key)
    policy = record.attached(ResourcePolicy, qualifier or WHOLE) if record else None
    if policy is None:
        raise no_such_resource()
    return {"Policy": text_of(policy.document), "RevisionId": policy.revision_id}
