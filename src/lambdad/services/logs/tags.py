"""Tags of log groups, by ARN and, as older clients do, by name."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.services.logs.errors import aws_errors
from lambdad.services.logs.names import group_key, identified_group
from lambdad.services.logs.service import LogsService


@operation("logs", "TagResource")
async def tag_resource(service: LogsService, call: Call, params: Params) -> Result:
    key = identified_group(call, params["resourceArn"])
    with aws_errors():
        await service.store.tag_group(key, params["tags"])
    return {}


@operation("logs", "UntagResource")
async def untag_resource(service: LogsService, call: Call, params: Params) -> Result:
    key = identified_group(call, params["resourceArn"])
    with aws_errors():
        await service.store.untag_group(key, params["tagKeys"])
    return {}


@operation("logs", "ListTagsForResource")
async def list_tags_for_resource(service: LogsService, call: Call, params: Params) -> Result:
    key = identified_group(call, params["resourceArn"])
    with aws_errors():
        return {"tags": await service.store.tags_of(key)}


@operation("logs", "TagLogGroup")
async def tag_log_group(service: LogsService, call: Call, params: Params) -> Result:
    with aws_errors():
        await service.store.tag_group(group_key(call, params["logGroupName"]), params["tags"])
    return {}


@operation("logs", "UntagLogGroup")
async def untag_log_group(service: LogsService, call: Call, params: Params) -> Result:
    with aws_errors():
        await service.store.untag_group(group_key(call, params["logGroupName"]), params["tags"])
    return {}


@operation("logs", "ListTagsLogGroup")
async def list_tags_log_group(service: LogsService, call: Call, params: Params) -> Result:
    with aws_errors():
        return {"tags": await service.store.tags_of(group_key(call, params["logGroupName"]))}


OPERATIONS: tuple[Implementation, ...] = (
    tag_resource,
    untag_resource,
    list_tags_for_resource,
    tag_log_group,
    untag_log_group,
    list_tags_log_group,
)
