"""PublishLayerVersion, GetLayerVersion[ByArn], DeleteLayerVersion, ListLayerVersions, ListLayers.

Semantics §1.7. How functions come to hold layers is `layer_references`'; the policies of layer
versions are `layer_permissions`'.
"""

from __future__ import annotations

from collections.abc import Iterator

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.arn import parse_arn
from lambdad.core.errors import AccessDeniedException
from lambdad.core.ids import AccountId, Region
from lambdad.functions.layers import LayerKey, LayerVersion
from lambdad.services.lambda_.code import admitted, zip_of
from lambdad.services.lambda_.errors import InvalidParameterValueException
from lambdad.services.lambda_.paging import page, page_items
from lambdad.services.lambda_.policies import grants_account
from lambdad.services.lambda_.qualified import no_such_resource
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.lambda_.shapes import timestamp

_READ = "lambda:GetLayerVersion"


@operation("lambda", "PublishLayerVersion")
async def publish_layer_version(service: LambdaService, call: Call, params: Params) -> Result:
    """Every publication is a new version, also of the same bytes (recorded)."""
    key = own_layer_key(call, params)
    archive = zip_of(params["Content"], "Zip", service.limits)
    async with service.layers.editing(key) as record, admitted(service, archive) as package:
        _check_room(service, key, len(record.versions))
        service.check_storage(key.account, key.region, package.size_bytes)
        version = LayerVersion(
            record.next_version,
            package,
            service.clock.wall_ms(),
            params.get("Description") or "",
            params.get("LicenseInfo"),
            params.get("CompatibleRuntimes"),
            params.get("CompatibleArchitectures"),
        )
        await service.layers.put(key, version)
    return _whole(service, call, key, version)


@operation("lambda", "GetLayerVersion")
async def get_layer_version(service: LambdaService, call: Call, params: Params) -> Result:
    number = version_number(params)
    return _read(service, call, layer_key(call, params["LayerName"]), number)


@operation("lambda", "GetLayerVersionByArn")
async def get_layer_version_by_arn(service: LambdaService, call: Call, params: Params) -> Result:
    layer, _, number = params["Arn"].rpartition(":")
    if ":layer:" not in layer:  # `awslayer`: AWS's own, of which there are none here
        raise no_such_resource()
    return _read(service, call, layer_key(call, layer), int(number))


@operation("lambda", "DeleteLayerVersion")
async def delete_layer_version(service: LambdaService, call: Call, params: Params) -> Result:
    """One that is not there is no error; functions that hold it keep it (quirk 45)."""
    key, number = own_layer_key(call, params), version_number(params)
    async with service.layers.editing(key) as record:
        if number in record.versions:
            await service.layers.delete(key, number)
    return {}


@operation("lambda", "ListLayerVersions")
async def list_layer_versions(service: LambdaService, call: Call, params: Params) -> Result:
    """Newest first; an unknown layer has none."""
    key = own_layer_key(call, params)
    marker = params.get("Marker") or ""
    start = int(marker) if marker.isdecimal() else None
    return page(
        "LayerVersions",
        (
            version
            for version in _matching(service, key, params)
            if start is None or version.number <= start
        ),
        lambda version: str(version.number),
        lambda version: _listed(key, version),
        page_items(params, service.limits.list_page_items),
    )


@operation("lambda", "ListLayers")
async def list_layers(service: LambdaService, call: Call, params: Params) -> Result:
    """Each with its newest version that matches; one without such a version is left out."""

    def items() -> Iterator[tuple[LayerKey, LayerVersion]]:
        for name in service.layers.names(call.account, call.region, params.get("Marker") or ""):
            key = LayerKey(call.account, call.region, name)
            newest = next(_matching(service, key, params), None)
            if newest is not None:
                yield key, newest

    return page(
        "Layers",
        items(),
        lambda item: item[0].name,
        lambda item: {
            "LayerName": item[0].name,
            "LayerArn": item[0].arn(),
            "LatestMatchingVersion": _listed(*item),
        },
        page_items(params, service.limits.list_page_items),
    )


