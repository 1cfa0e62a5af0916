"""server/doctor.py: what keeps a server from working is found, never raised."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdad.core.errors import OperatorError
from lambdad.server.config import Surroundings
from lambdad.server.doctor import Verdict, examine
from lambdad.server.packs import survey


def problems(data_dir: Path) -> dict[str, str]:
    """Findings that keep a server from working, by subject."""
    found = examine(data_dir, "127.0.0.1", 0, Surroundings({}))
    return {one.subject: one.finding for one in found if one.verdict is Verdict.BAD}


def test_a_place_that_cannot_be_a_data_directory(tmp_path: Path) -> None:
    """As for a directory that is closed to the user, which root cannot be shown."""
    place = tmp_path / "file"
    place.touch()
    found = problems(place)
    assert found["data"] == f"{place} cannot be written by this user."
    assert "cannot be looked at (Not a directory)" in found["runtimes"]
    with pytest.raises(OperatorError, match="--data-dir or LAMBDAD_DATA_DIR"):
        survey(place, Surroundings({}))


def test_a_folder_of_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "letters").touch()
    assert problems(tmp_path)["data"] == f"{tmp_path} holds other things than lambdad's."
