from __future__ import annotations

from typing import Any

from fakekube.kinds.core.namespace import STRATEGY


def test_new_namespace_is_held_by_kubernetes_and_labelled_with_its_name(operation: Any) -> None:
    namespace: dict[str, Any] = {"metadata": {"name": "shop", "labels": {"kubernetes.io/metadata.name": "other"}}}

    STRATEGY.prepare_create(namespace, operation)

    assert namespace["spec"] == {"finalizers": ["kubernetes"]}
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "shop"}
    assert STRATEGY.holds_deletion(namespace)


def test_a_namespace_without_a_name_is_left_to_the_rules_of_names(operation: Any) -> None:
    namespace: dict[str, Any] = {"metadata": {}}

    STRATEGY.prepare_create(namespace, operation)

    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": ""}


def test_ordinary_update_leaves_the_finalizers_of_the_spec_alone(operation: Any) -> None:
    old = {"metadata": {"name": "shop"}, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    new: dict[str, Any] = {"metadata": {"name": "shop"}, "spec": {}}

    STRATEGY.prepare_update(new, old, operation)

    assert new["spec"] == {"finalizers": ["kubernetes"]}


def test_deleted_namespace_is_terminating_and_has_no_grace_period() -> None:
    namespace: dict[str, Any] = {
        "metadata": {"name": "shop", "deletionGracePeriodSeconds": 0},
        "status": {"phase": "Active"},
    }

    assert STRATEGY.mark_deleted is not None
    STRATEGY.mark_deleted(namespace)

    assert namespace == {"metadata": {"name": "shop"}, "status": {"phase": "Terminating"}}


def test_finalizer_without_a_domain_is_refused_at_finalize_with_its_place() -> None:
    namespace = {"metadata": {"name": "shop"}, "spec": {"finalizers": ["kubernetes", "hold"]}}

    errors = STRATEGY.doors["finalize"].validate(namespace, namespace)

    assert [str(error) for error in errors] == [
        'spec.finalizers[1]: Invalid value: "hold": name is neither a standard finalizer name nor is it fully qualified'
    ]