def layer_key(call: Call, layer_name: str) -> LayerKey:
    """What a LayerName means: a name of the caller's, or an ARN."""
    arn = parse_arn(layer_name)
    if arn is None:
        return LayerKey(call.account, call.region, layer_name)
    name = arn.resource.partition(":")[2]
    return LayerKey(AccountId(arn.account), Region(arn.region), name)


def own_layer_key(call: Call, params: Params) -> LayerKey:
    """Likewise for an operation on layers of one's own. Raises AccessDeniedException for another
    account's, ResourceNotFoundException for another region's."""
    key = layer_key(call, params["LayerName"])
    if key.account != call.account:
        raise AccessDeniedException(None)
    if key.region != call.region:
        raise no_such_resource()
    return key


def version_number(params: Params) -> int:
    """Raises InvalidParameterValueException below 1."""
    number: int = params["VersionNumber"]
    if number < 1:
        raise InvalidParameterValueException("Layer Version Cannot be less than 1")
    return number


def readable(service: LambdaService, call: Call, key: LayerKey, number: int) -> LayerVersion | None:
    """A layer version; None if there is none. Raises AccessDeniedException for one of another
    account that its policy does not open, there or not."""
    version = service.layers.version(key, number)
    if key.account != call.account and not (
        version and version.policy and grants_account(version.policy, call.account)
    ):
        raise AccessDeniedException(
            f"User: {call.principal.arn} is not authorized to perform: {_READ} on resource: "
            f"{key.arn(number)} because no resource-based policy allows the {_READ} action"
        )
    return version


def _read(service: LambdaService, call: Call, key: LayerKey, number: int) -> Result:
    version = readable(service, call, key, number)
    if version is None or key.region != call.region:
        raise no_such_resource()
    return _whole(service, call, key, version)


def _check_room(service: LambdaService, key: LayerKey, versions: int) -> None:
    limits = service.limits
    if versions >= limits.versions_per_layer:
        raise InvalidParameterValueException(
            f"{key.arn()} has {versions} versions, the most that this server takes."
        )
    names = len(service.layers.names(key.account, key.region))
    if not versions and names >= limits.layers_per_region:
        raise InvalidParameterValueException(
            f"This account has {names} layers in {key.region}, the most that this server takes."
        )


def _matching(service: LambdaService, key: LayerKey, params: Params) -> Iterator[LayerVersion]:
    """The versions that say to be for the runtime and the architecture asked for, newest first."""
    record = service.layers.get(key)
    runtime, architecture = params.get("CompatibleRuntime"), params.get("CompatibleArchitecture")
    for number in sorted(record.versions if record else (), reverse=True):
        assert record is not None
        version = record.versions[number]
        if runtime and runtime not in (version.runtimes or ()):
            continue
        if architecture and architecture not in (version.architectures or ()):
            continue
        yield version


def _listed(key: LayerKey, version: LayerVersion) -> Result:
    answer: Result = {
        "LayerVersionArn": key.arn(version.number),
        "Version": version.number,
        "Description": version.description,
        "CreatedDate": timestamp(version.created_ms),
    }
    if version.license_info is not None:
        answer["LicenseInfo"] = version.license_info
    if version.runtimes is not None:
        answer["CompatibleRuntimes"] = list(version.runtimes)
    if version.architectures is not None:
        answer["CompatibleArchitectures"] = list(version.architectures)
    return answer


def _whole(service: LambdaService, call: Call, key: LayerKey, version: LayerVersion) -> Result:
    return _listed(key, version) | {
        "LayerArn": key.arn(),
        "Content": {
            "Location": service.code_url(version.code.digest, call),
            "CodeSha256": version.code.sha256,
            "CodeSize": version.code.size_bytes,
        },
    }
