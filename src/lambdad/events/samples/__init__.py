"""A ready-made event of every source that AWS has, as its documents and recordings show them.

Owns the collection: one file per source, named after it. Account, ids and times are examples;
checksums in them are right.
"""

from __future__ import annotations

from importlib import resources

_SUFFIX = ".json"


def names() -> list[str]:
    """The sources there are samples of, in order."""
    files = (entry.name for entry in resources.files(__name__).iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX))


def sample(name: str) -> str | None:
    """The event of a source, as indented JSON; None for a source that is not in the collection."""
    if name not in names():
        return None
    return resources.files(__name__).joinpath(f"{name}{_SUFFIX}").read_text(encoding="utf-8")
