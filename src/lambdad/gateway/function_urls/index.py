"""Which function a URL id belongs to: the catalog, seen from its URLs.

Owns the look-up and nothing else; follows the catalog, so an id survives a restart and ends with
its configuration. The region of a URL is part of its name: in another region it is unknown.
"""

from __future__ import annotations

from lambdad.core.arn import function_arn
from lambdad.core.ids import Region
from lambdad.core.value import Value
from lambdad.functions.attachments import FunctionUrl
from lambdad.functions.snapshot import Catalog, Function, Key
from lambdad.functions.url_addresses import UrlAddress
from lambdad.gateway.function_urls.cors import CorsRules, rules_of


class Endpoint(Value):
    """A URL and the function behind it, as they are now."""

    url: FunctionUrl
    function: Function
    qualifier: str
    """The alias, or empty for `$LATEST`. It may be gone."""
    arn: str
    """Of the function, with the alias: what policies name and the function sees as invoked."""
    cors: CorsRules | None

    @property
    def region(self) -> Region:
        return self.function.region


class UrlIndex:
    """Every URL of every function. For one event loop."""

    def __init__(self, catalog: Catalog) -> None:
        self._endpoints: dict[str, Endpoint] = {}
        self._ids: dict[Key, tuple[str, ...]] = {}
        for function in catalog:
            self._follow((function.account, function.region, function.name), function)
        catalog.subscribe(self._follow)

    def find(self, address: UrlAddress) -> Endpoint | None:
        """What answers at an address; None if nothing does."""
        endpoint = self._endpoints.get(address.url_id)
        if endpoint is None or address.region not in (None, endpoint.region):
            return None
        return endpoint

    def _follow(self, key: Key, function: Function | None) -> None:
        for url_id in self._ids.pop(key, ()):
            del self._endpoints[url_id]
        if function is None or not function.urls:
            return
        for qualifier, url in function.urls.items():
            arn = function_arn(key[1], key[0], key[2], qualifier or None)
            rules = rules_of(url.cors)
            self._endpoints[url.url_id] = Endpoint(url, function, qualifier, arn, rules)
        self._ids[key] = tuple(url.url_id for url in function.urls.values())
