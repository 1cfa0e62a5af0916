"""A real browser, where this machine has one: what a page looks like once its scripts have run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_TIMEOUT_S = 120


def document_of(url: str, profile: Path) -> str:
    """The document at `url` as HTML, after it has loaded. `profile` is a folder for the browser.
    Skips the test on a machine without a browser."""
    browser = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(_NAMES)}")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
         f"--user-data-dir={profile}", url],
        capture_output=True, text=True, timeout=_TIMEOUT_S, check=True,
    )  # fmt: skip
    return done.stdout
