"""OpenID Connect providers."""

from __future__ import annotations

from urllib.parse import urlsplit

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam.records import OidcProvider
from lambdad.services.iam.entities import require_oidc
from lambdad.services.iam.errors import (
    EntityAlreadyExistsException,
    InvalidInputException,
    ValidationError,
    quota_exceeded,
)
from lambdad.services.iam.service import IamService
from lambdad.services.iam.tags import read_tags
from lambdad.services.iam.views import moment, sorted_tags


@operation("iam", "CreateOpenIDConnectProvider")
async def create_provider(service: IamService, call: Call, params: Params) -> Result:
    tags = read_tags(params, service.quotas)
    url = _issuer(params["Url"])
    thumbprints = tuple(params.get("ThumbprintList", ()))
    client_ids = tuple(params.get("ClientIDList", ()))
    _check_thumbprints(service, thumbprints)
    _check_client_ids(service, client_ids)
    async with service.store.edit(call.account) as draft:
        if draft.get(OidcProvider, url) is not None:
            raise EntityAlreadyExistsException(f"Provider with url https://{url} already exists.")
        if draft.count(OidcProvider) >= service.quotas.oidc_providers:
            raise quota_exceeded("OpenIdConnectProvidersPerAccount", service.quotas.oidc_providers)
        provider = OidcProvider(
            url=url,
            created_ms=service.now_ms(),
            client_ids=client_ids,
            thumbprints=thumbprints,
            tags=tags,
        )
        draft.put(provider)
    return {
        "OpenIDConnectProviderArn": provider.arn(call.account),
        "Tags": sorted_tags(tags) or None,
    }


@operation("iam", "GetOpenIDConnectProvider")
async def get_provider(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    provider = require_oidc(records, call.account, params["OpenIDConnectProviderArn"])
    return {
        "Url": provider.url,
        "ClientIDList": list(provider.client_ids),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": moment(provider.created_ms),
        "Tags": sorted_tags(provider.tags),
    }


@operation("iam", "ListOpenIDConnectProviders")
async def list_providers(service: IamService, call: Call, params: Params) -> Result:
    providers = service.store.account(call.account).all(OidcProvider)
    return {"OpenIDConnectProviderList": [{"Arn": each.arn(call.account)} for each in providers]}


@operation("iam", "AddClientIDToOpenIDConnectProvider")
async def add_client_id(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        provider = require_oidc(draft, call.account, params["OpenIDConnectProviderArn"])
        if params["ClientID"] in provider.client_ids:
            return {}
        client_ids = (*provider.client_ids, params["ClientID"])
        _check_client_ids(service, client_ids)
        draft.put(replace(provider, client_ids=client_ids))
    return {}


@operation("iam", "RemoveClientIDFromOpenIDConnectProvider")
async def remove_client_id(service: IamService, call: Call, params: Params) -> Result:
    """Removing what is not there is no error (API reference)."""
    async with service.store.edit(call.account) as draft:
        provider = require_oidc(draft, call.account, params["OpenIDConnectProviderArn"])
        kept = tuple(each for each in provider.client_ids if each != params["ClientID"])
        draft.put(replace(provider, client_ids=kept))
    return {}


@operation("iam", "UpdateOpenIDConnectProviderThumbprint")
async def update_thumbprints(service: IamService, call: Call, params: Params) -> Result:
    thumbprints = tuple(params["ThumbprintList"])
    _check_thumbprints(service, thumbprints)
    async with service.store.edit(call.account) as draft:
        provider = require_oidc(draft, call.account, params["OpenIDConnectProviderArn"])
        draft.put(replace(provider, thumbprints=thumbprints))
    return {}


@operation("iam", "DeleteOpenIDConnectProvider")
async def delete_provider(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        draft.remove(require_oidc(draft, call.account, params["OpenIDConnectProviderArn"]))
    return {}


def _issuer(url: str) -> str:
    """The issuer as ARNs and condition keys name it: without scheme and last slash."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.username is None
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise ValidationError("Invalid Open ID Connect Provider URL")
    return f"{parts.netloc}{parts.path}".rstrip("/")


def _check_thumbprints(service: IamService, thumbprints: tuple[str, ...]) -> None:
    if len(thumbprints) > service.quotas.thumbprints_per_provider:
        raise InvalidInputException("Thumbprint list must contain fewer than 5 entries.")


def _check_client_ids(service: IamService, client_ids: tuple[str, ...]) -> None:
    limit = service.quotas.client_ids_per_provider
    if len(client_ids) > limit:
        raise quota_exceeded("ClientIdsPerOpenIdConnectProvider", limit)


OPERATIONS: tuple[Implementation, ...] = (
    create_provider,
    get_provider,
    list_providers,
    add_client_id,
    remove_client_id,
    update_thumbprints,
    delete_provider,
)
