"""`Value`: what every record, setting and answer inside lambdad is made of.

A value never changes, is equal to another of its class with the same fields, and hashes so. It is
declared like a frozen dataclass, of which 250 would be a third of lambdad's start; msgspec makes
the class in a fiftieth of the time and its instances in a tenth:

    class Point(Value):
        x: int
        y: int = 0

Records that do change are plain `Struct`s. The jailer, which has the standard library only, uses
dataclasses.
"""

from __future__ import annotations

from reprlib import recursive_repr
from typing import TYPE_CHECKING, ClassVar, dataclass_transform

import orjson
from msgspec import Struct, field
from msgspec.structs import asdict

if TYPE_CHECKING:
    from dataclasses import Field, replace  # mypy then checks names and types of what is replaced
    from typing import Any
else:
    from msgspec.structs import replace

__all__ = ["Struct", "Value", "asdict", "field", "replace", "to_json"]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Value(Struct, frozen=True):
    """A value; subclasses add the fields. `replace` gives one with some of them changed, `asdict`
    its fields as they are, values among them not taken apart."""

    UNSHOWN: ClassVar[tuple[str, ...]] = ()
    """Fields that `repr` leaves out: secrets, and what would fill a log."""

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @recursive_repr()
    def __repr__(self) -> str:
        shown = (name for name in self.__struct_fields__ if name not in self.UNSHOWN)
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__qualname__}({fields})"


def to_json(value: object) -> bytes:
    """A value as the document that is stored of it, values in it taken apart likewise."""
    return orjson.dumps(value, default=asdict)
