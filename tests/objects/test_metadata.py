from __future__ import annotations

from typing import Any

import pytest

from fakekube import facts
from fakekube.facts import ResourceFacts
from fakekube.objects import metadata, names
from fakekube.objects.field_errors import FieldError, required

SUBDOMAIN = names.subdomain("?")[0]
KEY = names.qualified_name("?")[0]
VALUE = names.label_value("?")[0]
POD_OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "1", "controller": True}
REPLICA_SET_OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "b", "uid": "2", "controller": True}
BOTH_OWNERS = (
    '[{"apiVersion":"v1","kind":"Pod","name":"a","uid":"1","controller":true},'
    '{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"b","uid":"2","controller":true}]'
)


def facts_of(resource: str) -> ResourceFacts:
    return next(row for row in facts.resources() if row.resource == resource)


def created(sent: dict[str, Any]) -> list[FieldError]:
    return metadata.validate_create(facts_of("endpoints"), {"namespace": "shop", **sent})


def updated(new: dict[str, Any], old: dict[str, Any], resource: str = "daemonsets") -> list[FieldError]:
    base = {"name": "c", "namespace": "shop", "uid": "1"}
    errors, again = metadata.validate_update(facts_of(resource), {**base, **new}, {**base, **old})
    return [*errors, *again]


@pytest.mark.parametrize(
    ("sent", "texts"),
    [
        ({"name": "c", "labels": {"a": "b"}, "annotations": {"Example.COM/Key": "any\nvalue"}}, []),
        ({}, ["metadata.name: Required value: name or generateName is required"]),
        ({"name": "fine", "generateName": "Bad_"}, [f'metadata.generateName: Invalid value: "Bad_": {SUBDOMAIN}']),
        ({"name": "c", "labels": {"app": "not ok"}}, [f'metadata.labels: Invalid value: "not ok": {VALUE}']),
        ({"name": "c", "labels": {"/a": "x"}}, ['metadata.labels: Invalid value: "/a": prefix part must be non-empty']),
        ({"name": "c", "annotations": {"A b": "x"}}, [f'metadata.annotations: Invalid value: "A b": {KEY}']),
        (
            {"name": "c", "annotations": {"a": "x" * metadata.ANNOTATIONS_MOST_BYTES}},
            ["metadata.annotations: Too long: may not be more than 262144 bytes"],
        ),
        (
            {"name": "c", "ownerReferences": [{"kind": "", "name": "", "uid": ""}]},
            [
                'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
                'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
                'metadata.ownerReferences.name: Invalid value: "": must not be empty',
                'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
            ],
        ),
        *(
            (
                {"name": "c", "ownerReferences": [{"apiVersion": wrong, "kind": "K", "name": "n", "uid": "1"}]},
                [f'metadata.ownerReferences.apiVersion: Invalid value: "{wrong}": version must not be empty'],
            )
            for wrong in ("a/b/c", "a/", "/")
        ),
        (
            {"name": "c", "ownerReferences": [POD_OWNER, REPLICA_SET_OWNER]},
            [
                f"metadata.ownerReferences: Invalid value: {BOTH_OWNERS}: Only one reference can have Controller set to true. "
                'Found "true" in references for Pod/a and ReplicaSet/b'
            ],
        ),
        (
            {"name": "c", "ownerReferences": [{"apiVersion": "v1", "kind": "Event", "name": "a", "uid": "1"}]},
            [
                'metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"a","uid":"1"}: '
                "/v1, Kind=Event is disallowed from being an owner"
            ],
        ),
        (
            {"name": "c", "finalizers": ["orphan", "foregroundDeletion"]},
            [
                'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: '
                "finalizer orphan and foregroundDeletion cannot be both set"
            ],
        ),
        (
            {"name": "A", "generation": -1, "labels": {"a": "?"}, "annotations": {"?": "a"}, "finalizers": ["?"]},
            [
                f'metadata.name: Invalid value: "A": {SUBDOMAIN}',
                "metadata.generation: Invalid value: -1: must be greater than or equal to 0",
                f'metadata.labels: Invalid value: "?": {VALUE}',
                f'metadata.annotations: Invalid value: "?": {KEY}',
                f'metadata.finalizers: Invalid value: "?": {KEY}',
                'metadata.finalizers[0]: Invalid value: "?": name is neither a standard finalizer name nor is it fully qualified',
            ],
        ),
    ],
)
def test_metadata_of_a_new_object_is_refused_as_the_real_server_refuses_it(
    sent: dict[str, Any], texts: list[str]
) -> None:
    assert [str(error) for error in created(sent)] == texts


def test_namespace_has_no_place_on_a_cluster_scoped_kind() -> None:
    errors = metadata.validate_create(facts_of("nodes"), {"name": "a", "namespace": "b"})

    assert [str(error) for error in errors] == ["metadata.namespace: Forbidden: not allowed on this type"]


