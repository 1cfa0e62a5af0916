"""iam/issuer_keys.py: registered keys, keys of a real HTTPS server, and its misbehaviour."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdad.core.clock import ManualClock
from lambdad.iam.issuer_keys import IssuerKeys, KeysUnavailable, fetch_https
from lambdad.iam.records import OidcProvider
from lambdad.iam.web_tokens import WebToken, read_key_set, read_token
from support.issuer import Issuer, key_set, rsa_jwk, running_issuer, token

TOKEN = read_token(token({}))
NOWHERE = Path("/nonexistent")
UNKNOWN = read_token(token({}, header={"kid": "new"}))


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with running_issuer(tmp_path_factory.mktemp("issuer")) as running:
        yield running


def provider(issuer: Issuer, *thumbprints: str) -> OidcProvider:
    return OidcProvider(url=issuer.url, created_ms=0, thumbprints=thumbprints)


def test_keys_of_an_issuer_whose_certificate_is_registered(issuer: Issuer) -> None:
    async def scenario() -> None:
        keys = IssuerKeys(ManualClock(), NOWHERE)
        pinned = provider(issuer, "b" * 40, issuer.thumbprint.upper())
        assert await keys.keys_for(pinned, TOKEN) == read_key_set(key_set())

    asyncio.run(scenario())


@pytest.mark.parametrize("thumbprints", [(), ("b" * 40,)])
def test_an_issuer_that_nobody_vouches_for_is_not_believed(
    issuer: Issuer, thumbprints: tuple[str, ...]
) -> None:
    issuer.asked.clear()
    with pytest.raises(KeysUnavailable):
        asyncio.run(
            IssuerKeys(ManualClock(), NOWHERE).keys_for(provider(issuer, *thumbprints), TOKEN)
        )
    assert issuer.asked == []  # it was not even asked


def test_registered_keys_are_used_alone(tmp_path: Path) -> None:
    async def never(url: str, thumbprints: tuple[str, ...]) -> bytes:
        raise AssertionError(url)

    keys = IssuerKeys(ManualClock(), tmp_path, never)
    path = tmp_path / "id.example%3A8443%2Fa.json"
    known = OidcProvider(url="id.example:8443/a", created_ms=0)
    path.write_text(key_set(rsa_jwk()))
    assert asyncio.run(keys.keys_for(known, UNKNOWN)) == read_key_set(key_set(rsa_jwk()))
    path.write_text("no keys")
    with pytest.raises(KeysUnavailable, match="is no JSON Web Key Set"):
        asyncio.run(keys.keys_for(known, TOKEN))
    path.unlink()
    path.mkdir()
    with pytest.raises(KeysUnavailable, match="directory"):
        asyncio.run(keys.keys_for(known, TOKEN))
    for url in ("../../etc/passwd", "x" * 300):
        with pytest.raises(AssertionError):  # nothing is registered: it would be asked
            asyncio.run(keys.keys_for(OidcProvider(url=url, created_ms=0), TOKEN))


def test_an_issuer_is_asked_seldom_whatever_it_answers() -> None:
    asked: list[str] = []
    answers = {
        "https://id.example/.well-known/openid-configuration": (
            b'{"jwks_uri": "https://id.example/keys"}'
        ),
        "https://id.example/keys": key_set().encode(),
    }

    async def fetch(url: str, thumbprints: tuple[str, ...]) -> bytes:
        asked.append(url)
        await asyncio.sleep(0)
        if url not in answers:
            raise KeysUnavailable("down")
        return answers[url]

    async def scenario() -> None:
        clock = ManualClock()
        keys = IssuerKeys(clock, NOWHERE, fetch)
        known = OidcProvider(url="id.example", created_ms=0)

        async def ask(which: WebToken, seconds: float) -> int:
            clock.advance(seconds)
            before = len(asked)
            await asyncio.gather(*(keys.keys_for(known, which) for _ in range(3)))
            return len(asked) - before

        assert await ask(TOKEN, 0) in (2, 4, 6)  # the first ones may ask at once
        assert await ask(TOKEN, 3000) == 0
        assert await ask(UNKNOWN, 0) > 0  # a new key: perhaps the issuer has one more
        assert await ask(UNKNOWN, 29) == 0
        assert await ask(TOKEN, 3600) > 0
        answers.clear()
        for seconds, times in ((3600, 1), (0, 0), (29, 0), (2, 1)):
            clock.advance(seconds)
            before = len(asked)
            with pytest.raises(KeysUnavailable, match="down"):
                await keys.keys_for(known, TOKEN)
            assert len(asked) - before == times

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "discovery",
    [
        (200, b"nothing"),
        (200, b"[]"),
        (200, b'{"jwks_uri": 5}'),
        (200, b'{"jwks_uri": "http://127.0.0.1/keys"}'),
        (200, b'{"jwks_uri": "file:///etc/passwd"}'),
        (200, b"{" * 300_000),
        (301, b""),
        (500, b"{}"),
    ],
)
def test_an_issuer_that_misbehaves(tmp_path: Path, discovery: tuple[int, bytes]) -> None:
    with running_issuer(tmp_path) as issuer:
        issuer.pages["/.well-known/openid-configuration"] = discovery
        with pytest.raises(KeysUnavailable):
            asyncio.run(
                IssuerKeys(ManualClock(), NOWHERE).keys_for(
                    provider(issuer, issuer.thumbprint), TOKEN
                )
            )
        assert "/keys" not in issuer.asked  # no redirect was followed


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "https://",
        "https://127.0.0.1:99999/",
        "https://127.0.0.1:1/",
        "ftp://x",
    ],
)
def test_urls_that_are_not_asked(url: str) -> None:
    with pytest.raises(KeysUnavailable):
        asyncio.run(fetch_https(url, ()))


def test_a_url_cannot_smuggle_a_header(issuer: Issuer) -> None:
    issuer.asked.clear()
    url = f"https://{issuer.url}/keys?a b\r\nX-Evil: 1"
    with pytest.raises(KeysUnavailable):
        asyncio.run(fetch_https(url, (issuer.thumbprint,)))
    assert issuer.asked == ["/keys?a%20bX-Evil:%201"]
