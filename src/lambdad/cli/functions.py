"""`lambdad functions`: the functions there are."""

from __future__ import annotations

import argparse
from typing import Any

from lambdad.cli.client import Client, find
from lambdad.cli.console import Console
from lambdad.cli.place import add_data_dir
from lambdad.server.config import read_surroundings


def configure(parser: argparse.ArgumentParser) -> None:
    """Whose."""
    add_data_dir(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print a table, or ListFunctions' answer as JSON."""
    functions = _list(Client(find(arguments.data_dir, read_surroundings()), "lambda"))
    if console.json_output:
        console.document({"Functions": functions})
    elif not functions:
        console.note("No functions yet. Make one: lambdad deploy FILE_OR_FOLDER")
    else:
        console.table(("NAME", "RUNTIME", "HANDLER", "MEMORY", "TIMEOUT", "MODIFIED"),
                      [_row(function) for function in functions])  # fmt: skip
    return 0


def _list(client: Client) -> list[dict[str, Any]]:
    functions: list[dict[str, Any]] = []
    query: dict[str, str] = {}
    while True:
        page = client.rest("GET", "/2015-03-31/functions/", query=query).document()
        functions += page["Functions"]
        if not page.get("NextMarker"):
            return functions
        query = {"Marker": page["NextMarker"]}


def _row(function: dict[str, Any]) -> tuple[str, ...]:
    return (
        function["FunctionName"],
        function.get("Runtime", "-"),
        function.get("Handler", "-"),
        f"{function['MemorySize']} MB",
        f"{function['Timeout']} s",
        function["LastModified"][:19],
    )
