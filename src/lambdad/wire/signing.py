"""Making Signature Version 4 signatures: for our own CLI and for presigned URLs.

Pure: the time is given. The counterpart of `wire/sigv4.py`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

from lambdad.core.value import Value
from lambdad.wire import canonical
from lambdad.wire.http import Request
from lambdad.wire.sigv4 import UNSIGNED_PAYLOAD, stamp


class SigningCredentials(Value):
    """A key pair, and the session token that temporary ones come with."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"SigningCredentials({self.access_key_id})"


class Signer(Value):
    """Signs for one service in one region."""

    credentials: SigningCredentials
    region: str
    service: str

    def sign(self, request: Request, now_s: float) -> dict[str, str]:
        """The headers to add to `request`, which has its Host header already.

        Every header present is signed."""
        timestamp = stamp(now_s)
        added = {"x-amz-date": timestamp}
        if self.credentials.session_token is not None:
            added["x-amz-security-token"] = self.credentials.session_token
        if self.service == "s3":
            added["x-amz-content-sha256"] = hashlib.sha256(request.body).hexdigest()
        headers = {**request.headers, **added}
        names = ";".join(sorted(headers))
        payload = hashlib.sha256(request.body).hexdigest()
        value = self._signature(request, headers, names, payload, timestamp)
        added["authorization"] = (
            f"{canonical.ALGORITHM} Credential={self.credentials.access_key_id}/"
            f"{self._scope(timestamp)}, SignedHeaders={names}, Signature={value}"
        )
        return added

    def presign(self, request: Request, now_s: float, expires_s: int) -> str:
        """The query string that makes `request` good for `expires_s` seconds from now.

        Only its Host header is signed; the body is, too, except for S3."""
        timestamp = stamp(now_s)
        parameters = {
            "X-Amz-Algorithm": canonical.ALGORITHM,
            "X-Amz-Credential": f"{self.credentials.access_key_id}/{self._scope(timestamp)}",
            "X-Amz-Date": timestamp,
            "X-Amz-Expires": str(expires_s),
            "X-Amz-SignedHeaders": "host",
        }
        if self.credentials.session_token is not None:
            parameters["X-Amz-Security-Token"] = self.credentials.session_token
        own = "&".join(f"{name}={quote(value, safe='~')}" for name, value in parameters.items())
        query = f"{request.query}&{own}" if request.query else own
        to_sign = Request(request.method, request.path, query, request.headers, request.body)
        payload = hashlib.sha256(request.body).hexdigest()
        if self.service == "s3":
            payload = UNSIGNED_PAYLOAD
        value = self._signature(to_sign, request.headers, "host", payload, timestamp)
        return f"{query}&X-Amz-Signature={value}"

    def _scope(self, timestamp: str) -> str:
        return f"{timestamp[:8]}/{self.region}/{self.service}/aws4_request"

    def _signature(
        self,
        request: Request,
        headers: Mapping[str, str],
        names: str,
        payload: str,
        timestamp: str,
    ) -> str:
        text = canonical.canonical_request(
            request.method,
            canonical.canonical_path(request.path, self.service),
            canonical.canonical_query(request.query),
            canonical.canonical_headers(headers, names),
            names,
            payload,
        )
        secret = self.credentials.secret_access_key
        key = canonical.signing_key(secret, timestamp[:8], self.region, self.service)
        to_sign = canonical.string_to_sign(text, timestamp, self._scope(timestamp))
        return hmac.digest(key, to_sign, "sha256").hex()
