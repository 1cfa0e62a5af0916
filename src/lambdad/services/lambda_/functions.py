"""CreateFunction, GetFunction, ListFunctions, DeleteFunction."""

from __future__ import annotations

from collections.abc import Iterator

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.functions import lifecycle
from lambdad.functions.names import LATEST, FunctionKey, is_version, refer, refer_new
from lambdad.functions.records import FunctionRecord, Version
from lambdad.services.lambda_.code import admitted, zip_of
from lambdad.services.lambda_.code_signing import check_signature, signing_of
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    ResourceConflictException,
)
from lambdad.services.lambda_.layer_references import layer_finder
from lambdad.services.lambda_.paging import page, page_items, position, rank
from lambdad.services.lambda_.placement import placed
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.lambda_.settings import check_tags, check_unzipped, new_configuration
from lambdad.services.lambda_.shapes import function_configuration, listed_configuration


@operation("lambda", "CreateFunction")
async def create_function(service: LambdaService, call: Call, params: Params) -> Result:
    """Answers while the function is Pending. With Publish the answer is of version 1, under the
    unqualified ARN all the same (recorded)."""
    key = refer_new(call.account, call.region, params["FunctionName"])
    archive = zip_of(params["Code"], params.get("PackageType"), service.limits)
    finder = layer_finder(service, call)
    configuration = new_configuration(params, key, finder, service.limits)
    configuration = placed(service, call, configuration, params, new=True)
    service.check_role(call, key, configuration.role)
    signing_arn = params.get("CodeSigningConfigArn")
    signing = signing_of(service, call, signing_arn) if signing_arn else None
    check_signature(service, call, signing)
    tags = params.get("Tags") or {}
    check_tags(tags, service.limits)
    async with service.functions.editing(key) as edit:
        if edit.record is not None:
            raise ResourceConflictException(f"Function already exist: {key.name}")
        _check_room(service, key)
        async with admitted(service, archive) as package:
            copies = 2 if params.get("Publish") else 1
            service.check_storage(key.account, key.region, copies * package.size_bytes)
            check_unzipped(package, configuration.layers, service.limits)
            stamp = service.stamp()
            number = service.functions.next_version(key)
            record = lifecycle.create(
                key, configuration, package, stamp, next_version=number, tags=tags
            )
            if signing is not None:
                record = record.attach(signing)
            shown = record.latest
            if params.get("Publish"):
                record, shown = lifecycle.publish(record, stamp)
            await edit.commit(record)
    service.preparer.begin(key)
    return function_configuration(key, shown, key.arn())


@operation("lambda", "GetFunction")
async def get_function(service: LambdaService, call: Call, params: Params) -> Result:
    reference, record, version = service.find(call, params["FunctionName"], params.get("Qualifier"))
    answer: Result = {
        "Configuration": function_configuration(record.key, version, reference.arn),
        "Code": {
            "RepositoryType": "S3",
            "Location": service.code_url(version.deployment.code.digest, call),
        },
    }
    if record.tags:
        answer["Tags"] = dict(record.tags)
    if record.reserved_concurrency is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": record.reserved_concurrency}
    return answer


@operation("lambda", "ListFunctions")
async def list_functions(service: LambdaService, call: Call, params: Params) -> Result:
    """`$LATEST` of every function, unqualified; with FunctionVersion=ALL every version, each
    under its qualified ARN."""
    every = params.get("FunctionVersion") == "ALL"
    name, qualifier = position(params)

    def records() -> Iterator[FunctionRecord]:
        for found in service.functions.names(call.account, call.region, name):
            record = service.functions.get(FunctionKey(call.account, call.region, found))
            assert record is not None
            yield record

    def items() -> Iterator[tuple[FunctionKey, Version]]:
        for record in records():
            versions = record.all_versions() if every else [record.latest]
            for version in versions:
                if record.key.name != name or rank(version.version) >= rank(qualifier):
                    yield record.key, version

    def arn_of(item: tuple[FunctionKey, Version]) -> str:
        key, version = item
        return key.arn(version.version if every else None)

    return page(
        "Functions",
        items(),
        arn_of,
        lambda item: listed_configuration(*item, arn_of(item)),
        page_items(params, service.limits.list_page_items),
    )


@operation("lambda", "DeleteFunction")
async def delete_function(service: LambdaService, call: Call, params: Params) -> Result:
    """The whole function, or one version. A missing version of a function that is there is no
    error; a missing function is, under its unqualified ARN (recorded)."""
    reference = refer(call.account, call.region, params["FunctionName"], params.get("Qualifier"))
    qualifier = reference.qualifier
    if qualifier == LATEST:
        raise InvalidParameterValueException(
            "$LATEST version cannot be deleted without deleting the function."
        )
    if qualifier is not None and not is_version(qualifier):
        raise InvalidParameterValueException("Deletion of aliases is not currently supported.")
    async with service.editing(reference.key) as (edit, record):
        if qualifier is None:
            await edit.delete()
        else:
            await edit.commit(lifecycle.delete_version(record, qualifier))
    return {"StatusCode": 204}


def _check_room(service: LambdaService, key: FunctionKey) -> None:
    limit = service.limits.functions_per_region
    if len(service.functions.usage(key.account, key.region).names) >= limit:
        raise InvalidParameterValueException(
            f"This account has {limit} functions in {key.region}, the most that this server takes."
        )
