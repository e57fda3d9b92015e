"""CSIStorageCapacities: how much of a storage class there is for some nodes."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.kinds import node_labels
from fakekube.objects import as_sent, names, rules
from fakekube.objects.field_errors import FieldError, invalid
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.registry.kind import Object, Strategy

validate = rules.table(
    ("nodeTopology", rules.selector),
    ("storageClassName", rules.always_named(names.subdomain)),
    ("capacity", rules.quantity_non_negative),
)


def validate_update(capacity: Object, old: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    topology, before = capacity.get("nodeTopology"), old.get("nodeTopology")
    # A selector of everything is another than none.
    if topology != before or (topology is None) != (before is None):
        errors.append(invalid("nodeTopology", as_sent.shown_at(capacity, "nodeTopology"), IMMUTABLE_TEXT))
    return errors + rules.unchanged_at(capacity, old, "storageClassName")


def warnings(capacity: Object, old: Object | None) -> Sequence[str]:
    topology = capacity.get("nodeTopology") or {}
    return node_labels.term_warnings(topology, "nodeTopology") + [
        f"nodeTopology.matchLabels.{label}: {why}"
        for label in topology.get("matchLabels") or ()
        if (why := node_labels.deprecation(label))
    ]


STRATEGY = Strategy(
    validate_create=validate, validate_update_first=validate, validate_update=validate_update, warnings=warnings
)
