"""TagResource, UntagResource, ListTags. Functions are the only taggable resource so far."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.arn import parse_arn
from lambdad.functions import lifecycle
from lambdad.functions.names import FunctionKey, refer
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from lambdad.services.lambda_.service import LambdaService, not_found
from lambdad.services.lambda_.settings import check_tags

_OTHER_KINDS = {
    "event-source-mapping": "Event source mapping not found: {arn}",
    "capacity-provider": "Capacity provider not found: {arn}",
    "code-signing-config": "The Lambda code signing configuration {arn} can not be found.",
}


@operation("lambda", "TagResource")
async def tag_resource(service: LambdaService, call: Call, params: Params) -> Result:
    """Adds tags, and replaces the values of those that are there."""
    key = _taggable(call, params["Resource"])
    added = params["Tags"]
    async with service.editing(key) as (edit, record):
        if not added:
            raise InvalidParameterValueException(
                "An error occurred and the request cannot be processed."
            )
        lifecycle.check_not_updating(record)
        tags = {**record.tags, **added}
        check_tags(tags, service.limits)
        await edit.commit(lifecycle.retag(record, tags, service.stamp()))
    return {}


@operation("lambda", "UntagResource")
async def untag_resource(service: LambdaService, call: Call, params: Params) -> Result:
    """Removes tags; one that is not there is no error."""
    key = _taggable(call, params["Resource"])
    async with service.editing(key) as (edit, record):
        lifecycle.check_not_updating(record)
        removed = set(params["TagKeys"])
        tags = {name: value for name, value in record.tags.items() if name not in removed}
        await edit.commit(lifecycle.retag(record, tags, service.stamp()))
    return {}


@operation("lambda", "ListTags")
async def list_tags(service: LambdaService, call: Call, params: Params) -> Result:
    key = _taggable(call, params["Resource"])
    record = service.functions.get(key)
    if record is None:
        raise not_found(key.arn())
    return {"Tags": dict(record.tags)}


def _taggable(call: Call, resource: str) -> FunctionKey:
    """The function that an ARN means. Raises what AWS says of everything else."""
    arn = parse_arn(resource)
    kind = arn.resource.partition(":")[0] if arn else ""
    if kind in _OTHER_KINDS:
        typed = {"Type": None} if kind == "code-signing-config" else {}
        raise ResourceNotFoundException(_OTHER_KINDS[kind].format(arn=resource), **typed)
    if kind != "function":
        raise ResourceNotFoundException(f"Resource not found: {resource}")
    reference = refer(call.account, call.region, resource)
    if reference.qualifier is not None:
        raise InvalidParameterValueException(
            "Tags on function aliases and versions are not supported. Please specify a function "
            "ARN."
        )
    return reference.key
