"""SAML providers: stored and told; nothing here accepts a SAML assertion."""

from __future__ import annotations

import re

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam import naming
from lambdad.iam.records import SamlKey, SamlProvider
from lambdad.services.iam.entities import require_saml
from lambdad.services.iam.errors import (
    EntityAlreadyExistsException,
    InvalidInputException,
    NoSuchEntityException,
    quota_exceeded,
)
from lambdad.services.iam.service import IamService
from lambdad.services.iam.tags import read_tags
from lambdad.services.iam.views import moment, sorted_tags

_VALID_MS = 100 * 365 * 24 * 3_600_000
"""How long AWS takes metadata for valid that says nothing of it: a hundred years."""
_ENTITY = re.compile(r"<(?:[A-Za-z0-9_.-]{1,64}:)?EntityDescriptor[\s>]")
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]{1,10} ){0,2}PRIVATE KEY-----")


@operation("iam", "CreateSAMLProvider")
async def create_provider(service: IamService, call: Call, params: Params) -> Result:
    tags = read_tags(params, service.quotas)
    _check_metadata(params["SAMLMetadataDocument"])
    async with service.store.edit(call.account) as draft:
        name = params["Name"]
        if draft.get(SamlProvider, name.lower()) is not None:
            raise EntityAlreadyExistsException(f"SAMLProvider {name} already exists.")
        if draft.count(SamlProvider) >= service.quotas.saml_providers:
            raise quota_exceeded("SAMLProvidersPerAccount", service.quotas.saml_providers)
        now_ms = service.now_ms()
        provider = SamlProvider(
            name=name,
            metadata=params["SAMLMetadataDocument"],
            created_ms=now_ms,
            valid_until_ms=now_ms + _VALID_MS,
            tags=tags,
            uuid=naming.new_saml_id(naming.SAML_PROVIDER),
        )
        draft.put(_with_encryption(service, provider, params))
    return {"SAMLProviderArn": provider.arn(call.account), "Tags": sorted_tags(tags) or None}


@operation("iam", "GetSAMLProvider")
async def get_provider(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    provider = require_saml(records, call.account, params["SAMLProviderArn"])
    keys = [
        {"KeyId": key.id, "Timestamp": moment(key.uploaded_ms)} for key in provider.private_keys
    ]
    return {
        "SAMLProviderUUID": provider.uuid or None,
        "SAMLMetadataDocument": provider.metadata,
        "CreateDate": moment(provider.created_ms),
        "ValidUntil": moment(provider.valid_until_ms),
        "Tags": sorted_tags(provider.tags),
        "AssertionEncryptionMode": provider.encryption,
        "PrivateKeyList": keys or None,
    }


@operation("iam", "ListSAMLProviders")
async def list_providers(service: IamService, call: Call, params: Params) -> Result:
    return {
        "SAMLProviderList": [
            {
                "Arn": each.arn(call.account),
                "ValidUntil": moment(each.valid_until_ms),
                "CreateDate": moment(each.created_ms),
            }
            for each in service.store.account(call.account).all(SamlProvider)
        ]
    }


@operation("iam", "UpdateSAMLProvider")
async def update_provider(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        provider = require_saml(draft, call.account, params["SAMLProviderArn"])
        if "SAMLMetadataDocument" in params:
            _check_metadata(params["SAMLMetadataDocument"])
            provider = replace(
                provider,
                metadata=params["SAMLMetadataDocument"],
                valid_until_ms=service.now_ms() + _VALID_MS,
            )
        draft.put(_with_encryption(service, provider, params))
    return {"SAMLProviderArn": provider.arn(call.account)}


@operation("iam", "DeleteSAMLProvider")
async def delete_provider(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        draft.remove(require_saml(draft, call.account, params["SAMLProviderArn"]))
    return {}


def _with_encryption(service: IamService, provider: SamlProvider, params: Params) -> SamlProvider:
    """The provider with what a request says of encrypted assertions. Raises InvalidInputException,
    NoSuchEntityException, LimitExceededException."""
    keys, removed = provider.private_keys, params.get("RemovePrivateKey")
    if removed is not None:
        keys = tuple(key for key in keys if key.id != removed)
        if len(keys) == len(provider.private_keys):
            raise NoSuchEntityException(f"The private key with id {removed} cannot be found.")
    if "AddPrivateKey" in params:
        if _PRIVATE_KEY.search(params["AddPrivateKey"]) is None:
            raise InvalidInputException("The private key must be in PEM format.")
        keys = (*keys, SamlKey(naming.new_saml_id(naming.SAML_KEY), service.now_ms()))
        limit = service.quotas.private_keys_per_saml_provider
        if len(keys) > limit:
            raise quota_exceeded("PrivateKeysPerSAMLProvider", limit)
    mode = params.get("AssertionEncryptionMode", provider.encryption)
    if mode == "Required" and not keys:
        raise InvalidInputException("Required encryption of assertions needs a private key.")
    return replace(provider, encryption=mode, private_keys=keys)


def _check_metadata(document: str) -> None:
    """It is kept as it is and never parsed: XML from outside is not worth its dangers here."""
    if _ENTITY.search(document) is None:
        raise InvalidInputException("Could not parse metadata")


OPERATIONS: tuple[Implementation, ...] = (
    create_provider,
    get_provider,
    list_providers,
    update_provider,
    delete_provider,
)
