"""`lambdad env`: the exports that point AWS tools at the server, for `eval`."""

from __future__ import annotations

import argparse
import shlex

from lambdad.cli.client import find
from lambdad.cli.console import Console
from lambdad.cli.place import add_data_dir, data_dir
from lambdad.server.config import read_surroundings
from lambdad.server.tls import TlsFiles

_UNSET = ("AWS_SESSION_TOKEN", "AWS_PROFILE")
"""Would win over, or be sent beside, what is exported."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Which server."""
    add_data_dir(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print `export` lines, or the same as JSON."""
    surroundings = read_surroundings()
    target = find(arguments.data_dir, surroundings, only_local=True)
    variables = {
        "AWS_ENDPOINT_URL": target.endpoint,
        "AWS_REGION": target.region,
        "AWS_DEFAULT_REGION": target.region,
        "AWS_ACCESS_KEY_ID": target.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": target.credentials.secret_access_key,
    }
    authority = TlsFiles(data_dir(arguments, surroundings) / "tls").ca
    if target.endpoint.startswith("https:") and authority.exists():
        variables["AWS_CA_BUNDLE"] = str(authority)
    if console.json_output:
        console.document(variables)
        return 0
    for name, value in variables.items():
        console.line(f"export {name}={shlex.quote(value)}")
    console.line(f"unset {' '.join(_UNSET)}")
    return 0
