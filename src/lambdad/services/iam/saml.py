"""SAML providers: stored and told; nothing here accepts a SAML assertion."""

from __future__ import annotations

import re
from dataclasses import replace

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.iam.records import SamlProvider
from lambdad.services.iam.entities import require_saml
from lambdad.services.iam.errors import (
    EntityAlreadyExistsException,
    InvalidInputException,
    quota_exceeded,
)
from lambdad.services.iam.service import IamService
from lambdad.services.iam.tags import read_tags
from lambdad.services.iam.views import moment, tag_list

_VALID_MS = 100 * 365 * 24 * 3_600_000
"""How long AWS takes metadata for valid that says nothing of it: a hundred years."""
_ENTITY = re.compile(r"<(?:[A-Za-z0-9_.-]{1,64}:)?EntityDescriptor[\s>]")


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
        )
        draft.put(provider)
    return {"SAMLProviderArn": provider.arn(call.account), "Tags": tag_list(tags) or None}


@operation("iam", "GetSAMLProvider")
async def get_provider(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    provider = require_saml(records, call.account, params["SAMLProviderArn"])
    return {
        "SAMLMetadataDocument": provider.metadata,
        "CreateDate": moment(provider.created_ms),
        "ValidUntil": moment(provider.valid_until_ms),
        "Tags": tag_list(provider.tags),
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
            draft.put(
                replace(
                    provider,
                    metadata=params["SAMLMetadataDocument"],
                    valid_until_ms=service.now_ms() + _VALID_MS,
                )
            )
    return {"SAMLProviderArn": provider.arn(call.account)}


@operation("iam", "DeleteSAMLProvider")
async def delete_provider(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        draft.remove(require_saml(draft, call.account, params["SAMLProviderArn"]))
    return {}


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
