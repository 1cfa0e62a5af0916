"""Code signing configurations: Create, Get, Update, Delete, List; and which functions have one:
Put, Get and Delete FunctionCodeSigningConfig, ListFunctionsByCodeSigningConfig (semantics §1.14).

There is no AWS Signer here, so no package carries a signature that could be trusted: Enforce
refuses every deployment, Warn lets it pass. What was deployed before is never looked at again.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.core.arn import PARTITION, parse_arn
from lambdad.core.value import replace
from lambdad.functions.attachments import CodeSigning
from lambdad.functions.names import FunctionKey, refer_unqualified
from lambdad.functions.resources import CodeSigningConfig
from lambdad.services.lambda_.errors import (
    CodeSigningConfigNotFoundException,
    CodeVerificationFailedException,
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from lambdad.services.lambda_.paging import page, page_items, position
from lambdad.services.lambda_.service import LambdaService, not_found
from lambdad.services.lambda_.settings import check_tags
from lambdad.services.lambda_.shapes import timestamp

_ID_CHARACTERS = string.ascii_lowercase + string.digits
_ID_LENGTH = 17


@operation("lambda", "CreateCodeSigningConfig")
async def create_code_signing_config(service: LambdaService, call: Call, params: Params) -> Result:
    tags = params.get("Tags") or {}
    check_tags(tags, service.limits)
    known = service.resources.every(CodeSigningConfig, call.account, call.region)
    limit = service.limits.code_signing_configs
    if sum(1 for _ in known) >= limit:
        raise InvalidParameterValueException(
            f"This account has {limit} code signing configurations in {call.region}, the most that "
            "this server takes."
        )
    config = CodeSigningConfig(
        "csc-" + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH)),
        params["AllowedPublishers"]["SigningProfileVersionArns"],
        _policy(params) or "Warn",
        service.clock.wall_ms(),
        params.get("Description"),
        tags,
    )
    await service.resources.put(call.account, call.region, config)
    return {"CodeSigningConfig": _shape(call, config)}


@operation("lambda", "GetCodeSigningConfig")
async def get_code_signing_config(service: LambdaService, call: Call, params: Params) -> Result:
    return {"CodeSigningConfig": _shape(call, _existing(service, call, params))}


@operation("lambda", "UpdateCodeSigningConfig")
async def update_code_signing_config(service: LambdaService, call: Call, params: Params) -> Result:
    """What is absent stays."""
    publishers = (params.get("AllowedPublishers") or {}).get("SigningProfileVersionArns")
    async with service.resources.turn:
        current = _existing(service, call, params)
        config = replace(
            current,
            publishers=publishers or current.publishers,
            policy=_policy(params) or current.policy,
            modified_ms=service.clock.wall_ms(),
            description=params.get("Description", current.description),
        )
        await service.resources.put(call.account, call.region, config)
    return {"CodeSigningConfig": _shape(call, config)}


@operation("lambda", "DeleteCodeSigningConfig")
async def delete_code_signing_config(service: LambdaService, call: Call, params: Params) -> Result:
    """Not while a function has it."""
    async with service.resources.turn:
        config = _existing(service, call, params)
        if next(_holders(service, call, _arn(call, config)), None) is not None:
            raise ResourceConflictException(
                "Unable to delete the code signing configuration because functions still use it."
            )
        await service.resources.delete(call.account, call.region, config)
    return {}


@operation("lambda", "ListCodeSigningConfigs")
async def list_code_signing_configs(service: LambdaService, call: Call, params: Params) -> Result:
    return page(
        "CodeSigningConfigs",
        service.resources.every(
            CodeSigningConfig, call.account, call.region, params.get("Marker") or ""
        ),
        lambda config: config.id,
        lambda config: _shape(call, config),
        page_items(params, service.limits.list_page_items),
    )


@operation("lambda", "ListFunctionsByCodeSigningConfig")
async def list_functions_by_code_signing_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    arn = _arn(call, _existing(service, call, params))
    start, _ = position(params)
    answer = page(
        "FunctionArns",
        _holders(service, call, arn, start),
        lambda key: key.arn(),
        lambda key: {"Arn": key.arn()},
        page_items(params, service.limits.list_page_items),
    )
    return answer | {"FunctionArns": [each["Arn"] for each in answer["FunctionArns"]]}


@operation("lambda", "PutFunctionCodeSigningConfig")
async def put_function_code_signing_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    async with service.resources.turn:  # it must not be deleted meanwhile
        signing = signing_of(service, call, params["CodeSigningConfigArn"])
        async with service.editing(key) as (edit, record):
            await edit.commit(record.attach(signing))
    return {"CodeSigningConfigArn": signing.config_arn, "FunctionName": key.name}


@operation("lambda", "GetFunctionCodeSigningConfig")
async def get_function_code_signing_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    """Only the name where there is none (recorded)."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    record = service.functions.get(key)
    if record is None:
        raise not_found(key.arn())
    signing = record.attached(CodeSigning)
    named = {"FunctionName": key.name}
    return named | ({"CodeSigningConfigArn": signing.config_arn} if signing else {})


