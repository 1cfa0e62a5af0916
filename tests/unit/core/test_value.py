"""What lambdad's values are made of."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import ClassVar

import pytest

import lambdad
from lambdad.core.value import Value, asdict, field, replace


class Point(Value):
    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)


class Pixel(Point, kw_only=True):
    colour: str


class Key(Value):
    UNSHOWN = ("secret",)

    KIND: ClassVar[str] = "key"
    id: str
    secret: str


def test_it_does_not_change() -> None:
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        point.z = 2  # type: ignore[attr-defined]
    moved = replace(point, y=3)
    assert (point.y, moved.x, moved.y) == (0, 1, 3)


def test_it_has_the_fields_it_was_declared_with() -> None:
    for wrong in ({}, {"x": 1, "z": 1}):
        with pytest.raises(TypeError):
            Point(**wrong)
    with pytest.raises(TypeError):
        Pixel(1, 0, [], "red")  # type: ignore[call-arg, misc]
    with pytest.raises(TypeError):
        replace(Point(1), z=1)  # type: ignore[call-arg]
    assert asdict(Pixel(1, colour="red")) == {"x": 1, "y": 0, "tags": [], "colour": "red"}
    assert Point(1).tags is not Point(1).tags


def test_it_equals_what_has_its_class_and_fields() -> None:
    assert Key("a", "b") == Key("a", "b")
    assert hash(Key("a", "b")) == hash(Key("a", "b"))
    assert Key("a", "b") != Key("a", "c")
    assert Point(1) != Pixel(1, colour="")
    assert Point(1) != (1, 0, [])


def test_repr_leaves_out_what_is_not_to_be_shown() -> None:
    assert repr(Key("a", "hidden")) == "Key(id='a')"
    assert repr([replace(Key("a", "hidden"), id="b")]) == "[Key(id='b')]"
    assert repr(Point(1)) == "Point(x=1, y=0, tags=[])"


def test_whatever_is_not_to_be_shown_is_a_field() -> None:
    """A field that is renamed takes its name in UNSHOWN along, or it would be shown."""
    for module in pkgutil.walk_packages(lambdad.__path__, "lambdad."):
        if not module.name.startswith("lambdad.guest.") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    kinds = [kind for kind in _kinds(Value) if kind.__module__.startswith("lambdad.")]
    hiding = [kind for kind in kinds if kind.UNSHOWN]
    assert "AccessKey" in {kind.__name__ for kind in hiding}
    for kind in hiding:
        assert set(kind.UNSHOWN) <= set(kind.__struct_fields__), kind


def _kinds(kind: type[Value]) -> Iterator[type[Value]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)
