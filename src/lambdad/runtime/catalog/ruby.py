"""Ruby packs: a Ruby of exactly the wanted minor version, with lambdad's own client.

Owns: where Rubies are looked for, and how one runs from another place than it was built for. AWS's
own client is a gem that starts through the bundler of a project; guest/ruby behaves as it does and
needs nothing but a Ruby. No registry that lambdad asks carries a Ruby.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.runtime.catalog.packs import MissingPack, RunCommand, is_program
from lambdad.runtime.catalog.registries import Registries
from lambdad.sandbox.driver import Mount, RuntimePack

_SYSTEM_PREFIXES = (Path("/usr/local"), Path("/usr"))
_LANGUAGE = Path("/var/lang")
_CLIENT = Path("/var/runtime/lambdad")
_START_ELSEWHERE = 'export RUBYLIB="${RUBYLIB:+$RUBYLIB:}$2"; exec "$0" "$1"'


class RubyFamily:
    """Finds Rubies and puts packs together. `client` is guest/ruby; Rubies that the whole machine
    shares are at `system_prefixes`, and below `shared` one folder for each."""

    def __init__(
        self,
        home: Path,
        client: Path,
        run: RunCommand,
        shared: Path = Path("/opt/rubies"),
        system_prefixes: tuple[Path, ...] = _SYSTEM_PREFIXES,
    ) -> None:
        self._folders = (home / ".rbenv" / "versions", shared)
        self._system_prefixes = system_prefixes
        self._client = client
        self._run = run
        self._versions: dict[Path, str] = {}

    def find(self, runtime: str) -> RuntimePack | MissingPack:
        number = _number_of(runtime)
        for program in self._programs(number):
            if self._is(program, number):
                return self._pack(runtime, number, program)
        reason = f"no Ruby {number} was found (rbenv, /opt/rubies, /usr/local, /usr)."
        return MissingPack(runtime, reason, _interpreter_command(number))

    def fetch(self, runtime: str, folder: Path, registries: Registries) -> None:
        number = _number_of(runtime)
        raise OperatorError(
            f"{runtime} needs a Ruby {number} first, and no registry that lambdad asks has one. "
            f"Run: {_interpreter_command(number)} (or install the package ruby{number} where the "
            "distribution has it)"
        )

    def _pack(self, runtime: str, number: str, program: Path) -> RuntimePack:
        mounts = [Mount(self._client, str(_CLIENT))]
        entry = str(_CLIENT / "bootstrap.rb")
        start: tuple[str, ...] = (str(program), entry)
        if not program.is_relative_to("/usr"):
            prefix = program.parents[1]
            mounts.append(Mount(prefix, str(_LANGUAGE)))
            start = (
                *("/bin/sh", "-c", _START_ELSEWHERE, str(_LANGUAGE / "bin" / program.name)),
                *(entry, ":".join(map(str, _library(prefix, number)))),
            )
        return RuntimePack(
            runtime=runtime,
            family="ruby",
            argv=start,
            mounts=tuple(mounts),
            host_argv=(str(program), str(self._client / "bootstrap.rb")),
        )

    def _programs(self, number: str) -> Iterator[Path]:
        for folder in self._folders:
            versions = [*folder.glob(f"{number}.*"), *folder.glob(f"ruby-{number}.*")]
            for version in sorted(versions, key=lambda path: _numbers(path.name), reverse=True):
                yield version / "bin" / "ruby"
        for prefix in self._system_prefixes:
            yield prefix / "bin" / f"ruby{number}"
            yield prefix / "bin" / "ruby"

    def _is(self, program: Path, number: str) -> bool:
        if not is_program(program):
            return False
        if program not in self._versions:
            match = re.match(r"ruby (\d+\.\d+)\.", self._run([str(program), "--version"]))
            self._versions[program] = match[1] if match else ""
        return self._versions[program] == number


def _library(prefix: Path, number: str) -> Iterator[Path]:
    """The folders of a Ruby's own library where it is mounted, in its own order: a Ruby looks for
    them where it was built for, and RubyGems puts gems before the first."""
    library = prefix / "lib" / "ruby"
    machines = sorted(path.parent for path in (library / f"{number}.0").glob("*/rbconfig.rb"))
    for part in ("site_ruby", "vendor_ruby", ""):
        folder = _LANGUAGE / "lib" / "ruby" / part
        yield folder / f"{number}.0"
        yield from (folder / f"{number}.0" / machine.name for machine in machines)
        if part:
            yield folder


def _number_of(runtime: str) -> str:
    """`3.3` of ruby3.3."""
    return runtime.removeprefix("ruby")


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def _interpreter_command(number: str) -> str:
    """One of the ways to a Ruby; distributions are others."""
    return f"rbenv install {number}"
