from __future__ import annotations

import pytest

from fakekube import facts


def test_resources_stand_in_the_order_of_discovery() -> None:
    groups = list(dict.fromkeys(row.group for row in facts.resources()))
    assert groups[:4] == ["", "apiregistration.k8s.io", "apps", "events.k8s.io"]
    assert [row.version for row in facts.resources() if row.group == "autoscaling"] == ["v2", "v1"]


def test_a_resource_knows_its_subresources_and_their_kinds() -> None:
    deployments = next(row for row in facts.resources() if row.resource == "deployments")
    scale = deployments.subresources[0]
    assert (scale.name, scale.group, scale.version, scale.kind) == ("scale", "autoscaling", "v1", "Scale")
    assert scale.verbs == ("get", "patch", "update")


def test_every_resource_and_subresource_has_a_type() -> None:
    for row in facts.resources():
        assert facts.has_type(row.type_name), row
        for door in row.subresources:
            assert facts.has_type(facts.type_name_of_kind(door.group, door.version, door.kind)), door


def test_every_listed_resource_has_a_list_type() -> None:
    for row in facts.resources():
        if "list" in row.verbs:
            assert facts.type_of(row.type_name + "List").fields["items"].ref == row.type_name


def test_events_of_both_groups_lie_in_one_shelf() -> None:
    stored = {row.group: row.stored_as for row in facts.resources() if row.resource == "events"}
    assert stored == {"": ("", "v1"), "events.k8s.io": ("", "v1")}


def test_a_status_at_create_holds_no_placeholder() -> None:
    pods = next(row for row in facts.resources() if row.resource == "pods")
    assert pods.status_at_create == {"phase": "Pending"}
    assert not any("<" in str(row.status_at_create) for row in facts.resources())


def test_only_nodes_keep_the_status_they_are_created_with() -> None:
    assert [row.resource for row in facts.resources() if row.keeps_status_at_create] == ["nodes"]


def test_fields_stand_in_the_order_in_which_the_server_writes_them() -> None:
    assert list(facts.type_of("core.v1.Pod").fields) == ["kind", "apiVersion", "metadata", "spec", "status"]
    assert list(facts.type_of("meta.ObjectMeta").fields)[:4] == ["name", "generateName", "namespace", "selfLink"]
    names = list(facts.type_of("meta.Status").fields)
    assert names == ["kind", "apiVersion", "metadata", "status", "message", "reason", "details", "code"]


def test_every_kind_begins_with_kind_and_api_version() -> None:
    for row in facts.resources():
        assert list(facts.type_of(row.type_name).fields)[:3] == ["kind", "apiVersion", "metadata"]


def test_embedded_structs_are_flat_and_named() -> None:
    empty_dir = facts.type_of("core.v1.Volume").fields["emptyDir"]
    assert (empty_dir.embedded, empty_dir.protobuf_within, empty_dir.protobuf) == ("VolumeSource", (2,), 2)
    scope = facts.type_of("admissionregistration.v1.NamedRuleWithOperations").fields["scope"]
    assert (scope.embedded, scope.protobuf_within) == ("RuleWithOperations.Rule", (2, 2))


@pytest.mark.parametrize(
    ("type_name", "field", "go_type"),
    [
        ("core.v1.PodSpec", "containers", "[]v1.Container"),
        ("core.v1.PodSpec", "restartPolicy", "v1.RestartPolicy"),
        ("core.v1.PodSpec", "terminationGracePeriodSeconds", "int64"),
        ("core.v1.Secret", "data", "map[string][]uint8"),
        ("core.v1.ConfigMap", "data", "map[string]string"),
        ("core.v1.ResourceRequirements", "limits", "v1.ResourceList"),
        ("meta.ObjectMeta", "uid", "types.UID"),
        ("certificates.v1.CertificateSigningRequestSpec", "request", "[]uint8"),
    ],
)
def test_go_types_are_those_of_decoding_errors(type_name: str, field: str, go_type: str) -> None:
    assert facts.type_of(type_name).fields[field].go_type == go_type


@pytest.mark.parametrize(
    ("type_name", "field", "shape", "type_"),
    [
        ("meta.ObjectMeta", "creationTimestamp", "one", "time"),
        ("coordination.v1.LeaseSpec", "renewTime", "one", "micro_time"),
        ("core.v1.ResourceRequirements", "limits", "map", "quantity"),
        ("core.v1.ServicePort", "targetPort", "one", "int_or_string"),
        ("core.v1.Secret", "data", "map", "bytes"),
        ("authentication.v1.UserInfo", "extra", "map_of_lists", "string"),
        ("apps.v1.ControllerRevision", "data", "one", "object"),
        ("meta.ManagedFieldsEntry", "fieldsV1", "one", "object"),
    ],
)
def test_values_of_a_special_form_have_a_word_of_their_own(type_name: str, field: str, shape: str, type_: str) -> None:
    facts_of_field = facts.type_of(type_name).fields[field]
    assert (facts_of_field.shape, facts_of_field.type) == (shape, type_)


def test_a_reference_leads_to_a_type() -> None:
    for name in facts.type_names():
        for field in facts.type_of(name).fields.values():
            assert (field.type == "ref") <= facts.has_type(field.ref), f"{name}.{field.name}"


def test_no_two_fields_of_one_message_share_a_protobuf_number() -> None:
    for name in facts.type_names():
        fields = [field for field in facts.type_of(name).fields.values() if field.protobuf]
        assert len({(field.protobuf_within, field.protobuf) for field in fields}) == len(fields), name


def test_kind_and_api_version_do_not_travel_in_protobuf() -> None:
    pod = facts.type_of("core.v1.Pod").fields
    assert (pod["kind"].protobuf, pod["apiVersion"].protobuf, pod["metadata"].protobuf) == (0, 0, 1)


def test_every_stored_kind_is_complete_in_protobuf() -> None:
    seen: set[str] = set()
    names = [row.type_name for row in facts.resources()]
    while names:
        name = names.pop()
        if name not in seen:
            seen.add(name)
            for field in facts.type_of(name).fields.values():
                assert field.protobuf or field.embedded == "TypeMeta", f"{name}.{field.name}"
                names += [field.ref] if field.ref else []


def test_lists_of_a_kind_always_hold_items() -> None:
    items = facts.type_of("core.v1.PodList").fields["items"]
    assert (items.always, items.empty) == (True, [])


def test_the_rules_of_defaults_are_found_by_type() -> None:
    assert {"set": "protocol", "to": "TCP"} in facts.defaults("core.v1.ContainerPort")
    assert facts.defaults("core.v1.ConfigMap") == ()


def test_the_rules_of_defaults_belong_to_types_that_exist() -> None:
    assert all(facts.has_type(name) for name in facts.type_names_with_defaults())


def test_an_unknown_type_raises_key_error() -> None:
    assert not facts.has_type("core.v1.Nonsense")
    with pytest.raises(KeyError):
        facts.type_of("core.v1.Nonsense")


def test_no_table_holds_a_sentence_of_the_documentation() -> None:
    for schema in facts.openapi_schemas().values():
        assert "description" not in schema
    assert not any(column[4] for row in facts.resources() for column in row.columns)
