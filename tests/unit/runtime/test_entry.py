"""Which command starts a function."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lambdad.runtime.entry import NoEntryPoint, foreign_program, misplaced_module, with_command
from lambdad.sandbox.driver import RuntimePack
from support.functions import make_version

PROVIDED = RuntimePack("provided.al2023", "provided", (), ())
PYTHON = RuntimePack("python3.12", "python", ("/var/lang/bin/python3.12", "b.py"), ())


def test_bootstrap_of_the_package_comes_before_the_layers(tmp_path: Path) -> None:
    code, low, high = (tmp_path / name for name in ("code", "low", "high"))
    for folder in (code, low, high):
        folder.mkdir()
        (folder / "bootstrap").write_text("#!/bin/sh\n")
        (folder / "bootstrap").chmod(0o755)
    version = make_version(code, layer_dirs=(low, high))
    assert with_command(PROVIDED, version).argv == ("/var/task/bootstrap",)
    (code / "bootstrap").unlink()
    pack = with_command(PROVIDED, version)
    assert (pack.argv, pack.host_argv) == (("/opt/bootstrap",), (str(high / "bootstrap"),))


def test_no_bootstrap(tmp_path: Path) -> None:
    with pytest.raises(NoEntryPoint) as error:
        with_command(PROVIDED, make_version(tmp_path))
    assert str(error.value) == (
        "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
    )


@pytest.mark.parametrize(
    ("mode", "content", "error"),
    [
        (0o644, b"#!/bin/sh\n", "permission denied"),
        (0o755, b"", "exec format error"),
        (0o755, b"echo no first line\n", "exec format error"),
        (0o755, b"#!/bin/sh\r\nexit\r\n", "no such file or directory"),
        (0o755, b"\x7fELF" + bytes(14) + b"\xb7\0", "exec format error"),
        (0o755, b"\x7fELF" + bytes(14) + b"\x3e\0", "exec format error"),
        (0o755, b"\x7fELF" + bytes(14) + b"\xf3\0", None),  # let the kernel say
    ],
)
@pytest.mark.parametrize("place", ["code", "layer"])
def test_a_bootstrap_that_cannot_be_started(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    place: str,
    mode: int,
    content: bytes,
    error: str | None,
) -> None:
    foreign = "x86_64" if content[18:19] == b"\xb7" else "aarch64"
    monkeypatch.setattr("lambdad.runtime.entry.platform.machine", lambda: foreign)
    monkeypatch.setattr("lambdad.runtime.entry._EMULATORS", tmp_path / "none")
    code, layer = tmp_path / "code", tmp_path / "layer"
    for folder in (code, layer):
        folder.mkdir()
    path = tmp_path / place / "bootstrap"
    path.write_bytes(content)
    path.chmod(mode)
    version = make_version(code, layer_dirs=(layer,))
    if error is None:
        assert with_command(PROVIDED, version).host_argv == (str(path),)
        return
    with pytest.raises(NoEntryPoint) as refused:
        with_command(PROVIDED, version)
    inside = {"code": "/var/task", "layer": "/opt"}[place]
    assert str(refused.value) == f"fork/exec {inside}/bootstrap: {error}"


def test_a_wrapper_gets_the_command_as_its_arguments(tmp_path: Path) -> None:
    plain = make_version(tmp_path)
    wrapped = make_version(tmp_path, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"})
    assert with_command(PYTHON, plain) is PYTHON
    argv = with_command(PYTHON, wrapped).argv
    assert argv[:2] == ("/bin/sh", "-c")
    assert argv[-2:] == PYTHON.argv


@pytest.mark.parametrize("handler", ["app.handler", "pkg/app.handler"])
def test_the_nested_folder_mistake(tmp_path: Path, handler: str) -> None:
    module = tmp_path / "project" / f"{handler.rpartition('.')[0]}.py"
    module.parent.mkdir(parents=True)
    module.write_text("")
    assert misplaced_module(tmp_path, handler, (".py",)) == "project"


def test_no_mistake_where_the_module_is_in_its_place_or_nowhere(tmp_path: Path) -> None:
    assert misplaced_module(tmp_path, "app.handler", (".py",)) is None
    assert misplaced_module(tmp_path, "app", (".py",)) is None
    assert misplaced_module(tmp_path / "gone", "app.handler", (".py",)) is None
    (tmp_path / "project").mkdir()
    for folder in (tmp_path, tmp_path / "project"):
        (folder / "app.py").write_text("")
    assert misplaced_module(tmp_path, "app.handler", (".py",)) is None


@pytest.fixture
def on_arm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("lambdad.runtime.entry.platform.machine", lambda: "aarch64")
    monkeypatch.setattr("lambdad.runtime.entry._EMULATORS", tmp_path / "none")


def elf(machine: int) -> bytes:
    return b"\x7fELF\2\1\1" + bytes(11) + bytes([machine, 0]) + bytes(100)


@pytest.mark.usefixtures("on_arm")
@pytest.mark.parametrize("name", ["bootstrap", "p/x.cpython-311-x86_64-linux-gnu.so", "a.node"])
def test_what_was_built_for_another_machine_is_found(tmp_path: Path, name: str) -> None:
    code, layer = tmp_path / "code", tmp_path / "layer"
    for folder, machine in ((code, 183), (layer, 62)):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(elf(machine))
    assert foreign_program((code,)) is None
    assert foreign_program(
        (
            code,
            layer,
        )
    ) == (name, "x86_64")


@pytest.mark.usefixtures("on_arm")
def test_what_is_no_library_of_the_package_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(elf(62))
    code = tmp_path / "code"
    code.mkdir()
    (code / "link.so").symlink_to(tmp_path / "outside")
    os.mkfifo(code / "waits.so")
    (code / "text.so").write_text("none")
    (code / "some.zip").write_bytes(elf(62))
    assert (
        foreign_program(
            (
                code,
                tmp_path / "gone",
            )
        )
        is None
    )


@pytest.mark.usefixtures("on_arm")
def test_only_the_first_files_of_a_large_package_are_looked_at(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}").mkdir()
        for name in range(1_000):
            (tmp_path / f"{number}" / f"{name}.txt").touch()
    last = next(os.walk(tmp_path))[1][-1]
    (tmp_path / last / "x.so").write_bytes(elf(62))
    assert foreign_program((tmp_path,)) is None
