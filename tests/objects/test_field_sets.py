"""Sets of fields as trees, compared with plain sets of paths."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fakekube.objects import field_sets
from fakekube.objects.field_sets import Path, paths, set_of_paths

_element = st.sampled_from(("f:a", "f:b", "f:spec", 'k:{"name":"x"}', 'v:"y"'))
sets = st.sets(st.lists(_element, min_size=1, max_size=3).map(tuple), max_size=8)


def members(fields: field_sets.FieldSet) -> set[Path]:
    return set(paths(fields))


@given(sets, sets)
def test_trees_do_what_sets_of_paths_do(one: set[Path], other: set[Path]) -> None:
    left, right = set_of_paths(one), set_of_paths(other)

    assert members(left) == one
    assert members(field_sets.union(left, right)) == one | other
    assert members(field_sets.difference(left, right)) == one - other
    assert members(field_sets.intersection(left, right)) == one & other


@given(sets, st.lists(_element, min_size=1, max_size=2).map(tuple))
def test_without_a_path_all_below_it_goes_too(one: set[Path], path: Path) -> None:
    kept = field_sets.without(set_of_paths(one), [path])

    assert members(kept) == {each for each in one if each[: len(path)] != path}


@given(sets)
def test_a_set_is_written_in_order_and_read_back(one: set[Path]) -> None:
    fields = field_sets.in_order(set_of_paths(one))

    assert members(fields) == one
    assert field_sets.cleaned(fields) == fields
    assert list(fields) == sorted(fields, key=field_sets.order_of)


def test_members_with_children_are_marked() -> None:
    fields = set_of_paths([("f:data",), ("f:data", "f:a"), ("f:spec", "f:b")])

    assert fields == {"f:data": {".": {}, "f:a": {}}, "f:spec": {"f:b": {}}}
    assert field_sets.has(fields, ("f:data",))
    assert not field_sets.has(fields, ("f:spec",))


def test_paths_come_level_by_level() -> None:
    fields = set_of_paths(
        [
            ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name"),
            ("f:spec", "f:sessionAffinity"),
            ("f:spec", "f:ports", 'k:{"port":9,"protocol":"TCP"}', "f:name"),
            ("f:metadata", "f:finalizers", 'v:"x"'),
            ("f:metadata", "f:labels", "f:a/b"),
        ]
    )

    assert [field_sets.text(path) for path in paths(fields)] == [
        '.metadata.finalizers[="x"]',
        ".metadata.labels.a/b",
        ".spec.sessionAffinity",
        '.spec.ports[port=9,protocol="TCP"].name',
        '.spec.ports[port=80,protocol="TCP"].name',
    ]


def test_what_is_no_set_is_told_apart() -> None:
    assert field_sets.is_readable({"f:a": {".": {}, "k:{}": {}}, "x:unknown": {}})
    assert not field_sets.is_readable({"f:a": 1})
    assert not field_sets.is_readable({"k:[]": {}})
    assert not field_sets.is_readable({"v:x": {}})
    assert field_sets.cleaned({"f:a": {".": {}, "z:b": {}}}) == {"f:a": {}}


def test_items_are_in_the_order_of_what_their_keys_say_not_of_their_texts() -> None:
    small, large = 'k:{"containerPort":80}', 'k:{"containerPort":443}'

    assert list(field_sets.in_order({large: {}, small: {}})) == [small, large]
