"""The table `resources.json`: a row for every resource that the server serves, in the order of discovery.

Names, scope, verbs and hashes are those of discovery; the rest was measured on a real server, kind by kind (`tools/data`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

STORED_AS = {
    ("events.k8s.io", "v1", "events"): ("", "v1"),
    ("autoscaling", "v1", "horizontalpodautoscalers"): ("autoscaling", "v2"),
}
"""Resources that show objects of another served group version. All others are the only view of their objects."""

KEPT = "kept"
"""In defaults.yaml, in place of a status at create: the kind takes the one that was sent."""

_NO_SELECTORS: dict[str, Any] = {"fieldSelectors": [], "fieldSelectorError": "", "bookmark": {}}


class FactsDisagree(Exception):
    """Two measurements of one kind tell different things."""


def resources(
    *,
    discovery: Mapping[str, Any],
    columns: Mapping[str, Any],
    listing: Mapping[str, Any],
    behaviour: Iterable[Mapping[str, Any]],
    names: Mapping[str, Any],
    types_of_kinds: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The rows. `behaviour` is `kinds` of defaults.yaml, `names` validation-kinds.json, `types_of_kinds` as `type_facts.kinds` gives it.

    Raises FactsDisagree.
    """
    behaviour_by_kind = {f"{row['apiVersion']} {row['kind']}": row for row in behaviour}
    rows = []
    for group, version, document in _documents(discovery):
        api_version = f"{group}/{version}" if group else version
        subresources: dict[str, list[dict[str, Any]]] = {}
        for entry in document:
            resource, _, subresource = entry["name"].partition("/")
            if subresource:
                row = {
                    "name": subresource,
                    "kind": entry["kind"],
                    "group": entry.get("group", group),
                    "version": entry.get("version", version),
                    "verbs": entry["verbs"],
                }
                subresources.setdefault(resource, []).append(row)
        for entry in document:
            resource = entry["name"]
            if "/" in resource:
                continue
            kind = f"{api_version} {entry['kind']}"
            measured: Mapping[str, Any] = behaviour_by_kind.get(kind, {})
            naming: Mapping[str, Any] = names.get(kind, {})
            listed = listing.get(f"{api_version}/{resource}", _NO_SELECTORS)
            if measured and measured["put_creates"] != naming["put_creates"]:
                raise FactsDisagree(f"{kind}: does PUT create it?")
            if measured and measured["put_needs_resourceVersion"] == naming["put_without_resource_version"]:
                raise FactsDisagree(f"{kind}: does PUT need a resource version?")
            rows.append(
                {
                    "group": group,
                    "version": version,
                    "resource": resource,
                    "singular": entry["singularName"],
                    "kind": entry["kind"],
                    "namespaced": entry["namespaced"],
                    "verbs": entry["verbs"],
                    "short_names": entry.get("shortNames", []),
                    "categories": entry.get("categories", []),
                    "storage_version_hash": entry.get("storageVersionHash", ""),
                    "subresources": subresources.get(resource, []),
                    "type_name": types_of_kinds[f"{group}/{version}/{entry['kind']}"],
                    "stored_as": STORED_AS.get((group, version, resource), (group, version)),
                    "name_rule": naming.get("name", ""),
                    "generation": str(measured.get("generation", "as sent")),
                    "generation_grows_with": measured.get("generation_grows_with", []),
                    "status_at_create": _status(measured.get("status_at_create")),
                    "keeps_status_at_create": measured.get("status_at_create") == KEPT,
                    "put_creates": measured.get("put_creates", False),
                    "put_needs_resource_version": measured.get("put_needs_resourceVersion", False),
                    "status_write_takes_metadata": measured.get("status_write_takes_metadata", []),
                    "other_known_versions": naming.get("other_known_versions", []),
                    "field_selectors": listed["fieldSelectors"],
                    "field_selector_error": listed["fieldSelectorError"],
                    "empty": listed["bookmark"] or {},
                    "columns": [[*column, ""] for column in columns.get(f"{api_version}/{resource}", [])],
                }
            )
    return rows


def _documents(discovery: Mapping[str, Any]) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Group, version and resources of every group version: the core group first, then as `/apis` orders them."""
    legacy = discovery["legacy"]
    yield "", "v1", legacy["/api/v1"]["resources"]
    for group in legacy["/apis"]["groups"]:
        for version in group["versions"]:
            yield group["name"], version["version"], legacy[f"/apis/{version['groupVersion']}"]["resources"]


def _status(measured: Any) -> Any:
    """The status of a fresh object without the members that only the kind's own code can tell (`<now>`, `<computed>`)."""
    if measured is None:
        return None
    if measured == KEPT:
        return {}
    return {name: value for name, value in measured.items() if "<" not in str(value)}
