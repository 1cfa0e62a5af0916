"""UpdateFunctionCode, and where a package's bytes come from."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.limits import Limits
from lambdad.core.value import replace
from lambdad.functions import lifecycle
from lambdad.functions.attachments import CodeSigning
from lambdad.functions.names import refer_unqualified
from lambdad.functions.package import PackageEmpty, PackageRefused, PackageTooLarge
from lambdad.functions.records import CodePackage, Configuration, FunctionRecord
from lambdad.services.lambda_.code_signing import check_signature
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    RequestEntityTooLargeException,
)
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.lambda_.settings import check_publish_to, check_unzipped
from lambdad.services.lambda_.shapes import function_configuration

_log = logging.getLogger(__name__)


@operation("lambda", "UpdateFunctionCode")
async def update_function_code(service: LambdaService, call: Call, params: Params) -> Result:
    """Answers while the update is in progress: with `$LATEST`, or with Publish the new version,
    Pending, under its qualified ARN. DryRun answers what would be and changes nothing."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    check_publish_to(params)
    async with service.editing(key) as (edit, record):
        if params.get("ImageUri"):
            raise InvalidParameterValueException(
                "Please don't provide ImageUri when updating a function with packageType Zip."
            )
        lifecycle.check_changeable(record)
        lifecycle.check_revision(record.latest.revision_id, params.get("RevisionId"))
        archive = zip_of(params, "Zip", service.limits)
        check_signature(service, call, record.attached(CodeSigning))
        if params.get("DryRun"):
            with explained():
                package = await service.code.check(archive)
            return _would_be(record, package, params)
        async with admitted(service, archive) as package:
            copies = 2 if params.get("Publish") else 1
            service.check_storage(key.account, key.region, copies * package.size_bytes)
            stamp, configuration = service.stamp(), _configuration(record, params)
            check_unzipped(package, configuration.layers, service.limits)
            record = lifecycle.start_update(
                record, stamp, code=package, configuration=configuration
            )
            shown, arn = record.latest, key.arn()
            if params.get("Publish"):
                service.check_versions(record)
                record, shown = lifecycle.publish(record, stamp)
                arn = key.arn(shown.version)
            await edit.commit(record)
    service.preparer.begin(key)
    return function_configuration(key, shown, arn)


def zip_of(source: Mapping[str, Any], package_type: str | None, limits: Limits) -> bytes:
    """The zip that a request brings or points to. Raises what AWS says of every other source."""
    archive: bytes | None = source.get("ZipFile")
    bucket, image = source.get("S3Bucket"), source.get("ImageUri")
    if package_type == "Image" or image:
        raise _no_images(package_type, image)
    if archive is None:
        if bucket is None:
            raise InvalidParameterValueException("Please provide a source for function code.")
        raise InvalidParameterValueException(
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The "
            "specified bucket does not exist"
        )
    if bucket is not None:
        raise InvalidParameterValueException(
            "Please do not provide other FunctionCode parameters when providing a ZipFile."
        )
    if len(archive) >= limits.zip_bytes:
        raise RequestEntityTooLargeException(
            f"Zipped size must be smaller than {limits.zip_bytes} bytes"
        )
    return archive


@asynccontextmanager
async def admitted(service: LambdaService, archive: bytes) -> AsyncIterator[CodePackage]:
    """The package, checked and stored, for as long as it takes to refer to it; refused in AWS's
    words."""
    with explained():
        async with service.code.admit(archive) as package:
            yield package


@contextmanager
def explained() -> Iterator[None]:
    """Turn a refused package into AWS's error; the reason goes to the log."""
    try:
        yield
    except PackageRefused as error:
        _log.info("a deployment package was refused: %s", error.reason)
        if isinstance(error, PackageTooLarge):
            text = f"Unzipped size must be smaller than {error.limit_bytes} bytes"
        elif isinstance(error, PackageEmpty):
            text = "Uploaded file must be a non-empty zip"
        else:
            text = (
                "Could not unzip uploaded file. Please check your file, then try to upload again."
            )
        raise InvalidParameterValueException(text) from error


def _no_images(package_type: str | None, image: str | None) -> InvalidParameterValueException:
    if package_type != "Image":
        return InvalidParameterValueException(
            "Please don't provide ImageUri when creating a function with packageType Zip."
        )
    if image is None:
        return InvalidParameterValueException("Please provide a source for function code.")
    return InvalidParameterValueException(
        f"Source image {image} does not exist. Provide a valid source image. (lambdad does not "
        "run container images yet: create the function from a zip.)"
    )


def _configuration(record: FunctionRecord, params: Params) -> Configuration:
    current = record.latest.deployment.configuration
    architectures = params.get("Architectures")
    return replace(current, architecture=architectures[0]) if architectures else current


def _would_be(record: FunctionRecord, package: CodePackage, params: Params) -> Result:
    """`$LATEST` with the package in it, as settled as it is now."""
    latest = record.latest
    deployment = replace(
        latest.deployment, code=package, configuration=_configuration(record, params)
    )
    return function_configuration(
        record.key, replace(latest, deployment=deployment), record.key.arn()
    )
