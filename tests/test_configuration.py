"""A table's faults are told where the operator wrote them."""

from __future__ import annotations

import pytest

from bridge.configuration import SettingsError, Shape, Table, suggestion


class Inner(Shape):
    """A table in a table."""

    colour: str = ""


class Outer(Shape):
    """A table."""

    size: int
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param({}, "f: t.size: is needed", id="missing"),
        pytest.param({"size": "canary"}, "f: t.size: should be a valid integer", id="type"),
        pytest.param({"size": 1, "sizes": 1}, "f: t.sizes: unknown key; did you mean 'size'?",
                     id="unknown"),
        pytest.param({"size": 1, "zzz": 1}, "f: t.zzz: unknown key", id="far"),
        pytest.param({"size": 1, "inner": {"color": 1}},
                     "f: t.inner.color: unknown key; did you mean 'colour'?", id="inner"),
        pytest.param({"size": 1, "many": [{"color": 1}]}, "f: t.many.0.color: unknown key",
                     id="in-a-list"),
    ],
)  # fmt: skip
def test_a_fault_is_named(values, words):
    with pytest.raises(SettingsError) as caught:
        Table(values, ("f", "t")).read(Outer)
    assert str(caught.value).startswith(words)
    assert "canary" not in str(caught.value)


def test_a_table_is_read():
    table = Table({"size": 1, "inner": {"colour": "red"}}, ("f", "t"))
    assert table.read(Outer) == Outer(size=1, inner=Inner(colour="red"))
    assert table.below("inner").read(Inner).colour == "red"
    assert table.below("none").values == {}
    assert table.with_values(size=2).read(Outer).size == 2


@pytest.mark.parametrize(
    ("table", "keys", "place"),
    [
        pytest.param(Table({}, ("f",)), (), "f", id="file"),
        pytest.param(Table({}, ("f",)), ("a", "b.c"), 'f: a."b.c"', id="quoted"),
        pytest.param(Table({}, ("f", "", "*")), (), 'f: ""."*"', id="odd-names"),
        pytest.param(Table({}, (), {"a": "VAR"}), ("a",), "VAR", id="variable"),
        pytest.param(Table({}, ("f",), {"a": "VAR"}), ("a", 0), "VAR.0", id="below-a-variable"),
        pytest.param(Table({}, ("f",), {"a": "VAR"}), ("b",), "f: b", id="other-key"),
        pytest.param(Table({}), ("a",), "a", id="nowhere"),
    ],
)
def test_places(table, keys, place):
    assert str(table.error("is wrong", *keys)) == f"{place}: is wrong"


def test_what_stands_nowhere_is_told_without_a_place():
    assert str(Table({}).error("is wrong")) == "is wrong"
    assert str(Table({}, (), {"a": "VAR"}).error("is wrong")) == "is wrong"


def test_values_do_not_show():
    assert "canary" not in repr(Table({"a": "canary"}))


def test_suggestions():
    assert suggestion("colr", ["colour", "size"]) == "; did you mean 'colour'?"
    assert suggestion("x", ["colour"]) == ""
