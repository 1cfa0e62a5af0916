"""Package registries, each asked through its own ordinary client: pip, npm, Maven.

Owns the command lines and the check of what came. The clients keep the operator's settings
(mirrors, proxies, credentials). Blocking: call it off the event loop.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.core.value import Value

Progress = Callable[[str], None]
"""Told each line of what is going on."""
Run = Callable[[Sequence[str], Progress], int]
"""Runs a host command, its output line by line to a Progress; the exit code."""

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>lambdad</groupId><artifactId>pack</artifactId><version>1</version>
<dependencies>{}</dependencies>
</project>
"""


class Artifact(Value):
    """One pinned jar of Maven Central."""

    group: str
    name: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """What Maven calls the jar."""
        return f"{self.name}-{self.version}.jar"

    def as_dependency(self) -> str:
        """The element of a POM."""
        return (
            f"<dependency><groupId>{self.group}</groupId><artifactId>{self.name}</artifactId>"
            f"<version>{self.version}</version></dependency>"
        )


class Registries:
    """Fetches packages into folders. Every method raises OperatorError, which says what to do."""

    def __init__(self, run: Run, tell: Progress) -> None:
        self._run = run
        self._tell = tell

    def pip(self, folder: Path, *requirements: str) -> None:
        """Wheels of PyPI, unpacked into `folder`; pip checks the digests that PyPI names.
        `requirements` may hold options of pip."""
        command = [sys.executable, "-m", "pip", "install", "--no-input"]
        command += ["--disable-pip-version-check", "--target", str(folder)]
        command += ["--only-binary=:all:", "--no-warn-conflicts", *requirements]
        self._must(command, "pip")

    def npm(self, folder: Path, package: str) -> None:
        """A package of npm's registry, into `folder`/node_modules; npm checks its digest. Nothing
        that it brings is run."""
        if shutil.which("npm") is None:
            raise OperatorError("npm is needed to fetch this Node.js. Run: apt install npm")
        command = ["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit"]
        self._must([*command, "--no-fund", "--no-save", package], "npm")

    def maven(self, folder: Path, artifacts: Sequence[Artifact]) -> None:
        """Jars of Maven Central, exactly these and exactly those bytes."""
        if shutil.which("mvn") is None:
            raise OperatorError("Maven is needed to fetch Java packages. Run: apt install maven")
        pom = folder / "pom.xml"
        pom.write_text(_POM.format("".join(one.as_dependency() for one in artifacts)))
        command = ["mvn", "--batch-mode", "--file", str(pom), "dependency:copy-dependencies"]
        command += ["-DexcludeTransitive=true", f"-DoutputDirectory={folder}"]
        self._must(command, "Maven")
        pom.unlink()
        for one in artifacts:
            _check(folder / one.file_name, one.sha256)

    def finish(self, *command: str) -> None:
        """A last step that what was fetched does by itself."""
        self._must(command, command[0])

    def _must(self, command: Sequence[str], client: str) -> None:
        try:
            status = self._run(command, self._tell)
        except OSError as error:
            raise OperatorError(f"{client} could not be started: {error}") from error
        if status != 0:
            raise OperatorError(f"{client} could not install the pack; see the lines above.")


def _check(path: Path, sha256: str) -> None:
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "nothing"
    if found != sha256:
        raise OperatorError(
            f"{path.name} is not what it has to be: expected SHA-256 {sha256}, got {found}. "
            "Nothing was installed; look at the repository that Maven is set to."
        )
