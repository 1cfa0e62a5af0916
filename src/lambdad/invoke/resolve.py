"""From a qualifier to the version that runs: pure, over a snapshot."""

from __future__ import annotations

from lambdad.functions.snapshot import AliasTarget, Function, FunctionVersion

LATEST = "$LATEST"


def resolve(function: Function, qualifier: str | None, draw: float) -> FunctionVersion | None:
    """The version behind `qualifier`: none, `$LATEST`, a number or an alias. `draw`, a random
    number in [0, 1), decides between the two versions of a weighted alias. None if there is no
    such version or alias."""
    name = qualifier or LATEST
    version = function.versions.get(name)
    if version is not None:
        return version
    alias = function.aliases.get(name)
    return function.versions.get(_drawn(alias, draw)) if alias is not None else None


def _drawn(alias: AliasTarget, draw: float) -> str:
    for version, weight in alias.additional_weights.items():
        if draw < weight:
            return version
        draw -= weight
    return alias.version
