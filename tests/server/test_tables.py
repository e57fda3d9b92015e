from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from fakekube import facts
from fakekube.errors import BadRequest
from fakekube.kinds import Kinds
from fakekube.registry.kind import Kind, Subresource
from fakekube.server import tables
from fakekube.server.tables import descriptions

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CREATED = "2026-01-01T23:59:18Z"
KINDS = Kinds.builtin()
SECRETS = KINDS.named("secrets")
SECRET: dict[str, Any] = {
    "kind": "Secret",
    "apiVersion": "v1",
    "metadata": {"name": "password", "namespace": "shop", "resourceVersion": "7", "creationTimestamp": CREATED},
    "data": {"a": "Yg==", "c": "ZA=="},
    "type": "Opaque",
}


def table(kind: Kind | Subresource, *objects: dict[str, Any], **options: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"version": "v1", "include_object": "None", "metadata": {}, "now": NOW}
    return tables.table(kind, objects, **given | options)


def test_table_has_its_keys_in_the_order_of_the_go_type() -> None:
    answer = table(SECRETS, SECRET, metadata={"resourceVersion": "7"})

    assert list(answer) == ["kind", "apiVersion", "metadata", "columnDefinitions", "rows"]
    assert list(answer["columnDefinitions"][0]) == ["name", "type", "format", "description", "priority"]
    assert answer["metadata"] == {"resourceVersion": "7"}
    assert answer["rows"] == [{"cells": ["password", "Opaque", 2, "42s"], "object": None}]


def test_table_is_of_the_version_that_was_asked_for() -> None:
    answer = table(SECRETS, SECRET, version="v1beta1", include_object="Metadata")

    assert answer["apiVersion"] == "meta.k8s.io/v1beta1"
    assert answer["rows"][0]["object"]["apiVersion"] == "meta.k8s.io/v1beta1"


def test_row_holds_the_metadata_of_its_object_and_nothing_else() -> None:
    (row,) = table(SECRETS, SECRET, include_object="Metadata")["rows"]

    assert row["object"] == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": SECRET["metadata"],
    }


def test_row_holds_the_whole_object_when_asked() -> None:
    (row,) = table(SECRETS, SECRET, include_object="Object")["rows"]

    assert row["object"] is SECRET


def test_empty_list_is_a_table_without_rows() -> None:
    answer = table(SECRETS)

    assert answer["rows"] == []
    assert [column["name"] for column in answer["columnDefinitions"]] == ["Name", "Type", "Data", "Age"]


def test_later_events_of_a_watch_leave_the_columns_out() -> None:
    assert table(SECRETS, SECRET, with_columns=False)["columnDefinitions"] is None


def test_bookmark_is_a_row_of_an_empty_object() -> None:
    bookmark = {"kind": "Secret", "apiVersion": "v1", "metadata": {"resourceVersion": "9"}}

    assert table(SECRETS, bookmark)["rows"][0]["cells"] == ["", "", 0, "<unknown>"]


@pytest.mark.parametrize(
    ("asked", "meant"), [("", "Metadata"), ("Metadata", "Metadata"), ("Object", "Object"), ("None", "None")]
)
def test_include_object_takes_four_words(asked: str, meant: str) -> None:
    assert tables.check_include_object(asked) == meant


def test_the_mark_after_the_initial_events_is_shown_to_who_wants_no_objects() -> None:
    mark = {"kind": "Secret", "metadata": {"annotations": {"k8s.io/initial-events-end": "true"}}}

    (row,) = table(SECRETS, mark, include_object="None")["rows"]

    assert row["object"]["metadata"] == mark["metadata"]


def test_another_include_object_is_refused_in_the_words_of_kubernetes() -> None:
    with pytest.raises(BadRequest) as refused:
        tables.check_include_object("Nope")

    assert refused.value.message == (
        'Unable to convert to Table as requested: includeObject: Invalid value: "Nope": '
        "must be 'Metadata', 'Object', 'None', or empty"
    )
    assert refused.value.details is None


def test_kind_that_shows_nothing_of_its_own_has_name_and_creation_time() -> None:
    answer = table(
        KINDS.named("roles.rbac.authorization.k8s.io"), {"metadata": {"name": "reader", "creationTimestamp": CREATED}}
    )

    assert answer["rows"][0]["cells"] == ["reader", CREATED]
    assert [column["type"] for column in answer["columnDefinitions"]] == ["string", "date"]


def test_flow_schemas_stand_in_the_order_of_their_precedence() -> None:
    schemas = [
        {"metadata": {"name": name}, "spec": {"matchingPrecedence": precedence}}
        for name, precedence in (("catch-all", 10000), ("kube-scheduler", 800), ("exempt", 1), ("controllers", 800))
    ]

    answer = table(KINDS.named("flowschemas.flowcontrol.apiserver.k8s.io"), *schemas)

    assert [row["cells"][0] for row in answer["rows"]] == ["exempt", "controllers", "kube-scheduler", "catch-all"]


