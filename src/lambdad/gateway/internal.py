"""What the server serves beside AWS's APIs, under /_lambdad/: health, code downloads, and pages for
the operator's commands."""

from __future__ import annotations

from lambdad.gateway.code import CodeLinks
from lambdad.gateway.operator import OperatorPages
from lambdad.gateway.own_api import PREFIX
from lambdad.wire.http import Request, Response

_JSON = ("Content-Type", "application/json")


class InternalPages:
    """Serves paths that begin with PREFIX. No page tells a stranger anything."""

    def __init__(self, code: CodeLinks, operator: OperatorPages | None = None) -> None:
        self._code = code
        self._operator = operator

    async def serve(self, request: Request) -> Response:
        """The page, or 404."""
        page = request.path.removeprefix(PREFIX)
        if self._operator is not None and request.method == "POST" and page in self._operator:
            return await self._operator.serve(page, request)
        if request.method not in ("GET", "HEAD"):
            return Response(405, [_JSON, ("Allow", "GET, HEAD")], b'{"message":"Only GET."}')
        if page == "health":
            return Response(200, [_JSON], b'{"status":"ready"}')
        if page.startswith("code/"):
            return self._code.serve(page.removeprefix("code/"), request.query)
        return Response(404, [_JSON], b'{"message":"No such page."}')
