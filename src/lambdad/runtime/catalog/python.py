"""Python packs: interpreters of this machine, with AWS's official runtime client beside them.

Owns: where interpreters are looked for, and what /var/runtime holds. An interpreter serves only
its own minor version. The client and boto3, which is part of AWS's Python runtimes, come from
lambdad's own environment for lambdad's own version, else from the pack's folder. Of the client's
parts one is ours, in place of its compiled one: `guest/python/runtime_client.py`.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.core.value import Value
from lambdad.runtime.catalog.packs import MissingPack, install_command, is_program
from lambdad.runtime.catalog.registries import Registries
from lambdad.sandbox.driver import Mount, RuntimePack

CLIENT_PACKAGES = (
    *("awslambdaric", "simplejson", "snapshot_restore_py", "boto3", "botocore"),
    *("s3transfer", "jmespath", "urllib3", "dateutil", "six"),
)
"""What /var/runtime holds, by import name."""

CLIENT_VERSIONS = {"3.8": "2.2.1", "3.9": "4.0.4"}
"""The last runtime client for interpreters that newer ones have left behind (runtimes.md)."""
NEWEST_CLIENT_VERSION = "4.2.2"

_SYSTEM_PREFIXES = (Path("/usr"), Path("/usr/local"))
_NOT_MODULES = re.compile(r"(__pycache__|bin|.*\.dist-info|\.lock|runtime_client\..*)$")


class Interpreter(Value):
    """A Python found on the host."""

    program: Path
    prefix: Path


class PythonFamily:
    """Finds Pythons and puts packs together. `packs_dir` holds installed clients, `guest` our own
    part of /var/runtime."""

    def __init__(self, packs_dir: Path, home: Path, guest: Path) -> None:
        self._packs_dir = packs_dir
        self._home = home
        self._bootstrap = guest / "bootstrap.py"
        self._transport = guest / "runtime_client.py"

    def find(self, runtime: str) -> RuntimePack | MissingPack:
        number = runtime.removeprefix("python")
        interpreter = self.interpreter(number)
        if interpreter is None:
            reason = f"no Python {number} was found (pyenv, /usr, /usr/local, uv)."
            return MissingPack(runtime, reason, _interpreter_command(number))
        modules = self._client_modules(runtime, number)
        if not modules:
            reason = f"Python {number} is here, its runtime client is not."
            return MissingPack(runtime, reason, install_command(runtime))
        return self._pack(runtime, interpreter, [self._transport, *modules])

    def fetch(self, runtime: str, folder: Path, registries: Registries) -> None:
        number = runtime.removeprefix("python")
        if self.interpreter(number) is None:
            first = _interpreter_command(number)
            raise OperatorError(f"{runtime} needs a Python {number} first. Run: {first}")
        registries.pip(folder, "--python-version", number, *client_requirements(number))

    def interpreter(self, number: str) -> Interpreter | None:
        """The newest Python of this minor version, such as `3.12`."""
        for prefix in self._prefixes(number):
            program = prefix / "bin" / f"python{number}"
            if is_program(program):
                return Interpreter(program, prefix)
        return None

    def _prefixes(self, number: str) -> Iterator[Path]:
        if number == "{}.{}".format(*sys.version_info[:2]):
            yield Path(sys.base_prefix)
        yield from _newest_first(self._home / ".pyenv" / "versions", f"{number}.*")
        uv = self._home / ".local" / "share" / "uv" / "python"
        yield from _newest_first(uv, f"cpython-{number}.*")
        yield from _SYSTEM_PREFIXES

    def _client_modules(self, runtime: str, number: str) -> list[Path]:
        installed = self._packs_dir / runtime
        if (installed / "awslambdaric").is_dir():
            return sorted(
                entry for entry in installed.iterdir() if not _NOT_MODULES.match(entry.name)
            )
        if number == "{}.{}".format(*sys.version_info[:2]):
            return [module for name in CLIENT_PACKAGES if (module := _own_module(name)) is not None]
        return []

    def _pack(self, runtime: str, interpreter: Interpreter, modules: list[Path]) -> RuntimePack:
        mounts = [Mount(module, f"/var/runtime/{module.name}") for module in modules]
        mounts.append(Mount(self._bootstrap, "/var/runtime/bootstrap.py"))
        if interpreter.prefix in _SYSTEM_PREFIXES:
            program = str(interpreter.program)
        else:
            mounts.insert(0, Mount(interpreter.prefix, "/var/lang"))
            program = f"/var/lang/bin/{interpreter.program.name}"
        return RuntimePack(
            runtime=runtime,
            family="python",
            argv=(program, "/var/runtime/bootstrap.py"),
            mounts=tuple(mounts),
            host_argv=(str(interpreter.program), str(self._bootstrap)),
            host_variables={"PYTHONPATH": str(self._host_folder(runtime, modules))},
        )

    def _host_folder(self, runtime: str, modules: list[Path]) -> Path:
        """One folder with the client's modules, for drivers that cannot mount."""
        folder = self._packs_dir / ".host" / runtime
        folder.mkdir(parents=True, exist_ok=True)
        for module in modules:
            link = folder / module.name
            if not link.is_symlink() or link.readlink() != module:
                link.unlink(missing_ok=True)
                link.symlink_to(module)
        return folder


def client_requirements(number: str) -> list[str]:
    """What pip installs into a pack's folder."""
    client = CLIENT_VERSIONS.get(number, NEWEST_CLIENT_VERSION)
    return [f"awslambdaric=={client}", "boto3"]


def _interpreter_command(number: str) -> str:
    """One of the ways to a Python; pyenv and distributions are others."""
    return f"uv python install {number}"


def _own_module(name: str) -> Path | None:
    """A module of lambdad's own environment: its package folder or its one file."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations else origin


def _newest_first(folder: Path, pattern: str) -> list[Path]:
    """Matching folders by their patch number, releases only."""

    def patch(path: Path) -> int:
        match = re.match(r"(?:cpython-)?\d+\.\d+\.(\d+)(?:-|$)", path.name)
        return int(match[1]) if match else -1

    return sorted((p for p in folder.glob(pattern) if patch(p) >= 0), key=patch, reverse=True)
