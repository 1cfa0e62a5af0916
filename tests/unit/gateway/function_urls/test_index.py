"""Which function answers at a URL, as the catalog changes."""

from __future__ import annotations

from pathlib import Path

from lambdad.core.ids import Region
from lambdad.functions.attachments import FunctionUrl
from lambdad.functions.snapshot import Catalog
from lambdad.functions.url_addresses import UrlAddress
from lambdad.gateway.function_urls.index import UrlIndex
from support.functions import make_function, make_version

US, EU = Region("us-east-1"), Region("eu-west-1")


def url(url_id: str) -> FunctionUrl:
    return FunctionUrl(url_id, "NONE", "BUFFERED", None, 0, 0)


def at(url_id: str, region: Region | None = US) -> UrlAddress:
    return UrlAddress(url_id, region, "/")


def test_urls_come_and_go_with_their_configurations() -> None:
    version = make_version(Path("/code"), name="f")
    catalog = Catalog()
    catalog.publish(make_function(version, urls={"": url("a"), "live": url("b")}))
    index = UrlIndex(catalog)
    whole, alias = index.find(at("a")), index.find(at("b"))
    assert whole is not None
    assert alias is not None
    assert (whole.qualifier, whole.arn) == ("", version.arn)
    assert (alias.qualifier, alias.arn) == ("live", f"{version.arn}:live")
    catalog.publish(make_function(version, urls={"live": url("b")}))
    assert index.find(at("a")) is None
    assert index.find(at("b")) is not None
    catalog.publish(make_function(make_version(Path("/code"), name="g"), urls={"": url("c")}))
    catalog.remove(version.account, version.region, "f")
    assert index.find(at("b")) is None
    assert index.find(at("c")) is not None


def test_a_url_is_of_one_region() -> None:
    catalog = Catalog()
    index = UrlIndex(catalog)
    catalog.publish(make_function(make_version(Path("/code")), urls={"": url("a")}))
    assert index.find(at("a", EU)) is None
    assert index.find(at("a", None)) is not None
    assert index.find(at("", None)) is None


def test_a_change_of_the_function_is_seen_at_once() -> None:
    version = make_version(Path("/code"))
    catalog = Catalog()
    catalog.publish(make_function(version, urls={"": url("a")}))
    index = UrlIndex(catalog)
    changed = make_function(version, urls={"": url("a")}, reserved_concurrency=1)
    catalog.publish(changed)
    found = index.find(at("a"))
    assert found is not None
    assert found.function is changed
