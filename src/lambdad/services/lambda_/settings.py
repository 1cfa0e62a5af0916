"""From request parameters to a function's configuration: defaults, rules across fields, refusals.

Pure. The service model's own constraints were checked before (`wire/`); here are the rules that
it does not say, with AWS's texts (semantics §1.5), and honest refusals of what lambdad cannot do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from lambdad.api.call import Params
from lambdad.core.errors import ValidationException
from lambdad.core.limits import Limits
from lambdad.core.value import replace
from lambdad.functions.names import FunctionKey
from lambdad.functions.records import (
    CodePackage,
    Configuration,
    LayerReference,
    Logging,
    VpcAttachment,
)
from lambdad.functions.runtimes import check_runtime, check_snap_start
from lambdad.services.lambda_.durable_settings import changed_durable, new_durable
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
)

LayerFinder = Callable[[Sequence[str]], tuple[LayerReference, ...]]
"""The layers with these ARNs, checked."""
RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)
"""Semantics §6.3."""
_UNABLE = (
    "Lambda was unable to configure your environment variables because the environment variables "
    "you have provided "
)
_NOT_SERVED = {
    "RuntimeConfig": "runtime aliases",
    "AcceleratorConfig": "accelerators",
}
"""Parameters that would change what a function does, and that must not be ignored silently."""


def new_configuration(
    params: Params, key: FunctionKey, layers: LayerFinder, limits: Limits
) -> Configuration:
    """The configuration of a function about to be created."""
    runtime, handler = params.get("Runtime"), params.get("Handler")
    if not runtime or not handler:
        raise InvalidParameterValueException(
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )
    logging = Logging(f"/aws/lambda/{key.name}")
    blank = Configuration(
        runtime,
        handler,
        params["Role"],
        logging,
        durable=new_durable(params),
        tenant_isolation=bool(params.get("TenancyConfig")),
    )
    return changed_configuration(blank, params, layers, limits)


def changed_configuration(
    current: Configuration, params: Params, layers: LayerFinder, limits: Limits
) -> Configuration:
    """The configuration with every parameter that was given; the others stay. Maps and lists are
    replaced whole, LoggingConfig member by member (recorded)."""
    changes: dict[str, Any] = {}
    if "Environment" in params:
        changes["environment"] = _environment(params["Environment"], limits)
    if "Layers" in params:
        changes["layers"] = layers(params["Layers"])
    if "Runtime" in params:
        check_runtime(params["Runtime"])
    _check_served(params)
    check_publish_to(params)
    for parameter, field in _PLAIN.items():
        if parameter in params:
            changes[field] = params[parameter]
    if "VpcConfig" in params:
        changes["vpc"] = _vpc(params["VpcConfig"])
    if "DeadLetterConfig" in params:
        changes["dead_letter_arn"] = params["DeadLetterConfig"].get("TargetArn") or None
    if "KMSKeyArn" in params:
        changes["kms_key_arn"] = params["KMSKeyArn"] or None
    if "TracingConfig" in params:
        changes["tracing_mode"] = params["TracingConfig"].get("Mode") or "PassThrough"
    if "EphemeralStorage" in params:
        changes["tmp_mib"] = params["EphemeralStorage"]["Size"]
    if "Architectures" in params:
        changes["architecture"] = params["Architectures"][0]
    if "SnapStart" in params:
        changes["snap_start"] = params["SnapStart"].get("ApplyOn") or "None"
    if "LoggingConfig" in params:
        changes["logging"] = _logging(current.logging, params["LoggingConfig"])
    changes["durable"] = changed_durable(current.durable, params)
    changed = replace(current, **changes)
    if "\0" in changed.handler:  # no process can be given it
        raise InvalidParameterValueException("Handler contains a null character.")
    _check_bound("timeout", changed.timeout_s, limits.timeout_s)
    _check_bound("memorySize", changed.memory_mib, limits.memory_mib)
    if changed.snap_start != "None":
        check_snap_start(changed.runtime)
        if changed.tenant_isolation:
            raise InvalidParameterValueException(
                "SnapStart is not supported for functions with tenant isolation."
            )
        if changed.tmp_mib > _SNAP_START_TMP_MIB:
            raise InvalidParameterValueException(
                "SnapStart is not supported for functions with more than "
                f"{_SNAP_START_TMP_MIB} MB of ephemeral storage."
            )
    return changed


_SNAP_START_TMP_MIB = 512
_PLAIN = {
    "Runtime": "runtime",
    "Handler": "handler",
    "Role": "role",
    "Description": "description",
    "Timeout": "timeout_s",
    "MemorySize": "memory_mib",
}


def check_publish_to(params: Params) -> None:
    """Raises InvalidParameterValueException for `$LATEST.PUBLISHED`, which only functions with a
    capacity provider have."""
    if params.get("PublishTo"):
        raise InvalidParameterValueException(
            "PublishTo is not supported: publish a numbered version instead."
        )


def check_unzipped(code: CodePackage, layers: Sequence[LayerReference], limits: Limits) -> None:
    """Raises InvalidParameterValueException where code and layers are too large together."""
    total = code.unzipped_bytes + sum(layer.code.unzipped_bytes for layer in layers)
    if layers and total > limits.unzipped_bytes:
        raise InvalidParameterValueException(
            "Function code combined with layers exceeds the maximum allowed size of "
            f"{limits.unzipped_bytes} bytes. The actual size is {total} bytes."
        )


def check_tags(tags: Mapping[str, str], limits: Limits) -> None:
    """Raises InvalidParameterValueException for more, or longer, tags than a resource may have."""
    if len(tags) > limits.tags_per_resource:
        raise InvalidParameterValueException("Number of tags exceeds resource tag limit.")
    for name, value in tags.items():
        if not 1 <= len(name) <= 128:
            raise InvalidParameterValueException("A tag key has 1 to 128 characters.")
        if len(value) > 256:
            raise InvalidParameterValueException("A tag value has at most 256 characters.")


def _environment(given: Mapping[str, Any], limits: Limits) -> dict[str, str]:
    variables: dict[str, str] = given.get("Variables") or {}
    measured = orjson.dumps(variables)
    if len(measured) > limits.environment_bytes:
        raise InvalidParameterValueException(
            f"{_UNABLE}exceeded the {limits.environment_bytes // 1024}KB limit. "
            f"String measured: {measured.decode()}"
        )
    reserved = [name for name in variables if name in RESERVED_VARIABLES]
    if reserved:
        raise InvalidParameterValueException(
            f"{_UNABLE}contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    impossible = [name for name, value in variables.items() if "\0" in name + value]
    if impossible:
        raise InvalidParameterValueException(
            f"{_UNABLE}contain a null character. Keys: {', '.join(impossible)}"
        )
    return dict(variables)


def _check_served(params: Params) -> None:
    for parameter, feature in _NOT_SERVED.items():
        if params.get(parameter):
            raise InvalidParameterValueException(
                f"{parameter} is not supported: lambdad does not have {feature} yet."
            )
    for system in params.get("FileSystemConfigs") or ():
        raise InvalidParameterValueException(
            "Function must be configured to execute in a VPC to reference access point "
            f"{system['Arn']}."
        )


def _vpc(given: Mapping[str, Any]) -> VpcAttachment:
    subnets = given.get("SubnetIds") or []
    groups = given.get("SecurityGroupIds") or []
    if bool(subnets) != bool(groups):
        raise InvalidParameterValueException(
            "SubnetIds and SecurityIds must coexist or be both empty list."
        )
    if subnets:
        raise InvalidParameterValueException(
            "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 "
            f"Error Message: The subnet ID '{subnets[0]}' does not exist"
        )
    return VpcAttachment()


def _logging(current: Logging, given: Mapping[str, str]) -> Logging:
    """Levels belong to the JSON format: it brings them, INFO unless said, and Text drops them."""
    log_format = given.get("LogFormat") or current.log_format
    log_group = given.get("LogGroup") or current.log_group
    application, system = given.get("ApplicationLogLevel"), given.get("SystemLogLevel")
    if log_format == "JSON":
        return Logging(
            log_group,
            log_format,
            application or current.application_level or "INFO",
            system or current.system_level or "INFO",
        )
    if application or system:
        raise InvalidParameterValueException(
            "Log levels can only be set for functions whose LogFormat is JSON."
        )
    return Logging(log_group, log_format)


def _check_bound(member: str, value: int, limit: int) -> None:
    if value > limit:
        raise ValidationException(
            f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy "
            f"constraint: Member must have value less than or equal to {limit}"
        )
