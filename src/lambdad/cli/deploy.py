"""`lambdad deploy FILE_OR_FOLDER`: make a function of it, or bring the function up to date."""

from __future__ import annotations

import argparse
import base64
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lambdad.cli.client import Client, ServiceError, Target, find
from lambdad.cli.console import Console
from lambdad.cli.execution_role import basic_role
from lambdad.cli.place import add_data_dir, data_dir
from lambdad.cli.source import Guess, Source, guess, load, pack
from lambdad.core.errors import OperatorError
from lambdad.server.config import read_surroundings
from lambdad.server.packs import installed

_FUNCTIONS = "/2015-03-31/functions"
_PAUSE_S = 0.05
_PATIENCE_S = 120.0

Document = dict[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    """What, under which name, with which settings."""
    parser.add_argument("path", type=Path, metavar="FILE_OR_FOLDER")
    parser.add_argument("--name", help="the function's name (default: the file's or folder's)")
    parser.add_argument("--runtime", help="like python3.12, nodejs22.x, provided.al2023")
    parser.add_argument("--handler", help="like app.handler (default: looked for in the source)")
    parser.add_argument("--memory", type=int, metavar="MB", help="128 to 10240")
    parser.add_argument("--timeout", type=int, metavar="SECONDS", help="1 to 900")
    parser.add_argument("--role", metavar="ARN", help="the execution role")
    parser.add_argument(
        "--env", action="append", default=[], metavar="K=V", help="a variable; may be repeated"
    )
    add_data_dir(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Pack, create or update, wait until it can run, say how to run it."""
    surroundings = read_surroundings()
    target = find(arguments.data_dir, surroundings)
    source = load(arguments.path)
    settings = _settings(arguments)
    if arguments.handler and arguments.runtime:
        found = Guess("", arguments.handler)
    else:
        found = guess(source)
    deployment = Deployment(Client(target, "lambda"), arguments.name or source.name, console)
    existing = deployment.current()
    if arguments.runtime:
        settings["Runtime"] = arguments.runtime
    elif existing is None or not existing.get("Runtime", "").startswith(found.family):
        place = data_dir(arguments, surroundings)
        settings["Runtime"] = _newest(found.family, installed(place, surroundings))
    settings["Handler"] = arguments.handler or found.handler
    package = pack(source)
    console.note(_packed(source, package))
    if existing is None:
        if "Role" not in settings:
            settings["Role"] = _role(target, console)
        result = deployment.create(settings, package)
    else:
        result = deployment.update(existing, settings, package)
    if console.json_output:
        console.document(result)
    else:
        console.line(f"{deployment.name} is ready. Run it: lambdad invoke {deployment.name}")
    return 0


class Deployment:
    """One function on its way to the server."""

    def __init__(self, client: Client, name: str, console: Console) -> None:
        self.name = name
        self._client = client
        self._console = console
        self._path = f"{_FUNCTIONS}/{quote(name, safe='')}"

    def current(self) -> Document | None:
        """The function's configuration as it is, or None."""
        try:
            document: Document = self._client.rest("GET", f"{self._path}/configuration").document()
        except ServiceError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise
        return document

    def create(self, settings: Document, package: bytes) -> Document:
        """Make the function. Raises OperatorError."""
        code = {"ZipFile": base64.b64encode(package).decode()}
        body = {"FunctionName": self.name, "Code": code, **settings}
        self._client.rest("POST", _FUNCTIONS, body)
        self._console.note(f"Created {self.name} ({settings['Runtime']}, {settings['Handler']}).")
        return self._wait()

    def update(self, existing: Document, settings: Document, package: bytes) -> Document:
        """Replace the code, and those settings that were given. Raises OperatorError."""
        body = {"ZipFile": base64.b64encode(package).decode()}
        answer = self._client.rest("PUT", f"{self._path}/code", body).document()
        changed = answer["CodeSha256"] != existing["CodeSha256"]
        self._console.note(f"{'Updated' if changed else 'Unchanged:'} the code of {self.name}.")
        result = self._wait()
        new = {key: value for key, value in settings.items() if existing.get(key) != value}
        if new:
            self._client.rest("PUT", f"{self._path}/configuration", new)
            self._console.note(f"Updated {', '.join(sorted(new))}.")
            result = self._wait()
        return result

    def _wait(self) -> Document:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            now = self.current() or {}
            state, update = now.get("State"), now.get("LastUpdateStatus")
            if state == "Failed" or update == "Failed":
                reason = now.get("StateReason") or now.get("LastUpdateStatusReason")
                raise OperatorError(f"{self.name} cannot run: {reason}")
            if state != "Pending" and update != "InProgress":
                return now
            time.sleep(_PAUSE_S)
        raise OperatorError(f"{self.name} did not become ready within {_PATIENCE_S:.0f} s.")


def _settings(arguments: argparse.Namespace) -> Document:
    """What the options say of the configuration. Raises OperatorError."""
    settings: Document = {}
    if arguments.memory is not None:
        settings["MemorySize"] = arguments.memory
    if arguments.timeout is not None:
        settings["Timeout"] = arguments.timeout
    if arguments.role is not None:
        settings["Role"] = arguments.role
    if arguments.env:
        variables: dict[str, str] = {}
        for pair in arguments.env:
            name, equals, value = pair.partition("=")
            if not equals or not name:
                raise OperatorError(f"--env {pair} is not of the form NAME=VALUE.")
            variables[name] = value
        settings["Environment"] = {"Variables": variables}
    return settings


def _newest(family: str, runtimes: list[str]) -> str:
    """The newest runtime of a family that this machine can run. Raises OperatorError."""
    if family == "provided":
        return "provided.al2023"
    fitting = [runtime for runtime in runtimes if runtime.startswith(family)]
    if not fitting:
        raise OperatorError(
            f"No {family} runtime is installed here. See: lambdad runtimes. Or say which one is "
            "meant with --runtime."
        )
    return fitting[-1]


def _role(target: Target, console: Console) -> str:
    """The role that may write logs. Raises ServiceError, OperatorError."""
    arn, made = basic_role(target)
    verb = "Created" if made else "Using"
    console.note(f"{verb} the execution role {arn} (choose another one with --role).")
    return arn


def _packed(source: Source, package: bytes) -> str:
    count = len(source.files)
    if not count:
        return f"Taking {source.path} as it is ({len(package):,} bytes)."
    return f"Packed {count} file{'s' if count != 1 else ''} ({len(package):,} bytes)."
