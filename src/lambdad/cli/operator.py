"""Talking to the operator's pages of a running server (`gateway/operator.py`)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from lambdad.cli.client import Client, ServiceError, find
from lambdad.gateway.own_api import PREFIX, SIGNING_NAME
from lambdad.server.config import read_surroundings


def ask(arguments: argparse.Namespace, page: str, question: Mapping[str, Any]) -> Any:
    """The answer of a page of the server that is meant. Raises ServiceError, OperatorError."""
    target = find(arguments.data_dir, read_surroundings())
    body = json.dumps(question).encode()
    headers = {"content-type": "application/json"}
    answer = Client(target, SIGNING_NAME).send("POST", f"{PREFIX}{page}", body, headers)
    if answer.status < 400:
        return answer.document()
    try:
        refused = answer.document()
    except ValueError:
        refused = {}
    code, text = refused.get("code", str(answer.status)), refused.get("message")
    raise ServiceError(answer.status, code, text or "the server does not have this page")
