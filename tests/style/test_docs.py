"""Documents and code say the same: links lead somewhere, promises name what shows them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE_PATH = re.compile(r"`((?:tests|bench|src|docs|examples|scripts)/[\w./-]+)`")


def identify(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_links_and_paths_exist(page: Path) -> None:
    text = page.read_text()
    links = [target for target in LINK.findall(text) if "://" not in target]
    missing = [target for target in links if not (page.parent / target).exists()]
    missing += [target for target in CODE_PATH.findall(text) if not (ROOT / target).exists()]
    assert missing == []


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        named += extra
    names = {re.split(r"[<>=!~\[ ]", requirement)[0] for requirement in named}
    reasons = (ROOT / "docs" / "dependencies.md").read_text()
    assert sorted(name for name in names if f"`{name}`" not in reasons) == []


def test_every_promise_names_what_shows_it() -> None:
    rows = [
        line
        for line in (ROOT / "docs" / "SPECIFICATION.md").read_text().splitlines()
        if line.startswith("| P")
    ]
    assert rows
    assert [row for row in rows if not CODE_PATH.search(row) and "not shown yet" not in row] == []