def test_a_template_of_claims_has_labels_and_annotations_alone() -> None:
    errors = metadata.validate_template(
        {"uid": "1", "name": "c", "labels": {"a": "b"}, "selfLink": "/"}, "spec.metadata"
    )

    assert [str(error) for error in errors] == [
        f"spec.metadata.{field}: Forbidden: cannot be set" for field in ("name", "selfLink", "uID")
    ]


def test_bad_label_of_an_update_is_told_once_by_each_check() -> None:
    errors = updated({"labels": {"a": "?"}}, {})

    assert [error.field for error in errors] == ["metadata.labels"] * 3


@pytest.mark.parametrize(
    ("resource", "subresource", "first", "again"),
    [
        ("configmaps", "", 3, 1),
        ("limitranges", "", 3, 0),
        ("jobs", "", 3, 1),
        ("jobs", "status", 3, 0),
        ("certificatesigningrequests", "approval", 3, 1),
        ("persistentvolumes", "", 3, 1),
        ("persistentvolumeclaims", "status", 3, 0),
        ("cronjobs", "status", 2, 0),
        ("poddisruptionbudgets", "", 2, 0),
    ],
)
def test_kinds_look_at_changed_metadata_none_once_or_twice(
    resource: str, subresource: str, first: int, again: int
) -> None:
    facts_ = facts_of(resource)
    old = {"name": "c", "uid": "1"} | ({"namespace": "shop"} if facts_.namespaced else {})

    told, told_again = metadata.validate_update(facts_, {**old, "labels": {"a": "?"}}, old, subresource)

    assert [error.field for error in told] == ["metadata.labels"] * first
    assert [error.field for error in told_again] == ["metadata.labels"] * again


@pytest.mark.parametrize(("resource", "told"), [("roles", 1), ("validatingwebhookconfigurations", 0)])
def test_a_whole_look_asks_of_finalizers_what_creation_asks(resource: str, told: int) -> None:
    facts_ = facts_of(resource)
    place = {"namespace": "shop"} if facts_.namespaced else {}

    errors = metadata.validate_create(facts_, {"name": "c", **place, "finalizers": ["hold"]})

    assert [error.field for error in errors] == ["metadata.finalizers[0]"] * told


def test_lease_takes_a_finalizer_without_a_domain() -> None:
    assert updated({"finalizers": ["hold"]}, {}, "leases") == []


def test_deletion_timestamp_cannot_be_set_by_an_update() -> None:
    errors = updated({"deletionTimestamp": "2001-01-01T00:00:00Z", "deletionGracePeriodSeconds": 5}, {})

    assert [str(error) for error in errors] == [
        'metadata.deletionTimestamp: Invalid value: "2001-01-01T00:00:00Z": field is immutable',
        "metadata.deletionGracePeriodSeconds: Invalid value: 5: field is immutable",
    ] * 2


def test_object_that_is_being_deleted_takes_no_new_finalizers() -> None:
    gone = {"deletionTimestamp": "2001-01-01T00:00:00Z"}
    errors = updated({"finalizers": ["x.io/a", "x.io/c", "x.io/b"], **gone}, {"finalizers": ["x.io/a"], **gone})

    assert [str(error) for error in errors] == [
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
        'found new finalizers []string{"x.io/b", "x.io/c"}'
    ] * 2


def test_owner_named_twice_is_kept_once_and_warned_about() -> None:
    changed = {"ownerReferences": [POD_OWNER, REPLICA_SET_OWNER, POD_OWNER]}

    uids = metadata.drop_duplicate_owners(changed)

    assert changed["ownerReferences"] == [POD_OWNER, REPLICA_SET_OWNER]
    assert metadata.duplicate_owners_warning(uids).endswith("fix your requests; duplicate UID(s) observed: 1")


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        ("poddisruptionbudgets", []),
        ("certificatesigningrequests", ["metadata.labels"]),
        ("clusterroles", ["metadata.name", "metadata.labels"]),
    ],
)
def test_some_kinds_leave_their_metadata_to_the_check_that_comes_last(resource: str, told: list[str]) -> None:
    facts_ = facts_of(resource)
    place = {"namespace": "shop"} if facts_.namespaced else {}
    errors = metadata.validate_create(facts_, {**place, "name": "a/b", "labels": {"a": "?"}})

    together = metadata.told_together(facts_, [required("kind")], errors, [required("spec")])

    assert [error.field for error in errors] == ["metadata.name", "metadata.labels"]
    assert [error.field for error in together] == ["kind", *told, "spec"]


def test_names_that_are_declared_are_judged_in_bytes() -> None:
    (error,) = metadata.validate_create(facts_of("deviceclasses"), {"name": "a" * 254, "generateName": "A"})

    assert str(error).endswith("must be no more than 253 bytes")
