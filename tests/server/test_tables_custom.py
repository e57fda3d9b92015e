from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fakekube.kinds import Kinds
from fakekube.registry.kind import Subresource
from fakekube.server import tables
from fakekube.server.tables import json_path

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SHIP: dict[str, Any] = {
    "metadata": {
        "name": "full",
        "labels": {"fleet.example.com/name": "north"},
        "creationTimestamp": "2026-01-01T00:00:00Z",
    },
    "spec": {
        "crew": 12,
        "captain": "Ada",
        "afloat": True,
        "tons": 1.5,
        "built": "2001-02-03T04:05:06Z",
        "ports": [{"name": "a", "depth": 3}, {"name": "b", "depth": 9}],
        "motto": None,
    },
    "status": {"conditions": [{"type": "Other", "status": "No"}, {"type": "Ready", "status": "True"}]},
}


def cell(type: str, path: str, object: dict[str, Any] = SHIP) -> Any:
    printer = tables.custom_columns([{"name": "It", "type": type, "jsonPath": path}])
    return printer.cells[1](object, NOW)


@pytest.mark.parametrize(
    ("type", "path", "value"),
    [
        ("integer", ".spec.crew", 12),
        ("integer", ".spec.tons", 1),
        ("integer", ".spec.captain", None),
        ("integer", ".spec.afloat", None),
        ("number", ".spec.tons", 1.5),
        ("number", ".spec.crew", 12),
        ("number", ".spec.captain", None),
        ("boolean", ".spec.afloat", True),
        ("boolean", ".spec.crew", None),
        ("string", ".spec.captain", "Ada"),
        ("string", ".spec.crew", "12"),
        ("string", ".spec.afloat", "true"),
        ("string", ".spec.tons", "1.5"),
        ("string", ".spec.ports[0]", '{"depth":3,"name":"a"}'),
        ("string", ".spec.ports[*].name", "a"),
        ("string", '.status.conditions[?(@.type=="Ready")].status', "True"),
        ("string", r".metadata.labels.fleet\.example\.com/name", "north"),
        ("string", ".spec.nothing", None),
        ("string", ".spec.ports[7].name", None),
        ("date", ".spec.built", "24y"),
        ("date", ".spec.captain", "<invalid>"),
        ("date", ".spec.crew", None),
        ("mystery", ".spec.crew", None),
    ],
)
def test_cell_is_the_first_value_found_if_it_is_of_the_declared_type(type: str, path: str, value: Any) -> None:
    assert cell(type, path) == value


@pytest.mark.parametrize(
    ("number", "text"), [(3.0, "3"), (0.5, "0.5"), (1200000.0, "1.2e+06"), (0.00001, "1e-05"), (-2.25, "-2.25")]
)
def test_float_in_a_text_column_is_printed_as_go_does(number: float, text: str) -> None:
    assert cell("string", ".spec.x", {"spec": {"x": number}}) == text


def test_number_too_large_for_an_integer_column_becomes_the_least_integer() -> None:
    assert cell("integer", ".spec.x", {"spec": {"x": 1e300}}) == -(2**63)


def test_column_without_a_description_is_described_by_its_path() -> None:
    printer = tables.custom_columns([{"name": "Crew", "type": "integer", "jsonPath": ".spec.crew", "priority": 1}])

    assert [column.name for column in printer.columns] == ["Name", "Crew"]
    assert printer.columns[1] == (
        "Crew",
        "integer",
        "",
        "Custom resource definition column (in JSONPath format): .spec.crew",
        1,
    )


def test_definition_without_columns_shows_name_and_age() -> None:
    printer = tables.custom_columns(None)

    answer = tables.table(
        Kinds.builtin().named("configmaps"),
        [SHIP],
        version="v1",
        include_object="None",
        metadata={},
        now=NOW,
        printer=printer,
    )

    assert [(column["name"], column["type"]) for column in answer["columnDefinitions"]] == [
        ("Name", "string"),
        ("Age", "date"),
    ]
    assert answer["rows"][0]["cells"] == ["full", "24h"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.ports[-1].name", ["b"]),
        (".spec.ports[0:1].name", ["a"]),
        (".spec.ports[0,1].name", ["a", "b"]),
        (".spec.ports[?(@.depth>3)].name", ["b"]),
        (".spec.ports[?(@.depth<=3)].name", ["a"]),
        (".spec.ports[?(@.name!='a')].depth", [9]),
        (".spec.ports[?(@.draught)].name", []),
        (".metadata.labels['fleet.example.com/name']", ["north"]),
        ("..depth", [3, 9]),
        ("$.spec.crew", [12]),
        (".spec.crew.deeper", []),
        (".status.conditions[*].status", ["No", "True"]),
    ],
)
def test_path_finds(path: str, found: list[Any]) -> None:
    assert json_path.parse(path)(SHIP) == found


@pytest.mark.parametrize(
    "path",
    [
        ".spec.crew[0]",
        ".spec.ports[9]",
        ".spec.ports[?(@.name>1)]",
        ".spec[x]",
        ".spec b",
        ".spec.ports[0:1:0]",
        ".spec[?(@.x]",
    ],
)
def test_path_that_cannot_be_followed_is_an_error(path: str) -> None:
    with pytest.raises(json_path.PathError):
        json_path.parse(path)(SHIP)


@pytest.mark.parametrize(
    "path", [".spec[", '.spec["a"]', ".spec[ 0 ]", ".spec,b", ".spec[?(@.a=~'x')]", ".spec[?(!@.a)]"]
)
def test_a_path_that_cannot_be_read_ends_the_columns(path: str) -> None:
    columns = [{"name": name, "type": "string", "jsonPath": at} for name, at in (("A", ".a"), ("B", path), ("C", ".c"))]

    printer = tables.custom_columns(columns)

    assert [column.name for column in printer.columns] == ["Name", "A"]
    assert len(printer.cells) == 2


def test_a_number_is_what_a_float_can_hold_without_an_exponent() -> None:
    assert cell("number", ".n", {"n": 2**53 + 1}) == 2**53
    assert cell("number", ".n", {"n": 2**63 - 1}) == 9223372036854776000


def test_scale_of_a_custom_resource_has_the_columns_of_custom_resources() -> None:
    columns = ({"name": "Desired", "type": "integer", "jsonPath": ".spec.replicas"},)
    scale = Subresource("scale", "Scale", "autoscaling", "v1", ("get",), columns)

    printer = tables.printer_of(scale)

    assert [(column.name, column.format) for column in printer.columns] == [("Name", "name"), ("Desired", "")]
    assert [read({"metadata": {"name": "web"}, "spec": {}}, NOW) for read in printer.cells] == ["web", None]
