"""What lambdad's values are made of."""

from __future__ import annotations

from typing import ClassVar

import pytest

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
