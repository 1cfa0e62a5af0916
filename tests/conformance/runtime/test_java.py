"""What only Java has: further forms of handlers, the archive of classes, options of the JVM."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lambdad.functions.snapshot import FunctionVersion
from support.functions import Bench
from support.runtimes_under_test import TRIED

from .conftest import Subject

JAVAS = [one for one in TRIED if one.program == "java"]
pytestmark = pytest.mark.parametrize(
    "subject", JAVAS, ids=[one.name for one in JAVAS], indirect=True, scope="session"
)


def test_a_method_that_no_interface_names(subject: Subject) -> None:
    version = subject.version(handler="conformance.Handler::method")
    assert subject.answer(version, "", value={"a": [1]}) == {"a": [1]}
    subject.end(version)


def test_the_archive_of_classes_is_used_in_the_sandbox(subject: Subject) -> None:
    version = subject.version(environment={"JAVA_TOOL_OPTIONS": "-Xlog:class+load"})
    assert subject.answer(version, "echo", value=1) == 1
    loaded = subject.bench.log.text(version.name)
    client = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda source: "
    assert f"{client}shared objects file (top)" in loaded
    subject.end(version)


TRAINING_S = 400
OWN_CLASS = "conformance.Handler source: shared objects file"
CLIENTS_CLASS = "runtime.api.client.AWSLambda source: shared objects file"


@pytest.fixture
def trained(subject: Subject, archiving: tuple[Bench, asyncio.Runner]) -> Subject:
    """The runtime on a bench on which archives are made."""
    return replace(subject, bench=archiving[0], runner=archiving[1])


def logging_version(trained: Subject, **changes: object) -> FunctionVersion:
    """One that logs which class comes from where, when its archive was made."""
    options = {"JAVA_TOOL_OPTIONS": "-Xlog:class+load"}
    version = trained.version(**({"environment": options} | changes))
    # It only gets what the other tests leave of the CPU.
    trained.runner.run(asyncio.wait_for(trained.bench.archivist.idle(), TRAINING_S))
    return version


def archives(trained: Subject) -> list[Path]:
    """Those that are kept."""
    return list((trained.bench.folder / "archives").iterdir())


def test_a_function_starts_from_the_archive_of_its_own_classes(trained: Subject) -> None:
    version = logging_version(trained)
    log = trained.bench.log
    assert log.messages(version.name) == []  # of the run that made it
    assert trained.answer(version, "echo", value=1) == 1
    assert OWN_CLASS in log.text(version.name)
    assert CLIENTS_CLASS in log.text(version.name)
    log.events.clear()
    smaller = logging_version(trained, name=version.name, memory_mib=256)
    assert len(archives(trained)) == 1
    assert trained.answer(smaller, "echo", value=1) == 1
    assert OWN_CLASS in log.text(version.name)
    trained.end(version)
    assert archives(trained) == []


def test_an_archive_that_java_refuses_changes_nothing_else(
    trained: Subject, tmp_path: Path
) -> None:
    version = logging_version(trained)
    [archive] = archives(trained)
    whole = archive.read_bytes()

    # One of older code in the place of one of newer code: Java knows by a checksum.
    changed = tmp_path / trained.package.name  # by its name, it is the same code
    shutil.copytree(trained.package, changed)
    tmp_path.chmod(0o755)
    compiled = changed / "conformance/Handler.class"
    compiled.chmod(0o644)
    compiled.write_bytes(compiled.read_bytes().replace(b"on purpose", b"ON PURPOSE"))
    newer = logging_version(trained, package=changed, name=version.name)
    assert archives(trained) == [archive]
    assert b"ON PURPOSE" in trained.invoke(newer, "fail").payload

    # Java 17 crashes with one that was cut short: its init is repeated without.
    for spoiled in (b"no archive" * 10_000, whole[: len(whole) // 2]):
        archive.unlink()
        archive.write_bytes(spoiled)
        archive.chmod(0o444)
        again = trained.version(name=version.name)
        assert trained.answer(again, "echo", value=1) == 1
    trained.end(version)


def test_a_function_whose_init_fails_has_no_archive_and_its_own_error(trained: Subject) -> None:
    version = logging_version(trained, environment={"INIT": "fail"})
    assert archives(trained) == []
    result = trained.invoke(version, "echo", value=1)
    assert result.function_error is not None
    assert b"not today" in result.payload
    trained.end(version)


def test_a_function_that_brings_an_archive_of_its_own_keeps_it(trained: Subject) -> None:
    options = "-Xlog:class+load -XX:SharedArchiveFile=/tmp/of-its-own -Xshare:auto"
    version = logging_version(trained, environment={"JAVA_TOOL_OPTIONS": options})
    assert trained.answer(version, "echo", value=1) == 1
    text = trained.bench.log.text(version.name)
    assert OWN_CLASS not in text
    assert CLIENTS_CLASS not in text
    trained.end(version)
