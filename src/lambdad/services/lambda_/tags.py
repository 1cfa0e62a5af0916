"""TagResource, UntagResource, ListTags. For functions, code signing configurations, capacity
providers and event source mappings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.arn import parse_arn
from lambdad.core.value import replace
from lambdad.events.mapping import KIND as MAPPING
from lambdad.events.mapping import EventSourceMapping
from lambdad.functions import lifecycle
from lambdad.functions.capacity_providers import CapacityProvider
from lambdad.functions.names import FunctionKey, refer
from lambdad.functions.resources import CodeSigningConfig
from lambdad.services.lambda_.capacity import existing_provider
from lambdad.services.lambda_.code_signing import existing_config
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from lambdad.services.lambda_.service import LambdaService, not_found
from lambdad.services.lambda_.settings import check_tags

Tags = Mapping[str, str]


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
        return {"Tags": dict(_tagged(service, call, params["Resource"]).tags)}
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
            found = _tagged(service, call, resource)
            tags = change(found.tags)
            check_tags(tags, service.limits)
            await service.resources.put(call.account, call.region, replace(found, tags=tags))
        return {}
    async with service.editing(key) as (edit, record):
        tags = change(record.tags)
        lifecycle.check_not_updating(record)
        check_tags(tags, service.limits)
        await edit.commit(lifecycle.retag(record, tags, service.stamp()))
    return {}


def _tagged(
    service: LambdaService, call: Call, resource: str
) -> CodeSigningConfig | CapacityProvider | EventSourceMapping:
    """What an ARN means that is no function."""
    if f":{MAPPING}:" in resource:
        mapping = service.mappings.get(call.account, call.region, resource.rpartition(":")[2])
        if mapping is None:
            raise ResourceNotFoundException(f"Event source mapping not found: {resource}")
        return mapping
    if ":capacity-provider:" in resource:
        return existing_provider(service, call, resource)
    return existing_config(service, call, resource)


def _taggable(call: Call, resource: str) -> FunctionKey | None:
    """The function that an ARN means; None for what `_tagged` finds. Raises what AWS says of
    everything else."""
    arn = parse_arn(resource)
    kind = arn.resource.partition(":")[0] if arn else ""
    if kind in ("code-signing-config", "capacity-provider", MAPPING):
        return None
    if kind != "function":
        raise ResourceNotFoundException(f"Resource not found: {resource}")
    reference = refer(call.account, call.region, resource)
    if reference.qualifier is not None:
        raise InvalidParameterValueException(
            "Tags on function aliases and versions are not supported. Please specify a function "
            "ARN."
        )
    return reference.key
