from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from fakekube.kinds.pod_templates import template_of, validated_once, warned_once
from fakekube.objects.field_errors import FieldError, required


def pod(volume: str = "kube-api-access-b2c4d", **more: Any) -> dict[str, Any]:
    spec = {
        "containers": [{"name": "web", "volumeMounts": [{"name": volume, "mountPath": "/var/run"}]}],
        "volumes": [{"name": volume}],
        **more,
    }
    return {"metadata": {"name": "web"}, "spec": spec}


def test_the_name_that_is_drawn_by_lot_makes_no_template() -> None:
    assert template_of(pod("kube-api-access-b2c4d")) == template_of(pod("kube-api-access-zzzzz"))


@pytest.mark.parametrize(
    "volume",
    [
        "kube-api-access-",
        "kube-api-access-b2c4",
        "kube-api-access-aeiou",
        "kube-api-access-b2C4d",
    ],
)
def test_a_name_that_only_looks_drawn_does(volume: str) -> None:
    assert template_of(pod(volume)) != template_of(pod())
    assert volume.encode() in (template_of(pod(volume)) or b"")


def test_a_second_name_of_the_kind_does_as_well() -> None:
    one = pod(hostname="kube-api-access-zzzzz")

    assert template_of(one) != template_of(pod("kube-api-access-zzzzz", hostname="kube-api-access-zzzzz"))


def test_annotations_are_part_of_a_template() -> None:
    annotated = pod()
    annotated["metadata"]["annotations"] = {"a": "b"}

    assert template_of(annotated) != template_of(pod())


def test_a_template_that_passed_twice_is_not_asked_again() -> None:
    asked = []

    def validate(new: dict[str, Any]) -> Sequence[FieldError]:
        asked.append(new)
        return []

    once = validated_once(validate)
    for _ in range(5):
        assert once(pod()) == []

    assert len(asked) == 2


def test_a_template_that_is_wrong_is_told_each_time() -> None:
    once = validated_once(lambda new: [required("spec.containers[0].image")])

    assert [len(once(pod())) for _ in range(4)] == [1, 1, 1, 1]


def test_warnings_are_given_each_time_and_silence_is_remembered() -> None:
    asked = []

    def warnings(new: dict[str, Any], old: dict[str, Any] | None) -> Sequence[str]:
        asked.append(new)
        return ["odd"] if "hostname" in new["spec"] else []

    once = warned_once(warnings)

    assert [once(pod(hostname="x"), None) for _ in range(4)] == [["odd"]] * 4
    assert [once(pod(), None) for _ in range(5)] == [[]] * 5
    assert len(asked) == 6


def test_a_pod_whose_name_is_no_label_is_always_looked_at() -> None:
    once = warned_once(lambda new, old: ["name"] if "." in new["metadata"]["name"] else [])
    for _ in range(3):
        assert once(pod(), None) == []
    dotted = pod()
    dotted["metadata"]["name"] = "a.b"

    assert once(dotted, None) == ["name"]
