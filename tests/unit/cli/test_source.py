"""cli/source.py: what a folder says about the function in it."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from lambdad.cli.source import Guess, guess, load, pack
from lambdad.core.errors import OperatorError

PYTHON = "def handler(event, context):\n    return event\n"


def folder(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def names(package: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(package)).namelist()


@pytest.mark.parametrize(
    ("text", "handler"),
    [
        (PYTHON, "app.handler"),
        ("def lambda_handler(e, c): ...\ndef handler(e, c): ...", "app.lambda_handler"),
        ("handler = object()", "app.handler"),
        ("from x import run as handler", "app.handler"),
        ("class X:\n  def handler(self): ...\ndef lambda_handler(e, c): ...", "app.lambda_handler"),
    ],
)
def test_python_handlers_are_found_at_the_top_level(
    tmp_path: Path, text: str, handler: str
) -> None:
    folder(tmp_path, app_DOT_py=text)
    assert guess(load(tmp_path)) == Guess("python", handler)


@pytest.mark.parametrize(
    ("name", "text", "handler"),
    [
        ("index.mjs", "export const handler = async () => 1", "index.handler"),
        ("index.js", "exports.handler = async () => 1", "index.handler"),
        ("index.cjs", "module.exports.handler = async () => 1", "index.handler"),
        ("app.mjs", "export async function handler() {}", "app.handler"),
        ("app.mjs", "const handler = 1\nexport { handler }", "app.handler"),
    ],
)
def test_node_handlers(tmp_path: Path, name: str, text: str, handler: str) -> None:
    (tmp_path / name).write_text(text)
    assert guess(load(tmp_path)) == Guess("nodejs", handler)


def test_package_json_names_the_main_file(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"main": "./dist/server.js"}')
    for name in ("a.js", "dist/server.js", "dist/other.js", "node_modules/x/index.js"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("" if name == "a.js" else "exports.handler = 1")
    assert guess(load(tmp_path)) == Guess("nodejs", "dist/server.handler")


def test_bootstrap_wins(tmp_path: Path) -> None:
    folder(tmp_path, bootstrap="#!/bin/sh", app_DOT_py=PYTHON)
    assert guess(load(tmp_path)) == Guess("provided", "bootstrap")
    info = zipfile.ZipFile(io.BytesIO(pack(load(tmp_path)))).getinfo("bootstrap")
    assert stat.S_IMODE(info.external_attr >> 16) == 0o755


def test_files_near_the_top_and_with_likely_names_win(tmp_path: Path) -> None:
    folder(tmp_path, lib__app_DOT_py=PYTHON, other_DOT_py=PYTHON, lambda_function_DOT_py=PYTHON)
    assert guess(load(tmp_path)).handler == "lambda_function.handler"
    (tmp_path / "lambda_function.py").unlink()
    assert guess(load(tmp_path)).handler == "other.handler"
    (tmp_path / "other.py").unlink()
    assert guess(load(tmp_path)).handler == "lib/app.handler"


def test_what_is_not_certain_is_asked_for(tmp_path: Path) -> None:
    folder(tmp_path, one_DOT_py=PYTHON, two_DOT_py=PYTHON)
    with pytest.raises(OperatorError, match=r"--handler, one of: one\.handler, two\.handler"):
        guess(load(tmp_path))


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"a_DOT_py": "x = 1"}, "No function called handler"),
        ({"a_DOT_py": "\ndef handler(:"}, r"a\.py is not valid Python, line 2: "),
        ({"a_DOT_txt": "x"}, "no Python or Node.js file"),
        ({}, "is empty"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, files: dict[str, str], text: str) -> None:
    folder(tmp_path, **files)
    with pytest.raises(OperatorError, match=text):
        guess(load(tmp_path))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="There is no"):
        load(tmp_path / "missing")


def test_a_folders_contents_lie_at_the_top_without_the_clutter(tmp_path: Path) -> None:
    wanted = ["app.py", "lib/x.py", "node_modules/y/index.js", ".env"]
    clutter = ["__pycache__/app.cpython-311.pyc", ".git/config", "lib/z.pyc", ".venv/bin/python"]
    for name in wanted + clutter:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert names(pack(load(tmp_path))) == sorted(wanted)


def test_the_same_content_makes_the_same_package(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for place in (one, two):
        place.mkdir()
        folder(place, app_DOT_py=PYTHON, lib__x_DOT_py="x = 1")
    assert pack(load(one)) == pack(load(two))


def test_links_stay_links_and_do_not_leave_the_folder(tmp_path: Path) -> None:
    place = tmp_path / "f"
    place.mkdir()
    folder(place, app_DOT_py=PYTHON)
    (place / "alias.py").symlink_to("app.py")
    info = zipfile.ZipFile(io.BytesIO(pack(load(place)))).getinfo("alias.py")
    assert stat.S_ISLNK(info.external_attr >> 16)
    (tmp_path / "secret").write_text("secret")
    (place / "leak").symlink_to("../secret")
    with pytest.raises(OperatorError, match="outside the folder"):
        load(place)


def test_single_files_and_finished_zips(tmp_path: Path) -> None:
    script = tmp_path / "hello world.py"
    script.write_text(PYTHON)
    source = load(script)
    assert source.name == "hello-world"
    assert guess(source).handler == "hello world.handler"
    assert names(pack(source)) == ["hello world.py"]
    archive = tmp_path / "done.zip"
    archive.write_bytes(b"PK zip")
    assert pack(load(archive)) == b"PK zip"
    with pytest.raises(OperatorError, match="Add --runtime and --handler"):
        guess(load(archive))
