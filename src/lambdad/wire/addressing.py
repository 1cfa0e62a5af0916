"""What a request says about whom it is for, apart from its path: credential scope and host."""

from __future__ import annotations

from urllib.parse import unquote

from lambdad.wire.http import Request

_PRESIGNED = "X-Amz-Credential="


def signing_name(request: Request) -> str | None:
    """The service in the credential scope; None if the request is not signed with SigV4.

    The scope ends `/<service>/aws4_request`, with a region before it in all but SigV4A. Nothing
    is verified here.
    """
    authorization = request.headers.get("authorization")
    if authorization is not None:
        start = authorization.find("Credential=")
        if start < 0:
            return None
        scope = authorization[start:].partition(",")[0]
    elif _PRESIGNED in request.query:
        scope = unquote(request.query.partition(_PRESIGNED)[2].partition("&")[0])
    else:
        return None
    parts = scope.rsplit("/", 2)
    return parts[1] if len(parts) == 3 else None


def bucket_of_host(request: Request) -> str | None:
    """The bucket in a virtual-host S3 address: `<bucket>.s3.<region>.localhost:4566`,
    `<bucket>.s3-<region>.amazonaws.com`. A bucket's name may have dots itself."""
    host = request.headers.get("host", "").lower()
    cut = max(host.rfind(".s3."), host.rfind(".s3-"))
    return host[:cut] if cut > 0 else None


def first_label(request: Request) -> str:
    """The first label of the host: `lambda` of `lambda.us-east-1.amazonaws.com`."""
    return request.headers.get("host", "").partition(":")[0].partition(".")[0].lower()
