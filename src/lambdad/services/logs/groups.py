"""Log groups: creating, listing, deleting, how long their events are kept."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.services.logs.errors import InvalidParameterException, aws_errors
from lambdad.services.logs.names import (
    group_arn,
    group_key,
    identified_group,
    parts_of,
    token_of,
)
from lambdad.services.logs.service import LogsService
from lambdad.telemetry.log_groups import GroupListing
from lambdad.telemetry.log_records import GroupMissing, LogGroup, NewGroup

PAGE_ITEMS = 50
RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip


@operation("logs", "CreateLogGroup")
async def create_log_group(service: LogsService, call: Call, params: Params) -> Result:
    name = params["logGroupName"]
    if name.lower().startswith("aws/"):
        raise InvalidParameterException("Log groups starting with AWS/ are reserved for AWS.")
    new = NewGroup(
        log_class=params.get("logGroupClass", "STANDARD"),
        kms_key_id=params.get("kmsKeyId"),
        deletion_protection=params.get("deletionProtectionEnabled", False),
        tags=tuple(params.get("tags", {}).items()),
    )
    with aws_errors():
        await service.store.create_group(group_key(call, name), new)
    return {}


@operation("logs", "DeleteLogGroup")
async def delete_log_group(service: LogsService, call: Call, params: Params) -> Result:
    with aws_errors():
        await service.store.delete_group(group_key(call, params["logGroupName"]))
    return {}


@operation("logs", "DescribeLogGroups")
async def describe_log_groups(service: LogsService, call: Call, params: Params) -> Result:
    prefix, part = params.get("logGroupNamePrefix", ""), params.get("logGroupNamePattern", "")
    if prefix and part:
        raise InvalidParameterException(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        )
    if params.get("logGroupIdentifiers"):
        return await _describe_identified(service, call, params["logGroupIdentifiers"])
    limit = params.get("limit", PAGE_ITEMS)
    after = parts_of(params["nextToken"], str)[0] if "nextToken" in params else ""
    listing = GroupListing(
        prefix=prefix,
        part=part,
        log_class=params.get("logGroupClass", ""),
        after=str(after),
        limit=limit + 1,
    )
    groups = await service.store.list_groups(call.account, call.region, listing)
    shown = groups[:limit]
    result: Result = {"logGroups": [_described(group, searched=bool(part)) for group in shown]}
    # A search by pattern always hands out a token while it finds anything (recorded).
    if len(groups) > limit or (part and shown):
        result["nextToken"] = token_of(shown[-1].key.name)
    return result


async def _describe_identified(service: LogsService, call: Call, identifiers: list[str]) -> Result:
    groups = []
    for identifier in identifiers:
        try:
            groups.append(await service.store.find_group(identified_group(call, identifier)))
        except GroupMissing:
            continue
    groups.sort(key=lambda group: group.key.name)
    return {"logGroups": [_described(group, searched=False) for group in groups]}


@operation("logs", "PutRetentionPolicy")
async def put_retention_policy(service: LogsService, call: Call, params: Params) -> Result:
    days = params["retentionInDays"]
    if days not in RETENTION_DAYS:
        raise InvalidParameterException(
            f"Invalid retention value. Valid values are: {list(RETENTION_DAYS)}"
        )
    with aws_errors():
        await service.store.set_retention(group_key(call, params["logGroupName"]), days)
    return {}


@operation("logs", "DeleteRetentionPolicy")
async def delete_retention_policy(service: LogsService, call: Call, params: Params) -> Result:
    with aws_errors():
        await service.store.set_retention(group_key(call, params["logGroupName"]), None)
    return {}


@operation("logs", "PutLogGroupDeletionProtection")
async def put_log_group_deletion_protection(
    service: LogsService, call: Call, params: Params
) -> Result:
    key = identified_group(call, params["logGroupIdentifier"])
    with aws_errors():
        await service.store.set_protection(key, params["deletionProtectionEnabled"])
    return {}


def _described(group: LogGroup, *, searched: bool) -> Result:
    """A group as DescribeLogGroups shows it; a search by pattern shows less (recorded)."""
    arn = group_arn(group.key)
    return {
        "logGroupName": group.key.name,
        "creationTime": group.created_ms,
        "retentionInDays": group.retention_days,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "storedBytes": None if searched else group.stored_bytes,
        "kmsKeyId": group.kms_key_id,
        "logGroupClass": group.log_class,
        "logGroupArn": arn,
        "deletionProtectionEnabled": None if searched else group.deletion_protection,
    }


OPERATIONS: tuple[Implementation, ...] = (
    create_log_group,
    delete_log_group,
    describe_log_groups,
    put_retention_policy,
    delete_retention_policy,
    put_log_group_deletion_protection,
)
