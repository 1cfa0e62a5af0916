"""PublishVersion and ListVersionsByFunction."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.functions import lifecycle
from lambdad.functions.names import refer_unqualified
from lambdad.services.lambda_.errors import InvalidParameterValueException
from lambdad.services.lambda_.paging import page, page_items, position, rank
from lambdad.services.lambda_.service import LambdaService, not_found
from lambdad.services.lambda_.settings import check_publish_to
from lambdad.services.lambda_.shapes import function_configuration, listed_configuration


@operation("lambda", "PublishVersion")
async def publish_version(service: LambdaService, call: Call, params: Params) -> Result:
    """A new version, or the last one again where nothing changed since."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    check_publish_to(params)
    async with service.editing(key) as (edit, record):
        lifecycle.check_changeable(record)
        lifecycle.check_revision(record.latest.revision_id, params.get("RevisionId"))
        package = record.latest.deployment.code
        wanted = params.get("CodeSha256")
        if wanted and wanted != package.sha256:
            raise InvalidParameterValueException(
                f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST "
                f"({package.sha256}). Please try again with the CodeSHA256 in $LATEST."
            )
        published, version = lifecycle.publish(
            record, service.stamp(), params.get("Description") or None
        )
        if published is not record:
            service.check_versions(record)
            service.check_storage(key.account, key.region, package.size_bytes)
            await edit.commit(published)
    if not version.is_settled:
        service.preparer.begin(key)
    return function_configuration(key, version, key.arn(version.version))


@operation("lambda", "ListVersionsByFunction")
async def list_versions_by_function(service: LambdaService, call: Call, params: Params) -> Result:
    """`$LATEST` first, every ARN qualified."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    record = service.functions.get(key)
    if record is None:
        raise not_found(key.arn())
    start = rank(position(params)[1])
    return page(
        "Versions",
        (version for version in record.all_versions() if rank(version.version) >= start),
        lambda version: key.arn(version.version),
        lambda version: listed_configuration(key, version, key.arn(version.version)),
        page_items(params, service.limits.list_page_items),
    )
