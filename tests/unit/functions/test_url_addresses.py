"""Which function URL an address means, and which address a caller is given."""

from __future__ import annotations

import pytest

from lambdad.core.ids import Region
from lambdad.functions.url_addresses import UrlAddress, address_of, domain_of, url_of

ID = "a1" * 16
US = Region("us-east-1")
BY_PATH = f"/_lambdad/url/{ID}"


@pytest.mark.parametrize(
    ("host", "path", "address"),
    [
        (f"{ID}.lambda-url.us-east-1.localhost:4566", "/a%2Fb", UrlAddress(ID, US, "/a%2Fb")),
        (f"{ID}.lambda-url.us-east-1.on.aws", "/", UrlAddress(ID, US, "/")),
        (f"{ID.upper()}.Lambda-URL.us-east-1.LOCALHOST", "/", UrlAddress(ID, US, "/")),
        (f"{ID}.lambda-url.us-east-1.localhost", f"{BY_PATH}/", UrlAddress(ID, US, f"{BY_PATH}/")),
        ("[::1]:4566", f"{BY_PATH}/a//b/../c", UrlAddress(ID, None, "/a//b/../c", BY_PATH)),
        ("127.0.0.1:4566", BY_PATH, UrlAddress(ID, None, "/", BY_PATH)),
    ],
)  # fmt: skip
def test_an_address_of_a_url(host: str, path: str, address: UrlAddress) -> None:
    assert address_of(host, path) == address


@pytest.mark.parametrize(
    ("host", "path"),
    [
        (f"{ID}.lambda-url.us-east-1", "/"),
        (f"{ID}.lambda-url.", "/"),
        (f"x.{ID}.lambda-url.us-east-1.localhost", "/"),
        (f"{ID}.lambda-url.us-east-1.localhost:4566@evil", "/"),
        (f"{ID}.lambda-url.us_east.localhost", "/"),
        ("localhost", "/_lambdad/url/"),
        ("localhost", "/_lambdad/url/../health"),
        ("localhost", "/_lambdad/url/A%2F/"),
        ("localhost", f"/_lambdad/url/{ID}%2F..%2F"),
    ],
)
def test_what_looks_like_an_address_is_nobodys_and_never_the_apis(host: str, path: str) -> None:
    address = address_of(host, path)
    assert address is not None
    assert address.url_id == ""


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("localhost:4566", "/2015-03-31/functions/"),
        ("localhost:4566", "/_lambdad/health"),
        ("localhost:4566", f"/_lambdad/urls/{ID}"),
        ("localhost:4566", f"//_lambdad/url/{ID}/"),
        ("lambda-url.us-east-1.localhost", "/"),
        ("my-lambda-url.s3.us-east-1.localhost", "/"),
        ("", "/"),
    ],
)
def test_everything_else_is_no_address(host: str, path: str) -> None:
    assert address_of(host, path) is None


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://127.0.0.1:4566", f"http://{ID}.lambda-url.us-east-1.localhost:4566/"),
        ("https://localhost:4566", f"https://{ID}.lambda-url.us-east-1.localhost:4566/"),
        ("http://lambda.us-east-1.localhost", f"http://{ID}.lambda-url.us-east-1.localhost/"),
        ("http://[::1]:4566", f"http://{ID}.lambda-url.us-east-1.localhost:4566/"),
        ("http://192.0.2.7:4566", f"http://192.0.2.7:4566/_lambdad/url/{ID}/"),
        ("https://lambdad.example.com", f"https://lambdad.example.com/_lambdad/url/{ID}/"),
    ],
)
def test_a_caller_gets_a_url_that_leads_from_where_it_is(endpoint: str, url: str) -> None:
    assert url_of(ID, US, endpoint) == url


def test_the_domain_that_a_function_sees() -> None:
    name = f"{ID}.lambda-url.us-east-1.localhost"
    assert domain_of(f"{name}:4566", ID, US, by_host=True) == name
    assert domain_of("10.0.0.1:4566", ID, US, by_host=False) == f"{ID}.lambda-url.us-east-1.on.aws"
