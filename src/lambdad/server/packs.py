"""The runtime packs of this machine, for the server and for the commands that look at them.

The part of the wiring that the CLI shares: `lambdad runtimes`, `doctor` and `deploy` ask the same
catalog as the server does, without starting one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lambdad
from lambdad.core.errors import OperatorError
from lambdad.core.value import Value
from lambdad.functions.runtimes import CREATABLE
from lambdad.runtime.catalog.install import install
from lambdad.runtime.catalog.java import JavaFamily
from lambdad.runtime.catalog.nodejs import NodejsFamily
from lambdad.runtime.catalog.packs import MissingPack, PackCatalog
from lambdad.runtime.catalog.provided import ProvidedFamily
from lambdad.runtime.catalog.python import PythonFamily
from lambdad.runtime.catalog.ruby import RubyFamily
from lambdad.sandbox import host_command
from lambdad.server.config import Surroundings

_GUEST = Path(lambdad.__file__).parent / "guest"


class PackState(Value):
    """Whether this machine can run a runtime, and what helps if it cannot."""

    runtime: str
    installed: bool
    reason: str
    command: str | None


def pack_catalog(data_dir: Path, surroundings: Surroundings) -> PackCatalog:
    """Every family of runtimes that lambdad serves."""
    packs_dir = data_dir / "packs"
    home = surroundings.home
    return PackCatalog(
        {
            "python": PythonFamily(packs_dir, home, _GUEST / "python"),
            "nodejs": NodejsFamily(
                packs_dir, home, _GUEST / "nodejs", lambda argv: host_command.output_of(argv)
            ),
            "java": JavaFamily(packs_dir, home, _GUEST / "java" / "bootstrap"),
            "ruby": RubyFamily(home, _GUEST / "ruby", lambda argv: host_command.output_of(argv)),
            "provided": ProvidedFamily(),
        }
    )


def survey(data_dir: Path, surroundings: Surroundings) -> list[PackState]:
    """Every runtime that a function can be created with, by family and version.

    Raises OperatorError where the data directory is closed to this user."""
    catalog = pack_catalog(data_dir, surroundings)
    with _access_explained(data_dir):
        return [_state(catalog, runtime) for runtime in sorted(CREATABLE, key=_family_and_version)]


def installed(data_dir: Path, surroundings: Surroundings) -> list[str]:
    """The runtimes that this machine can run, oldest first in each family."""
    return [state.runtime for state in survey(data_dir, surroundings) if state.installed]


def install_pack(
    runtime: str, data_dir: Path, surroundings: Surroundings, tell: Callable[[str], None]
) -> None:
    """Install what a runtime needs. Raises OperatorError."""
    catalog = pack_catalog(data_dir, surroundings)
    with _access_explained(data_dir):
        install(runtime, data_dir / "packs", catalog, host_command.run, tell)


@contextmanager
def _access_explained(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except (PermissionError, NotADirectoryError) as error:
        raise OperatorError(
            f"The runtimes in {data_dir} cannot be looked at ({error.strerror}). Run this as the "
            "user whose directory it is, or choose another with --data-dir or LAMBDAD_DATA_DIR."
        ) from None


def _state(catalog: PackCatalog, runtime: str) -> PackState:
    answer = catalog.find(runtime)
    if isinstance(answer, MissingPack):
        return PackState(runtime, False, answer.reason, answer.command)
    return PackState(runtime, True, "", None)


def _family_and_version(runtime: str) -> tuple[str, list[int]]:
    """Sorts python3.9 before python3.10."""
    family = re.match(r"[a-z]*", runtime)
    return family[0] if family else "", [int(number) for number in re.findall(r"\d+", runtime)]
