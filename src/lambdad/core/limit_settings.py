"""Limits as an operator sets them: `async_attempts=5`, `iam.users=10`. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.core.value import Value, replace

Number = int | float


class LimitRefused(ValueError):
    """A setting that cannot be carried out; the message says what to write instead."""


def every_limit(limits: Limits) -> Iterator[tuple[str, Number]]:
    """All of them by name; those of a service as `sqs.message_bytes`."""
    yield from _under("", limits)


def with_settings(settings: Iterable[str], limits: Limits = DEFAULT_LIMITS) -> Limits:
    """The limits, changed as each `NAME=VALUE` says. Raises LimitRefused."""
    for setting in settings:
        name, _, text = setting.partition("=")
        known = dict(every_limit(limits))
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise LimitRefused(f"There is no limit {name!r}. {hint}See: lambdad limits")
        limits = _changed(limits, name.split("."), _number(name, text, known[name]))
    return limits


def _under(prefix: str, group: Any) -> Iterator[tuple[str, Number]]:
    for name in group.__struct_fields__:
        value = getattr(group, name)
        if isinstance(value, Value):
            yield from _under(f"{prefix}{name}.", value)
        elif isinstance(value, int | float):
            yield f"{prefix}{name}", value


def _number(name: str, text: str, default: Number) -> Number:
    """Of the kind that the default is of."""
    kind = type(default)
    try:
        value = kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise LimitRefused(f"{name} takes {wanted}, not {text!r}.") from None
    if not 0 <= value < float("inf"):
        raise LimitRefused(f"{name} cannot be {text}.")
    return value


def _changed(group: Any, path: list[str], value: Number) -> Any:
    name, *rest = path
    inner = _changed(getattr(group, name), rest, value) if rest else value
    return replace(group, **{name: inner})
