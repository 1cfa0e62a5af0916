"""TagResource, UntagResource, ListTags. For functions and code signing configurations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.arn import parse_arn
from lambdad.functions import lifecycle
from lambdad.functions.names import FunctionKey, refer
from lambdad.services.lambda_.code_signing import existing_config
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from lambdad.services.lambda_.service import LambdaService, not_found
from lambdad.services.lambda_.settings import check_tags

Tags = Mapping[str, str]

_OTHER_KINDS = {
    "event-source-mapping": "Event source mapping not found: {arn}",
    "capacity-provider": "Capacity provider not found: {arn}",
}
"""Of which there are none yet."""


@operation("lambda", "TagResource")
async def tag_resource(service: LambdaService, call: Call, params: Params) -> Result:
    """Adds tags, and replaces the values of those that are there."""
    added = params["Tags"]

    def change(tags: Tags) -> Tags:
        if not added:
            raise InvalidParameterValueException(
                "An error occurred and the request cannot be processed."
            )
        return {**tags, **added}

    return await _change(service, call, params["Resource"], change)


@operation("lambda", "UntagResource")
async def untag_resource(service: LambdaService, call: Call, params: Params) -> Result:
    """Removes tags; one that is not there is no error."""
    removed = set(params["TagKeys"])

    def change(tags: Tags) -> Tags:
        return {name: value for name, value in tags.items() if name not in removed}

    return await _change(service, call, params["Resource"], change)


@operation("lambda", "ListTags")
async def list_tags(service: LambdaService, call: Call, params: Params) -> Result:
    key = _taggable(call, params["Resource"])
    if key is None:
        return {"Tags": dict(existing_config(service, call, params["Resource"]).tags)}
    record = service.functions.get(key)
    if record is None:
        raise not_found(key.arn())
    return {"Tags": dict(record.tags)}


async def _change(
    service: LambdaService, call: Call, resource: str, change: Callable[[Tags], Tags]
) -> Result:
    key = _taggable(call, resource)
    if key is None:
        async with service.resources.turn:
            config = existing_config(service, call, resource)
            tags = change(config.tags)
            check_tags(tags, service.limits)
            await service.resources.put(call.account, call.region, replace(config, tags=tags))
        return {}
    async with service.editing(key) as (edit, record):
        tags = change(record.tags)
        lifecycle.check_not_updating(record)
        check_tags(tags, service.limits)
        await edit.commit(lifecycle.retag(record, tags, service.stamp()))
    return {}


def _taggable(call: Call, resource: str) -> FunctionKey | None:
    """The function that an ARN means; None for a code signing configuration. Raises what AWS says
    of everything else."""
    arn = parse_arn(resource)
    kind = arn.resource.partition(":")[0] if arn else ""
    if kind == "code-signing-config":
        return None
    if kind in _OTHER_KINDS:
        raise ResourceNotFoundException(_OTHER_KINDS[kind].format(arn=resource))
    if kind != "function":
        raise ResourceNotFoundException(f"Resource not found: {resource}")
    reference = refer(call.account, call.region, resource)
    if reference.qualifier is not None:
        raise InvalidParameterValueException(
            "Tags on function aliases and versions are not supported. Please specify a function "
            "ARN."
        )
    return reference.key
