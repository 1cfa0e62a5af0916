"""The keys of OpenID Connect issuers: registered here, or fetched from the issuer.

Owns where keys come from and how long they are believed. A key set that the operator has put into
the folder of registered keys, as `<issuer>.json` (the issuer's URL without `https://`, characters
other than letters, digits and `_.-~` percent-encoded), is used alone, and nothing is fetched: so
tokens are checked without a network, and for issuers that nobody can reach. Otherwise the issuer
is asked over HTTPS, as AWS does: its discovery document names its key set. The server must either
be trusted by this machine's certificate authorities, or show a certificate whose SHA-1 thumbprint
is registered with the provider. AWS takes the thumbprint of the authority's certificate; here it
is the server's own.

Fetching is a request that a client can cause: it is HTTPS and GET only, follows no redirect, is
bounded in time and size, and nothing of the answer but keys reaches anyone.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import hmac
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

import httptools

from lambdad.core.clock import Clock
from lambdad.core.value import Value
from lambdad.iam.records import OidcProvider
from lambdad.iam.web_tokens import JsonWebKey, WebToken, has_key_for, read_key_set

_TIMEOUT_S = 10.0
_MAX_BYTES = 256 * 1024
_AT_ONCE = 4
_BELIEVED_S = 3600
_ASK_AGAIN_S = 30
_MAX_ISSUERS = 1000


class KeysUnavailable(Exception):
    """The issuer's keys could not be had; the text says why, for the operator."""


class Fetch(Protocol):
    """GET of an HTTPS URL."""

    async def __call__(self, url: str, thumbprints: tuple[str, ...]) -> bytes:
        """The body. Raises KeysUnavailable."""
        ...


class _Known(Value):
    keys: tuple[JsonWebKey, ...]
    at_s: float
    problem: str | None = None
    """Why there are none."""


class IssuerKeys:
    """Finds the keys that a provider's tokens are signed with."""

    def __init__(self, clock: Clock, registered: Path, fetch: Fetch | None = None) -> None:
        self._clock = clock
        self._registered = registered
        self._fetch: Fetch = fetch or fetch_https
        self._known: dict[tuple[str, tuple[str, ...]], _Known] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def keys_for(self, provider: OidcProvider, token: WebToken) -> tuple[JsonWebKey, ...]:
        """The provider's keys, asked for anew where the token's is not among those known.

        Anyone can send tokens, so an issuer is asked no oftener than every half minute, whatever
        it answers. Raises KeysUnavailable."""
        registered = self._read_registered(provider)
        if registered is not None:
            return registered
        known = self._fresh(provider, token)
        if known is None:
            async with self._slots:
                known = self._fresh(provider, token) or await self._ask(provider)
        if known.problem is not None:
            raise KeysUnavailable(known.problem)
        return known.keys

    def _read_registered(self, provider: OidcProvider) -> tuple[JsonWebKey, ...] | None:
        path = self._registered / f"{quote(provider.url, safe='')}.json"
        try:
            return read_key_set(path.read_bytes())
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
                return None
            raise KeysUnavailable(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise KeysUnavailable(f"{path} is no JSON Web Key Set: {error}") from error

    def _fresh(self, provider: OidcProvider, token: WebToken) -> _Known | None:
        known = self._known.get((provider.url, provider.thumbprints))
        if known is None:
            return None
        age_s = self._clock.monotonic_ns() / 1e9 - known.at_s
        believed = age_s < _BELIEVED_S and has_key_for(token, known.keys)
        return known if believed or age_s < _ASK_AGAIN_S else None

    async def _ask(self, provider: OidcProvider) -> _Known:
        discovery = f"https://{provider.url}/.well-known/openid-configuration"
        keys: tuple[JsonWebKey, ...] = ()
        problem = None
        try:
            found = json.loads(await self._fetch(discovery, provider.thumbprints))
            place = found["jwks_uri"]
            if not isinstance(place, str):
                raise ValueError("jwks_uri is no text")
            keys = read_key_set(await self._fetch(place, provider.thumbprints))
        except KeysUnavailable as error:
            problem = str(error)
        except (ValueError, KeyError, TypeError, RecursionError):
            problem = f"{provider.url} does not answer as an issuer does"
        if len(self._known) >= _MAX_ISSUERS:
            self._known.clear()
        known = _Known(keys, self._clock.monotonic_ns() / 1e9, problem)
        self._known[provider.url, provider.thumbprints] = known
        return known


async def fetch_https(url: str, thumbprints: tuple[str, ...]) -> bytes:
    """GET over HTTPS from a server that is trusted, or that shows a registered certificate.

    Raises KeysUnavailable."""

    def is_pinned(certificate: bytes) -> bool:
        shown = hashlib.sha1(certificate, usedforsecurity=False).hexdigest()
        return any(hmac.compare_digest(shown, each.lower()) for each in thumbprints)

    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    try:
        try:
            return await _get(url, ssl.create_default_context(), lambda certificate: True)
        except ssl.SSLCertVerificationError:
            if not thumbprints:
                raise
            return await _get(url, unverified, is_pinned)
    except (OSError, ValueError, TypeError, httptools.HttpParserError) as error:
        raise KeysUnavailable(f"{url}: {error!r}") from error


async def _get(url: str, context: ssl.SSLContext, accept: Callable[[bytes], bool]) -> bytes:
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        raise KeysUnavailable(f"{url} is not an https URL")
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (
        f"?{quote(parts.query, safe='/%:@!$&()*+,;=~?')}" if parts.query else ""
    )
    async with asyncio.timeout(_TIMEOUT_S):
        reader, writer = await asyncio.open_connection(
            parts.hostname, parts.port or 443, ssl=context
        )
        try:
            certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            if not accept(certificate or b""):
                raise KeysUnavailable(f"{url}: none of the registered thumbprints is its own")
            writer.write(
                f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
                "Accept: application/json\r\nConnection: close\r\n\r\n".encode("ascii")
            )
            answer = _Answer()
            while not answer.complete:
                data = await reader.read(65536)
                if not data:
                    break
                answer.feed(data)
            return answer.content(url)
        finally:
            writer.close()


class _Answer:
    """An HTTP response being read; the parser calls back."""

    def __init__(self) -> None:
        self.complete = False
        self._received = 0
        self._body = bytearray()
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES} bytes")
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.complete = True

    def content(self, url: str) -> bytes:
        """The body of a whole answer. Raises KeysUnavailable."""
        if not self._received or self._parser.get_status_code() != 200:
            raise KeysUnavailable(f"{url} did not answer with 200 OK")
        return bytes(self._body)
