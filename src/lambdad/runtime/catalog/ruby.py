"""Ruby packs: a Ruby of exactly the wanted minor version, with AWS's official runtime client.

Owns: where Rubies are looked for. The client is a gem, installed by the `gem` of that Ruby into the
pack's folder, which becomes /var/runtime: GEM_HOME, as on AWS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.runtime.catalog.packs import MissingPack, install_command, is_program
from lambdad.runtime.catalog.registries import Registries
from lambdad.sandbox.driver import Mount, RuntimePack

CLIENT_GEM = "aws_lambda_ric"
CLIENT_VERSION = "~> 3.0"
_START = 'exec "$0" "$1" "$_HANDLER"'


class RubyFamily:
    """Finds Rubies and puts packs together. `packs_dir` holds installed clients."""

    def __init__(self, packs_dir: Path, home: Path) -> None:
        self._packs_dir = packs_dir
        self._home = home

    def find(self, runtime: str) -> RuntimePack | MissingPack:
        number = runtime.removeprefix("ruby")
        program = self._program(number)
        if program is None:
            reason = f"no Ruby {number} was found (rbenv, /opt/rubies, /usr, /usr/local)."
            return MissingPack(runtime, reason, _interpreter_command(number))
        client = self._client(runtime)
        if client is None:
            reason = f"Ruby {number} is here, its runtime client is not."
            return MissingPack(runtime, reason, install_command(runtime))
        return self._pack(runtime, program, client)

    def fetch(self, runtime: str, folder: Path, registries: Registries) -> None:
        number = runtime.removeprefix("ruby")
        program = self._program(number)
        if program is None:
            first = _interpreter_command(number)
            raise OperatorError(f"{runtime} needs a Ruby {number} first. Run: {first}")
        gem = program.with_name(program.name.replace("ruby", "gem"))
        registries.gem(gem, folder, CLIENT_GEM, "--version", CLIENT_VERSION)

    def _pack(self, runtime: str, program: Path, client: Path) -> RuntimePack:
        installed = self._packs_dir / runtime
        mounts = [Mount(installed, "/var/runtime")]
        inside = program
        if not program.is_relative_to("/usr"):
            mounts.append(Mount(program.parents[1], "/var/lang"))
            inside = Path("/var/lang/bin") / program.name
        seen = Path("/var/runtime") / client.relative_to(installed)
        shell = ("/bin/sh", "-c", _START)
        return RuntimePack(
            runtime=runtime,
            family="ruby",
            argv=(*shell, str(inside), str(seen)),
            mounts=tuple(mounts),
            host_argv=(*shell, str(program), str(client)),
            host_variables={"GEM_HOME": str(installed)},
        )

    def _client(self, runtime: str) -> Path | None:
        """The client's program, of the newest version that is installed."""
        found = (self._packs_dir / runtime / "gems").glob(f"{CLIENT_GEM}-*/bin/{CLIENT_GEM}")
        return max(found, key=lambda path: _numbers(path.parents[1].name), default=None)

    def _program(self, number: str) -> Path | None:
        for program in self._programs(number):
            if is_program(program):
                return program
        return None

    def _programs(self, number: str) -> Iterator[Path]:
        for folder in (self._home / ".rbenv/versions", Path("/opt/rubies")):
            versions = [*folder.glob(f"{number}.*"), *folder.glob(f"ruby-{number}.*")]
            for version in sorted(versions, key=lambda path: _numbers(path.name), reverse=True):
                yield version / "bin" / "ruby"
        for prefix in (Path("/usr/local"), Path("/usr")):
            yield prefix / "bin" / f"ruby{number}"


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def _interpreter_command(number: str) -> str:
    """One of the ways to a Ruby; distributions are others."""
    return f"rbenv install {number}"