@operation("lambda", "DeleteFunctionCodeSigningConfig")
async def delete_function_code_signing_config(
    service: LambdaService, call: Call, params: Params
) -> Result:
    """None to delete is no error."""
    key = refer_unqualified(call.account, call.region, params["FunctionName"])
    async with service.editing(key) as (edit, record):
        await edit.commit(record.detach(CodeSigning))
    return {}


def existing_config(service: LambdaService, call: Call, arn: str) -> CodeSigningConfig:
    """Raises ResourceNotFoundException."""
    config = _find(service, call, arn)
    if config is None:
        raise ResourceNotFoundException(
            f"The Lambda code signing configuration {arn} can not be found.", Type=None
        )
    return config


def signing_of(service: LambdaService, call: Call, arn: str) -> CodeSigning:
    """For a function to hold. Raises CodeSigningConfigNotFoundException."""
    if _find(service, call, arn) is None:
        raise CodeSigningConfigNotFoundException(
            "The code signing configuration cannot be found. Check that the provided "
            f"configuration is not deleted: {arn}."
        )
    return CodeSigning(arn)


def check_signature(service: LambdaService, call: Call, signing: CodeSigning | None) -> None:
    """Raises CodeVerificationFailedException where unsigned code must not be deployed."""
    config = _find(service, call, signing.config_arn) if signing else None
    if config is not None and config.policy == "Enforce":
        raise CodeVerificationFailedException(
            "Lambda cannot deploy the function. The function or layer might be signed using a "
            "signature that the client is not configured to accept. Check the provided signature "
            "for the code."
        )


def _find(service: LambdaService, call: Call, arn: str) -> CodeSigningConfig | None:
    """Only within the caller's account and region."""
    parsed = parse_arn(arn)
    if parsed is None or (parsed.account, parsed.region) != (call.account, call.region):
        return None
    name = parsed.resource.partition(":")[2]
    return service.resources.get(CodeSigningConfig, call.account, call.region, name)


def _existing(service: LambdaService, call: Call, params: Params) -> CodeSigningConfig:
    return existing_config(service, call, params["CodeSigningConfigArn"])


def _holders(
    service: LambdaService, call: Call, arn: str, start: str = ""
) -> Iterator[FunctionKey]:
    """The functions that have it, by name."""
    for name in service.functions.names(call.account, call.region, start):
        record = service.functions.get(FunctionKey(call.account, call.region, name))
        signing = record.attached(CodeSigning) if record else None
        if record is not None and signing is not None and signing.config_arn == arn:
            yield record.key


def _policy(params: Params) -> str | None:
    return (params.get("CodeSigningPolicies") or {}).get("UntrustedArtifactOnDeployment")


def _arn(call: Call, config: CodeSigningConfig) -> str:
    return f"arn:{PARTITION}:lambda:{call.region}:{call.account}:code-signing-config:{config.id}"


def _shape(call: Call, config: CodeSigningConfig) -> Result:
    answer: Result = {
        "CodeSigningConfigId": config.id,
        "CodeSigningConfigArn": _arn(call, config),
        "AllowedPublishers": {"SigningProfileVersionArns": list(config.publishers)},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": config.policy},
        "LastModified": timestamp(config.modified_ms),
    }
    if config.description is not None:
        answer["Description"] = config.description
    return answer
