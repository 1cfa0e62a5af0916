"""PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy: whole policies by ARN.

The same policies that AddPermission makes statement by statement; Put replaces what is there
(API reference, PutResourcePolicy).
"""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.ids import new_uuid
from lambdad.functions.attachments import WHOLE, ResourcePolicy
from lambdad.functions.names import LATEST, Reference, refer
from lambdad.iam.policy import MalformedPolicy, PolicyKind, parse_policy
from lambdad.services.lambda_.errors import InvalidParameterValueException
from lambdad.services.lambda_.policies import check_policy_revision, check_policy_size, text_of
from lambdad.services.lambda_.qualified import must_exist, no_such_resource
from lambdad.services.lambda_.service import LambdaService


@operation("lambda", "PutResourcePolicy")
async def put_resource_policy(service: LambdaService, call: Call, params: Params) -> Result:
    reference = _reference(call, params)
    key, qualifier = reference
    try:
        parsed = parse_policy(params["Policy"], PolicyKind.RESOURCE, name=reference.arn)
    except MalformedPolicy as error:
        raise InvalidParameterValueException(str(error)) from error
    statements = parsed.document["Statement"]
    document = {
        **parsed.document,
        "Statement": statements if isinstance(statements, list) else [statements],
    }
    policy = ResourcePolicy(document, new_uuid())
    check_policy_size(policy, service.limits.resource_policy_bytes)
    async with service.functions.editing(key) as edit:
        must_exist(key, edit.record, qualifier)
        assert edit.record is not None
        current = edit.record.attached(ResourcePolicy, qualifier or WHOLE)
        check_policy_revision(current, params.get("RevisionId"))
        await edit.commit(edit.record.attach(policy, qualifier or WHOLE))
    return _shape(policy)


@operation("lambda", "GetResourcePolicy")
async def get_resource_policy(service: LambdaService, call: Call, params: Params) -> Result:
    key, qualifier = _reference(call, params)
    record = service.functions.get(key)
    policy = record.attached(ResourcePolicy, qualifier or WHOLE) if record else None
    if policy is None:
        raise no_such_resource()
    return _shape(policy)


@operation("lambda", "DeleteResourcePolicy")
async def delete_resource_policy(service: LambdaService, call: Call, params: Params) -> Result:
    key, qualifier = _reference(call, params)
    async with service.functions.editing(key) as edit:
        record = edit.record
        policy = record.attached(ResourcePolicy, qualifier or WHOLE) if record else None
        if record is None or policy is None:
            raise no_such_resource()
        check_policy_revision(policy, params.get("RevisionId"))
        await edit.commit(record.detach(ResourcePolicy, qualifier or WHOLE))
    return {}


def _reference(call: Call, params: Params) -> Reference:
    arn = params["ResourceArn"]
    if ":function:" not in arn:  # a runtime of one's own
        raise no_such_resource()
    reference = refer(call.account, call.region, arn)
    if reference.qualifier == LATEST:
        raise InvalidParameterValueException(
            "We currently do not support adding policies for $LATEST."
        )
    return reference


def _shape(policy: ResourcePolicy) -> Result:
    return {"Policy": text_of(policy.document), "RevisionId": policy.revision_id}
