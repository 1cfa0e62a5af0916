"""AWS's own recorded answers, replayed against a live server: one case per conversation.

The recordings lie beside a checkout, at ../shared/recordings; without them nothing is collected
but one skip that says so. `recordings.toml` lists the cases that cannot pass yet, each with its
reason; a listed case that passes fails this test, so that the list only shrinks.
"""

from __future__ import annotations

import importlib.util
import secrets
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.server import LambdadServer

HERE = Path(__file__).parent
FOLDER = HERE.parents[3] / "shared" / "recordings"
EXPECTED = tomllib.loads((HERE.parent / "recordings.toml").read_text())
SERVICES: tuple[str, ...] = tuple(EXPECTED["services"])
"""The services that lambdad has; the others' recordings come with their issues."""
LISTED: dict[str, str] = EXPECTED["waiting"]


def load_replayer() -> ModuleType | None:
    if not FOLDER.exists():
        return None
    spec = importlib.util.spec_from_file_location("recordings_replay", FOLDER / "replay.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


REPLAY = load_replayer()
CASES: list[dict[str, Any]] = REPLAY.load(SERVICES) if REPLAY else []
SALT = secrets.token_hex(8)


def failures_of(case: dict[str, Any], endpoint: str) -> list[str]:
    assert REPLAY is not None
    return [
        f"step {number} {key}: {problem}"
        for number, key, problems in REPLAY.Case(case, endpoint, SALT).run()
        for problem in problems
    ]


@pytest.mark.skipif(REPLAY is None, reason=f"no recordings at {FOLDER}: nothing to compare with")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_recorded_conversation(case: dict[str, Any], open_server: LambdadServer) -> None:
    failures = failures_of(case, open_server.endpoint)
    reason = LISTED.get(case["name"])
    if reason is None:
        assert failures == []
    else:
        assert failures, f"passes now: take it off recordings.toml ({reason})"
        pytest.xfail(reason)


@pytest.mark.skipif(REPLAY is None, reason=f"no recordings at {FOLDER}: nothing to compare with")
def test_the_list_names_only_cases_that_exist() -> None:
    assert set(LISTED) <= {case["name"] for case in CASES}
