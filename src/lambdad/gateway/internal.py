"""What the server serves beside AWS's APIs, under /_lambdad/: health and code downloads."""

from __future__ import annotations

from lambdad.gateway.code import CodeLinks
from lambdad.wire.http import Request, Response

PREFIX = "/_lambdad/"
_JSON = ("Content-Type", "application/json")


class InternalPages:
    """Serves paths that begin with PREFIX. Neither page tells a stranger anything."""

    def __init__(self, code: CodeLinks) -> None:
        self._code = code

    def serve(self, request: Request) -> Response:
        """The page, or 404."""
        if request.method not in ("GET", "HEAD"):
            return Response(405, [_JSON, ("Allow", "GET, HEAD")], b'{"message":"Only GET."}')
        page = request.path.removeprefix(PREFIX)
        if page == "health":
            return Response(200, [_JSON], b'{"status":"ready"}')
        if page.startswith("code/"):
            return self._code.serve(page.removeprefix("code/"), request.query)
        return Response(404, [_JSON], b'{"message":"No such page."}')
