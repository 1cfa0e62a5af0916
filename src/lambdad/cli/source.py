"""What is in a folder or file that becomes a function: its runtime, its handler, its zip.

Only looks; runs nothing. What cannot be told for certain is asked for, not guessed.
"""

from __future__ import annotations

import ast
import io
import json
import re
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.core.value import Value

_IGNORED = frozenset(
    {
        *("__pycache__", ".git", ".hg", ".svn", ".venv", "venv", ".idea", ".vscode", ".DS_Store"),
        *(".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".aws-sam", ".serverless"),
    }
)
_HANDLERS = ("lambda_handler", "handler")
_LIKELY = ("lambda_function", "index", "app", "main", "handler", "function")
_NODE_SUFFIXES = (".mjs", ".js", ".cjs")
_NODE_EXPORT = re.compile(
    r"exports\.(?P<a>handler|lambda_handler)\s*="
    r"|export\s+(?:async\s+)?(?:const|let|var|function)\s+(?P<b>handler|lambda_handler)\b"
    r"|export\s*\{[^}]*\b(?P<c>handler|lambda_handler)\b"
)
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""One date for all: the same content makes the same zip, and so the same version."""


class Source(Value):
    """A function's files, or its finished zip."""

    path: Path
    name: str
    """What to call the function unless told otherwise."""
    files: tuple[tuple[str, Path], ...]
    """Name inside the package, and where it lies. Empty for a finished zip."""

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.files]

    def text(self, name: str) -> str:
        """The content of one of the files."""
        return dict(self.files)[name].read_text("utf-8", "replace")


class Guess(Value):
    """A family of runtimes, and the handler."""

    family: str
    handler: str


def load(path: Path) -> Source:
    """The function's files. Raises OperatorError if there is nothing to take."""
    if not path.exists():
        raise OperatorError(f"There is no {path}. Name a file or folder with a handler in it.")
    name = re.sub(r"[^a-zA-Z0-9_-]+", "-", path.resolve().stem).strip("-")[:64] or "function"
    if path.suffix == ".zip" and path.is_file():
        return Source(path, name, ())
    if path.is_file():
        return Source(path, name, ((path.name, path),))
    files = tuple(sorted(_walk(path, path)))
    if not files:
        raise OperatorError(f"{path} is empty. Put a file with a handler into it.")
    return Source(path, name, files)


def pack(source: Source) -> bytes:
    """The package: a folder's contents at the top level, links kept as links."""
    if not source.files:
        return source.path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in source.files:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            if path.is_symlink() and source.path.is_dir():
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(info, str(path.readlink()))
                continue
            program = name == "bootstrap" or path.stat().st_mode & 0o111
            info.external_attr = (stat.S_IFREG | (0o755 if program else 0o644)) << 16
            archive.writestr(info, path.read_bytes())
    return buffer.getvalue()


def guess(source: Source) -> Guess:
    """Family and handler by what the files say. Raises OperatorError if they do not say."""
    names = source.names
    if not names:
        raise OperatorError("What is in a zip is not looked at. Add --runtime and --handler.")
    if "bootstrap" in names:
        return Guess("provided", "bootstrap")
    python = [name for name in names if name.endswith(".py")]
    node = [name for name in names if name.endswith(_NODE_SUFFIXES) and "node_modules/" not in name]
    if node and ("package.json" in names or not python):
        return Guess("nodejs", _find_handler(source, node, _node_handler))
    if python:
        return Guess("python", _find_handler(source, python, _python_handler))
    raise OperatorError(
        f"{source.path} has no Python or Node.js file and no `bootstrap`. Is it the right folder?"
    )


def _walk(folder: Path, base: Path) -> Iterator[tuple[str, Path]]:
    for entry in folder.iterdir():
        if entry.name in _IGNORED or entry.suffix == ".pyc":
            continue
        if entry.is_symlink() and not entry.resolve().is_relative_to(base.resolve()):
            raise OperatorError(
                f"{entry} is a link to a place outside the folder. Copy what it points to here."
            )
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry, base)
        elif entry.is_file() or entry.is_symlink():
            yield entry.relative_to(base).as_posix(), entry


def _find_handler(
    source: Source, names: Sequence[str], handler_in: Callable[[str], str | None]
) -> str:
    """The one handler nearest to the top. Likely file names win over others beside them."""
    for depth in sorted({name.count("/") for name in names}):
        found: dict[str, str] = {}
        for name in names:
            function = handler_in(source.text(name)) if name.count("/") == depth else None
            if function:
                found[name.rpartition(".")[0]] = function
        likely = [module for module in _likely(source) if module in found]
        chosen = likely[0] if likely else next(iter(found)) if len(found) == 1 else None
        if chosen:
            return f"{chosen}.{found[chosen]}"
        if found:
            choices = ", ".join(f"{module}.{function}" for module, function in found.items())
            raise OperatorError(f"Several files have a handler. Add --handler, one of: {choices}")
    raise OperatorError(
        f"No function called handler or lambda_handler was found in {source.path}."
        f"{_broken(source, names)} Add --handler FILE.FUNCTION (without .py or .js)."
    )


def _broken(source: Source, names: Sequence[str]) -> str:
    """A sentence about the first Python file that cannot be read, if there is one."""
    for name in names:
        if name.endswith(".py"):
            try:
                ast.parse(source.text(name))
            except SyntaxError as error:
                return f" {name} is not valid Python, line {error.lineno}: {error.msg}."
            except ValueError as error:
                return f" {name} is not valid Python: {error}."
    return ""


def _likely(source: Source) -> Iterator[str]:
    """Modules in which a handler is looked for first: the one that package.json names, then the
    customary ones."""
    if "package.json" in source.names:
        with suppress(ValueError, AttributeError):
            main = json.loads(source.text("package.json")).get("main") or ""
            yield str(main).removeprefix("./").rpartition(".")[0]
    yield from _LIKELY


def _python_handler(text: str) -> str | None:
    """The handler that a module defines or imports at its top level."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    defined: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign):
            defined |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            defined |= {alias.asname or alias.name for alias in node.names}
    return next((name for name in _HANDLERS if name in defined), None)


def _node_handler(text: str) -> str | None:
    found = {name for match in _NODE_EXPORT.finditer(text) for name in match.groups() if name}
    return next((name for name in ("handler", "lambda_handler") if name in found), None)
