"""Finding packs: exact versions only, no shims, nothing run that need not be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lambdad.core.errors import OperatorError
from lambdad.runtime.catalog.identifiers import FAMILIES, family_of
from lambdad.runtime.catalog.install import install
from lambdad.runtime.catalog.java import JavaFamily
from lambdad.runtime.catalog.nodejs import NPM_PACKAGE, NodejsFamily
from lambdad.runtime.catalog.packs import MissingPack, PackCatalog
from lambdad.runtime.catalog.python import CLIENT_PACKAGES, PythonFamily, client_requirements
from lambdad.runtime.catalog.ruby import RubyFamily
from lambdad.sandbox.driver import Mount, RuntimePack
from support.functions import make_packs

OWN = "python{}.{}".format(*sys.version_info[:2])
ELF = b"\x7fELF..."


def program(path: Path, content: bytes = ELF) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def python_family(tmp_path: Path) -> PythonFamily:
    return PythonFamily(tmp_path / "packs", tmp_path / "home", tmp_path / "guest")


def ruby_family(tmp_path: Path) -> RubyFamily:
    """Each Ruby is of the version that the folder above its own names."""

    def run(argv: list[str]) -> str:
        number = Path(argv[0]).parents[1].name.removeprefix("ruby-")
        return f"ruby {number}p20 (2025-04-09 revision b200bad6cd) [x86_64-linux]\n"

    return RubyFamily(
        tmp_path / "home", tmp_path / "client", run, tmp_path / "rubies", (tmp_path / "usr/3.2.9",)
    )


def client(tmp_path: Path, runtime: str) -> Path:
    folder = tmp_path / "packs" / runtime
    for name in ("awslambdaric", "boto3", "boto3-1.2.dist-info", "bin", "__pycache__"):
        (folder / name).mkdir(parents=True)
    (folder / "six.py").write_text("")
    (folder / "runtime_client.cpython-398-x86_64-linux-gnu.so").write_bytes(b"AWS's compiled one")
    return folder


def test_every_identifier_has_a_family_and_an_honest_answer(tmp_path: Path) -> None:
    packs = make_packs(tmp_path)
    for family, runtimes in FAMILIES.items():
        for runtime in runtimes:
            assert family_of(runtime) == family
            answer = packs.find(runtime)
            assert answer.runtime == runtime
            if isinstance(answer, MissingPack):
                assert runtime in answer.message
    unknown = packs.find("cobol85")
    assert isinstance(unknown, MissingPack)
    assert "no such runtime" in unknown.message


def test_lambdads_own_python_brings_the_official_client_and_boto3(tmp_path: Path) -> None:
    pack = make_packs(tmp_path).find(OWN)
    assert isinstance(pack, RuntimePack)
    assert pack.argv[1] == "/var/runtime/bootstrap.py"
    targets = {mount.target for mount in pack.mounts}
    assert {"/var/runtime/boto3", "/var/runtime/six.py", "/var/runtime/bootstrap.py"} <= targets
    assert all(mount.source.exists() for mount in pack.mounts)
    modules = [mount for mount in pack.mounts if mount.target.startswith("/var/runtime/")]
    assert len(modules) == len(CLIENT_PACKAGES) + 2
    program = f"import {', '.join(CLIENT_PACKAGES)}, runtime_client"
    command = [pack.host_argv[0], "-S", "-c", program]
    done = subprocess.run(command, env=dict(pack.host_variables), capture_output=True)
    assert done.returncode == 0, done.stderr


def test_an_interpreter_serves_its_own_version_only(tmp_path: Path) -> None:
    home = tmp_path / "home"
    program(home / ".pyenv/versions/3.98.1/bin/python3.98")
    client(tmp_path, "python3.97")
    family = python_family(tmp_path)
    missing = family.find("python3.97")
    assert isinstance(missing, MissingPack)
    assert missing.reason == "no Python 3.97 was found (pyenv, /usr, /usr/local, uv)."


def test_the_newest_release_is_taken_and_shims_are_not(tmp_path: Path) -> None:
    versions = tmp_path / "home/.pyenv/versions"
    for name in ("3.98.2", "3.98.10", "3.98.9", "3.98.11rc1", "3.98-dev"):
        program(versions / name / "bin/python3.98")
    program(versions / "3.98.12/bin/python3.98", b"#!/usr/bin/env bash\nexec pyenv exec\n")
    client(tmp_path, "python3.98")
    pack = python_family(tmp_path).find("python3.98")
    assert isinstance(pack, RuntimePack)
    assert pack.mounts[0] == Mount(versions / "3.98.10", "/var/lang")
    assert pack.argv == ("/var/lang/bin/python3.98", "/var/runtime/bootstrap.py")
    names = {mount.target.rpartition("/")[2] for mount in pack.mounts[1:]}
    assert names == {"awslambdaric", "boto3", "six.py", "bootstrap.py", "runtime_client.py"}


def test_uv_pythons_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "home/.local/share/uv/python/cpython-3.98.4-linux-x86_64-gnu"
    program(folder / "bin/python3.98")
    client(tmp_path, "python3.98")
    pack = python_family(tmp_path).find("python3.98")
    assert isinstance(pack, RuntimePack)
    assert pack.host_argv[0] == str(folder / "bin/python3.98")


def test_a_missing_client_names_the_command(tmp_path: Path) -> None:
    program(tmp_path / "home/.pyenv/versions/3.98.2/bin/python3.98")
    missing = python_family(tmp_path).find("python3.98")
    assert isinstance(missing, MissingPack)
    assert missing.message == (
        "The runtime python3.98 is not installed on this machine: Python 3.98 is here, its "
        "runtime client is not. Run: lambdad runtimes install python3.98"
    )


@pytest.mark.parametrize(
    ("number", "client"), [("3.8", "2.2.1"), ("3.9", "4.0.4"), ("3.13", "4.2.2")]
)
def test_client_versions(number: str, client: str) -> None:
    assert client_requirements(number)[0] == f"awslambdaric=={client}"


def node_family(tmp_path: Path, answers: dict[str, str], asked: list[str]) -> NodejsFamily:
    def run(argv: list[str]) -> str:
        asked.append(argv[0])
        return answers.get(argv[0], "")

    home = tmp_path / "home"
    return NodejsFamily(tmp_path / "packs", home, tmp_path / "client", run)


def test_nodes_are_asked_for_their_version_once(tmp_path: Path) -> None:
    nvm = program(tmp_path / "home/.nvm/versions/node/v98.1.0/bin/node")
    asked: list[str] = []
    family = node_family(tmp_path, {str(nvm): "v98.1.0\n"}, asked)
    pack = family.find("nodejs98.x")
    assert isinstance(pack, RuntimePack)
    assert pack.argv == ("/var/lang/bin/node", "/var/runtime/lambdad/index.mjs")
    assert Mount(nvm, "/var/lang/bin/node") in pack.mounts
    family.find("nodejs98.x")
    assert asked.count(str(nvm)) == 1


def test_a_node_of_another_version_does_not_serve(tmp_path: Path) -> None:
    nvm = program(tmp_path / "home/.nvm/versions/node/v98.1.0/bin/node")
    missing = node_family(tmp_path, {str(nvm): "v97.0.0"}, []).find("nodejs98.x")
    assert isinstance(missing, MissingPack)
    assert missing.command == "lambdad runtimes install nodejs98.x"


def test_older_nodes_come_from_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdad.runtime.catalog.registries.shutil.which", lambda _: "/usr/bin/npm")
    calls: list[list[str]] = []
    node = f"node_modules/{NPM_PACKAGE}/bin/node"

    def run(argv: list[str], tell: object) -> int:
        calls.append(argv)
        program(Path(argv[argv.index("--prefix") + 1]) / node)
        return 0

    packs = tmp_path / "packs"
    answers = {str(packs / "nodejs18.x" / node): "v18.20.8"}
    families = PackCatalog({"nodejs": node_family(tmp_path, answers, [])})
    install("nodejs18.x", packs, families, run, print)
    assert calls[0][-1] == f"{NPM_PACKAGE}@18"
    assert "--ignore-scripts" in calls[0]
    pack = families.find("nodejs18.x")
    assert isinstance(pack, RuntimePack)
    assert Mount(packs / "nodejs18.x" / node, "/var/lang/bin/node") in pack.mounts


def fake_pip(tmp_path: Path, calls: list[list[str]], code: int = 0) -> object:
    def run(argv: list[str], tell: object) -> int:
        calls.append(argv)
        if code == 0:
            (Path(argv[argv.index("--target") + 1]) / "awslambdaric").mkdir()
        return code

    return run


def test_installing_a_python_pack(tmp_path: Path) -> None:
    program(tmp_path / "home/.pyenv/versions/3.98.2/bin/python3.98")
    calls: list[list[str]] = []
    told: list[str] = []
    packs = tmp_path / "packs"
    families = PackCatalog({"python": python_family(tmp_path)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lambdad.runtime.catalog.packs.family_of", lambda _: "python")
        with pytest.raises(OperatorError, match="could not install"):
            install("python3.98", packs, families, fake_pip(tmp_path, calls, 1), told.append)
        assert not list(packs.iterdir())
        install("python3.98", packs, families, fake_pip(tmp_path, calls), told.append)
        install("python3.98", packs, families, fake_pip(tmp_path, calls), told.append)
    assert len(calls) == 2
    assert calls[1][-4:] == ["--python-version", "3.98", "awslambdaric==4.2.2", "boto3"]
    assert "--only-binary=:all:" in calls[1]
    assert told == ["python3.98 is ready.", "python3.98 is installed already."]


def test_there_is_nothing_to_install_for_some(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="lambdad does not serve dotnet runtimes"):
        install("dotnet8", tmp_path, PackCatalog({}), fake_pip(tmp_path, []), print)
    with pytest.raises(OperatorError, match="AWS Lambda has no such runtime"):
        install("cobol85", tmp_path, PackCatalog({}), fake_pip(tmp_path, []), print)


def test_a_missing_interpreter_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    families = PackCatalog(
        {
            "python": python_family(tmp_path),
            "ruby": ruby_family(tmp_path),
            "java": JavaFamily(tmp_path / "packs", tmp_path / "home", tmp_path / "bootstrap", ()),
        }
    )
    calls: list[list[str]] = []
    for runtime, advice in (
        ("python3.14", "python3.14 needs a Python 3.14 first. Run: uv python install 3.14"),
        ("ruby3.4", "ruby3.4 needs a Ruby 3.4 first, and no registry .* Run: rbenv install 3.4"),
        ("java8.al2", "needs a Java 8 first. Run: apt install openjdk-8-jre-headless"),
    ):
        with pytest.raises(OperatorError, match=advice):
            install(runtime, tmp_path / "packs", families, fake_pip(tmp_path, calls), print)
    assert not calls
    assert not list((tmp_path / "packs").iterdir())


def test_a_ruby_runs_where_it_is_mounted(tmp_path: Path) -> None:
    prefix = tmp_path / "home/.rbenv/versions/3.3.10"
    program(prefix.with_name("3.3.9") / "bin/ruby")
    program(prefix / "bin/ruby")
    program(prefix / "lib/ruby/3.3.0/x86_64-linux/rbconfig.rb")
    pack = ruby_family(tmp_path).find("ruby3.3")
    assert isinstance(pack, RuntimePack)
    library = [
        f"/var/lang/lib/ruby/{folder}"
        for folder in (
            *("site_ruby/3.3.0", "site_ruby/3.3.0/x86_64-linux", "site_ruby"),
            *("vendor_ruby/3.3.0", "vendor_ruby/3.3.0/x86_64-linux", "vendor_ruby"),
            *("3.3.0", "3.3.0/x86_64-linux"),
        )
    ]
    start = 'export RUBYLIB="${RUBYLIB:+$RUBYLIB:}$2"; exec "$0" "$1"'
    entry = "/var/runtime/lambdad/bootstrap.rb"
    assert pack.argv == (*("/bin/sh", "-c", start, "/var/lang/bin/ruby", entry, ":".join(library)),)
    assert pack.host_argv == (str(prefix / "bin/ruby"), str(tmp_path / "client/bootstrap.rb"))
    assert pack.mounts == (
        Mount(tmp_path / "client", "/var/runtime/lambdad"),
        Mount(prefix, "/var/lang"),
    )


def test_a_ruby_serves_its_own_version_only(tmp_path: Path) -> None:
    program(tmp_path / "rubies/ruby-3.4.1/bin/ruby")
    program(tmp_path / "home/.rbenv/versions/3.3.9/bin/ruby", b"#!/bin/sh\n")
    program(tmp_path / "usr/3.2.9/bin/ruby")
    family = ruby_family(tmp_path)
    for runtime, found in (("ruby3.2", True), ("ruby3.3", False), ("ruby3.4", True)):
        answer = family.find(runtime)
        assert isinstance(answer, RuntimePack) is found, runtime
        if isinstance(answer, MissingPack):
            assert answer.command == "rbenv install 3.3"
