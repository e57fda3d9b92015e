from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakekube.facts import ResourceFacts, resources
from fakekube.objects import as_sent, defaults, structs
from fakekube.objects.completion import complete, remembered
from fakekube.objects.decode_messages import DecodeError

from ..conformance.recordings import selected
from .random_objects import PATCHED, objects

POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "a", "labels": {"b": "1", "a": "2"}},
    "spec": {"containers": [{"name": "c", "image": "nginx", "env": [{"name": "X", "value": "long" * 50}]}]},
}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    remembered.clear()


def of_pod(value: Any) -> structs.Decoded:
    return complete("core.v1.Pod", value, kind="Pod", version="v1")


def by_hand(type_name: str, value: Any, kind: str, version: str) -> structs.Decoded:
    decoded = structs.decode(type_name, value, kind=kind, version=version)
    defaults.apply(type_name, decoded.object)
    return decoded


def test_the_third_pod_of_a_template_is_what_the_first_was_but_for_its_metadata() -> None:
    first, _, third = of_pod(POD), of_pod(POD), of_pod({**POD, "metadata": {"generateName": "b-"}})

    assert len(remembered) == 1
    assert json.dumps({**third.object, "metadata": {}}) == json.dumps({**first.object, "metadata": {}})
    assert third.object["metadata"] == {"generateName": "b-"}


def test_what_was_sent_empty_is_known_of_the_third_pod_as_well() -> None:
    pod: Any = {**POD, "spec": {**POD["spec"], "volumes": []}}  # type: ignore[dict-item]

    for _ in range(3):
        spec = of_pod(pod).object["spec"]
        assert as_sent.shown_at(spec, "volumes") == []


def test_what_is_remembered_is_shared_by_nobody() -> None:
    for _ in range(3):
        of_pod(POD).object["spec"]["containers"][0]["image"] = "changed"

    assert of_pod(POD).object["spec"]["containers"][0]["image"] == "nginx"


def test_an_unknown_field_is_found_each_time() -> None:
    value = {**POD, "extra": 1}
    in_metadata = {**POD, "metadata": {"nmae": "a"}}

    assert [of_pod(value).unknown for _ in range(4)] == [["extra"]] * 4
    assert [of_pod(POD).unknown for _ in range(3)] == [[]] * 3
    assert of_pod(in_metadata).unknown == ["metadata.nmae"]


def test_metadata_of_a_wrong_type_is_told_in_the_words_of_the_whole_object() -> None:
    for _ in range(3):
        of_pod(POD)
    value = {**POD, "metadata": {"name": 1}}

    with pytest.raises(DecodeError) as told:
        of_pod(value)

    with pytest.raises(DecodeError) as by_itself:
        structs.decode("core.v1.Pod", value, kind="Pod", version="v1")
    assert str(told.value) == str(by_itself.value)


def test_whatever_was_recorded_is_completed_alike_each_time() -> None:
    kinds = {(each.group, each.version, each.resource): each for each in resources() if each.type_name}
    completed = 0
    for recording in selected(["defaults", "validation", "crud"]):
        for step in recording.scenario["steps"]:
            method, _, path = step.get("do", "").partition(" ")
            parts = path.partition("?")[0].strip("/").split("/")
            if method != "POST" or not isinstance(step.get("body"), dict) or len(parts) < 3:
                continue
            group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
            kind = kinds.get((group, version, parts[-1]))
            if kind is None:
                continue
            completed += 1
            _check(kind, step["body"])
    assert completed > 500


def _check(kind: ResourceFacts, body: Any) -> None:
    arguments = {"kind": kind.kind, "version": f"{kind.group}/{kind.version}" if kind.group else kind.version}
    try:
        wanted = by_hand(kind.type_name, body, **arguments)
    except DecodeError:
        return
    for _ in range(3):
        got = complete(kind.type_name, body, **arguments)
        assert json.dumps(got.object) == json.dumps(wanted.object)
        assert got.findings == wanted.findings


@given(st.data())
@settings(max_examples=300)
def test_defaults_that_are_filled_in_while_decoding_are_the_same_as_those_of_the_rules(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([kind for kind in PATCHED if not defaults.depends_on_time(kind.type_name)]))
    obj = data.draw(objects(kind))

    remembered.clear()
    completed = complete(kind.type_name, obj, kind=kind.kind, version=kind.api_version)

    wanted = by_hand(kind.type_name, obj, kind.kind, kind.api_version)
    assert json.dumps(completed.object) == json.dumps(wanted.object)


def test_a_default_that_a_rule_before_it_looks_at_is_left_to_the_rules() -> None:
    assert "dnsPolicy" in defaults.constants("core.v1.PodSpec")
    assert "timeoutSeconds" in defaults.constants("core.v1.Probe")
    assert "port" not in defaults.constants("core.v1.ServicePort")