def test_cells_and_metadata_are_those_of_the_object_as_it_is_stored() -> None:
    kind = KINDS.find("autoscaling", "v1", "horizontalpodautoscalers")
    assert kind is not None
    served = {"metadata": {"name": "web", "annotations": {"autoscaling.alpha.kubernetes.io/conditions": "[]"}}}
    stored = {"metadata": {"name": "web"}, "spec": {"maxReplicas": 9}}

    (row,) = table(kind, served, stored=[stored], include_object="Metadata")["rows"]
    (whole,) = table(kind, served, stored=[stored], include_object="Object")["rows"]

    assert row["cells"][4] == 9
    assert row["object"]["metadata"] == {"name": "web"}
    assert whole["object"] == served


def test_the_generation_of_a_daemon_sets_template_is_no_metadata() -> None:
    generation = {"deprecated.daemonset.template.generation": "1"}
    one = {"kind": "DaemonSet", "metadata": {"name": "d", "annotations": generation}}
    two = {"kind": "DaemonSet", "metadata": {"name": "d", "annotations": {**generation, "a": "b"}}}

    assert tables.partial_object_metadata(one, "v1")["metadata"] == {"name": "d"}
    assert tables.partial_object_metadata(two, "v1")["metadata"]["annotations"] == {"a": "b"}


def test_scale_of_a_workload_has_columns_of_its_own() -> None:
    scale = Subresource("scale", "Scale", "autoscaling", "v1", ("get",))

    answer = table(scale, {"metadata": {"name": "web"}, "spec": {"replicas": 3}, "status": {"replicas": 2}})

    columns = [(column["name"], column["type"], column["format"]) for column in answer["columnDefinitions"]]
    assert columns == [
        ("Name", "string", ""),
        ("Desired", "integer", ""),
        ("Available", "integer", ""),
        ("Age", "string", ""),
    ]
    assert answer["rows"][0]["cells"] == ["web", 3, 2, "<unknown>"]


@pytest.mark.parametrize("kind", list(KINDS), ids=repr)
def test_kind_has_a_cell_under_every_column(kind: Kind) -> None:
    names = [column.name for column in tables.columns_of(kind)]

    (row,) = table(kind, {"metadata": {}})["rows"]

    assert names == [column[0] for column in kind.facts.columns] or not kind.facts.columns
    # A real server writes an age in the rows of IPAddresses that no column announces.
    assert len(row["cells"]) == len(names) + (kind.kind == "IPAddress")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if facts.has_type(kind.type_name)], ids=repr)
def test_object_with_any_of_its_fields_absent_has_a_row(kind: Kind) -> None:
    chance = random.Random(1)
    objects = [_some_object(kind.type_name, chance) for _ in range(20)]

    assert len(table(kind, *objects, include_object="Metadata")["rows"]) == 20


def _some_object(type_name: str, chance: random.Random, depth: int = 0) -> dict[str, Any]:
    """Some fields of the type with values of their types, some null, some left out."""
    made: dict[str, Any] = {}
    for name, field in facts.type_of(type_name).fields.items():
        luck = chance.random()
        if luck < 0.4:
            continue
        values = [_some_value(field, chance, depth) for _ in range(chance.randint(0, 4))]
        if luck < 0.5:
            made[name] = None
        elif field.shape == "one":
            made[name] = _some_value(field, chance, depth)
        else:
            made[name] = values if field.shape == "list" else dict(zip("abcd", values, strict=False))
    return made


def _some_value(field: facts.Field, chance: random.Random, depth: int) -> Any:
    if field.type == "ref":
        return _some_object(field.ref, chance, depth + 1) if depth < 6 else {}
    return _SOME_VALUES[field.type](chance)


_SOME_VALUES: dict[str, Any] = {
    "string": lambda chance: chance.choice(["", "a", "1:2", "True", "Ready"]),
    "boolean": lambda chance: chance.random() < 0.5,
    "integer": lambda chance: chance.randint(-2, 5),
    "number": lambda chance: 1.5,
    "bytes": lambda chance: "YQ==",
    "time": lambda chance: "2020-01-01T00:00:00Z",
    "micro_time": lambda chance: "2020-01-01T00:00:00.000000Z",
    "quantity": lambda chance: "1Gi",
    "int_or_string": lambda chance: chance.choice([1, "5%"]),
    "any": lambda chance: {},
    "object": lambda chance: {},
}


def test_descriptions_are_those_of_the_fields_if_their_package_is_installed() -> None:
    pytest.importorskip("kubernetes_validate")

    described = {column.name: column.description for column in tables.columns_of(SECRETS)}

    assert described["Name"].startswith("Name must be unique within a namespace.")
    assert described["Data"].startswith("Data contains the secret data.")


def test_without_that_package_descriptions_are_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptions, "_folder", lambda: None)

    assert descriptions.describe("core.v1.Secret", "data") == ""
