"""Calls in the query protocol (IAM, STS): a form in, XML out. As little of it as commands need."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode
from xml.etree import ElementTree

from lambdad.cli.client import Client, ServiceError

_VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15"}


def query(client: Client, action: str, parameters: Mapping[str, str]) -> str:
    """The XML that answers `action` of the client's service. Raises ServiceError, OperatorError."""
    form = {"Action": action, "Version": _VERSIONS[client.service], **parameters}
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    answer = client.send("POST", "/", urlencode(form).encode(), headers)
    text = answer.body.decode()
    if answer.status >= 400:
        raise ServiceError(answer.status, element(text, "Code"), element(text, "Message"))
    return text


def element(document: str, name: str) -> str:
    """The text of the first element of that name, whatever its namespace; empty without one."""
    found = ElementTree.fromstring(document).find(f".//{{*}}{name}")  # noqa: S314 - our server's
    return (found.text or "") if found is not None else ""
