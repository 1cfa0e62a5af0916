"""Which App answers: the one of a function URL, by host or path, or the AWS API for everything
else. No request reaches both, so a page of a function is never on the API's origin.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from lambdad.functions.url_addresses import address_of
from lambdad.gateway.app import App
from lambdad.gateway.function_urls.endpoint import FunctionUrls
from lambdad.wire.http import Request, Response


class Front:
    """The App that is given to the HttpServer."""

    def __init__(self, api: App) -> None:
        self.function_urls: FunctionUrls | None = None
        """Set before the server listens: they need what is made after it."""
        self._api = api

    def handle(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Hand it on; no frame of its own stands on the path of an invoke."""
        address = address_of(request.headers.get("host", ""), request.path)
        if address is None or self.function_urls is None:
            return self._api.handle(request)
        return self.function_urls.handle(request, address)

    def refuse(self, request: Request | None, status: int, message: str) -> Response:
        """The answer to a request that HTTP or a limit rules out."""
        if request is None or self.function_urls is None:
            return self._api.refuse(request, status, message)
        if address_of(request.headers.get("host", ""), request.path) is None:
            return self._api.refuse(request, status, message)
        return self.function_urls.refuse(status, message)
