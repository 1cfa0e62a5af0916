"""CreateAlias, GetAlias, ListAliases, UpdateAlias, DeleteAlias."""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.functions import lifecycle
from lambdad.functions.names import refer_unqualified
from lambdad.functions.records import Alias, FunctionRecord
from lambdad.services.lambda_.errors import (
    AliasLimitExceededException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from lambdad.services.lambda_.paging import page, page_items, position
from lambdad.services.lambda_.service import LambdaService, not_found
from lambdad.services.lambda_.shapes import alias_configuration


@operation("lambda", "CreateAlias")
async def create_alias(service: LambdaService, call: Call, params: Params) -> Result:
    """A missing function and a missing version are told alike, by the version's ARN (recorded)."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    name, version = params["Name"], params["FunctionVersion"]
    async with service.functions.editing(key) as edit:
        record = edit.record
        if record is None or record.version(version) is None:
            raise not_found(key.arn(version))
        if name in record.aliases:
            raise ResourceConflictException(f"Alias already exists: {key.arn(name)}")
        weights = _weights(params) or {}
        _check_targets(record, version, weights)
        limit = service.limits.aliases_per_function
        if len(record.aliases) >= limit:
            raise AliasLimitExceededException(
                f"{key.arn()} has {limit} aliases, the most that this server takes."
            )
        revision_id = service.stamp().revision_id
        alias = Alias(name, version, params.get("Description") or "", weights, revision_id)
        record = await edit.commit(lifecycle.put_alias(record, alias))
    return alias_configuration(record, alias)


@operation("lambda", "GetAlias")
async def get_alias(service: LambdaService, call: Call, params: Params) -> Result:
    record = _record(service, call, params)
    alias = record.aliases.get(params["Name"])
    if alias is None:
        raise ResourceNotFoundException(f"Cannot find alias arn: {record.key.arn(params['Name'])}")
    return alias_configuration(record, alias)


@operation("lambda", "ListAliases")
async def list_aliases(service: LambdaService, call: Call, params: Params) -> Result:
    """By name; with FunctionVersion only those that point to it."""
    record = _record(service, call, params)
    version = params.get("FunctionVersion")
    _, start = position(params)
    return page(
        "Aliases",
        (
            alias
            for name, alias in sorted(record.aliases.items())
            if name >= start and version in (None, alias.version)
        ),
        lambda alias: record.key.arn(alias.name),
        lambda alias: alias_configuration(record, alias),
        page_items(params, service.limits.list_page_items),
    )


@operation("lambda", "UpdateAlias")
async def update_alias(service: LambdaService, call: Call, params: Params) -> Result:
    """What is absent stays; every update, even an empty one, gives a new revision (recorded)."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    name = params["Name"]
    async with service.editing(key) as (edit, record):
        current = record.aliases.get(name)
        if current is None:
            raise ResourceNotFoundException(f"Alias not found: {key.arn(name)}")
        lifecycle.check_revision(current.revision_id, params.get("RevisionId"))
        version = params.get("FunctionVersion") or current.version
        if record.version(version) is None:
            raise not_found(key.arn(version))
        given = _weights(params)
        weights = current.weights if given is None else given
        _check_targets(record, version, weights)
        description = params.get("Description", current.description)
        alias = Alias(name, version, description, weights, service.stamp().revision_id)
        record = await edit.commit(lifecycle.put_alias(record, alias))
    return alias_configuration(record, alias)


@operation("lambda", "DeleteAlias")
async def delete_alias(service: LambdaService, call: Call, params: Params) -> Result:
    """An alias that is not there is no error."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    async with service.editing(key) as (edit, record):
        await edit.commit(lifecycle.delete_alias(record, params["Name"]))
    return {}


def _record(service: LambdaService, call: Call, params: Params) -> FunctionRecord:
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    record = service.functions.get(key)
    if record is None:
        raise not_found(key.arn())
    return record


def _weights(params: Params) -> dict[str, float] | None:
    """The weights that were given; None if the request does not speak of them."""
    routing = params.get("RoutingConfig")
    if routing is None:
        return None
    return dict(routing.get("AdditionalVersionWeights") or {})


def _check_targets(record: FunctionRecord, version: str, weights: Mapping[str, float]) -> None:
    lifecycle.check_weights(version, weights)
    for other in weights:
        if record.version(other) is None:
            raise not_found(record.key.arn(other))
