"""Dataclasses on their way to the compiler: the same values, with an ``__init__`` that can be compiled."""

from dataclasses import replace
from typing import Any

from voip.platform.native_init import rewrite

HEAD = "from __future__ import annotations\nfrom dataclasses import dataclass, field\n\n\n"


def made(body: str) -> tuple[str, dict[str, Any]]:
    """Return the rewritten module and what is in it once it has run."""
    text = rewrite(HEAD + body)
    names: dict[str, Any] = {"__name__": __name__}
    exec(text, names)
    return text, names


def test_a_frozen_value_is_made_compared_hashed_and_replaced_as_before() -> None:
    text, names = made("@dataclass(frozen=True, slots=True)\nclass A:\n    x: int\n    y: str = 'b'\n")
    value = names["A"](1)
    assert "def __init__(self, x: int, y: str = 'b') -> None: self.x = x; self.y = y" in text
    assert (value.x, value.y, repr(value)) == (1, "b", "A(x=1, y='b')")
    assert value == names["A"](1, "b")
    assert hash(value) == hash(names["A"](1, y="b"))
    assert replace(value, y="c") == names["A"](1, "c")


def test_no_line_changes_its_number() -> None:
    body = "@dataclass\nclass A:\n    x: int = 1\n\n\ndef f() -> int:\n    return 2\n"
    text, _ = made(body)
    assert len(text.split("\n")) == len((HEAD + body).split("\n"))
    assert text.split("\n").index("def f() -> int:") == (HEAD + body).split("\n").index("def f() -> int:")


def test_what_a_factory_makes_is_made_anew_each_time() -> None:
    _, names = made("@dataclass\nclass A:\n    x: list[int] = field(default_factory=list)\n")
    one, two = names["A"](), names["A"]()
    one.x.append(1)
    assert (one.x, two.x, names["A"]([3]).x) == ([1], [], [3])


def test_a_factory_that_is_a_lambda_is_called() -> None:
    _, names = made("@dataclass\nclass A:\n    x: list[int] = field(default_factory=lambda: [1, 2])\n")
    assert names["A"]().x == [1, 2]


def test_a_field_that_does_not_take_part_in_comparing_still_does_not() -> None:
    _, names = made("@dataclass(frozen=True)\nclass A:\n    x: int = field(default=1, compare=False)\n")
    assert (names["A"]().x, names["A"](1) == names["A"](2), hash(names["A"](1)) == hash(names["A"](2))) == (
        1,
        True,
        True,
    )


def test_a_class_compared_by_identity_stays_so() -> None:
    _, names = made("@dataclass(slots=True, eq=False)\nclass A:\n    x: int\n")
    assert names["A"](1) != names["A"](1)
    assert len({names["A"](1), names["A"](1)}) == 2


def test_a_class_that_can_change_has_no_hash() -> None:
    _, names = made("@dataclass\nclass A:\n    x: int\n")
    assert names["A"].__hash__ is None


def test_what_follows_the_making_is_still_done() -> None:
    _, names = made("@dataclass\nclass A:\n    x: int\n\n    def __post_init__(self) -> None:\n        self.x += 1\n")
    assert names["A"](1).x == 2


def test_what_is_not_a_plain_dataclass_stays_as_it_is() -> None:
    for body in (
        "class A:\n    x: int = 1\n",
        "class B:\n    pass\n\n\n@dataclass\nclass A(B):\n    x: int\n",
        "@dataclass(kw_only=True)\nclass A:\n    x: int\n",
        "@dataclass\nclass A:\n    x: int = field(default=1, init=False)\n",
        "@dataclass\nclass A:\n    x: int = field(repr=False)\n",
        "@dataclass\nclass A:\n    x: int\n\n    def __init__(self) -> None:\n        self.x = 1\n",
    ):
        assert rewrite(HEAD + body) == HEAD + body
