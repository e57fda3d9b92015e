from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from fakekube.kinds.pod_templates import judged_once, template_of
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


class Judges:
    """Counts what is asked of it."""

    def __init__(self) -> None:
        self.validated: list[dict[str, Any]] = []
        self.asked_to_warn: list[dict[str, Any]] = []

    def validate(self, new: dict[str, Any]) -> Sequence[FieldError]:
        self.validated.append(new)
        return [required("spec.containers[0].image")] if "nodeName" in new["spec"] else []

    def warn(self, new: dict[str, Any], old: dict[str, Any] | None) -> Sequence[str]:
        self.asked_to_warn.append(new)
        return ["odd"] if "hostname" in new["spec"] or "." in new["metadata"]["name"] else []


def test_a_template_that_passed_twice_is_not_judged_again() -> None:
    judges = Judges()
    validate, warn = judged_once(judges.validate, judges.warn)
    for _ in range(5):
        new = pod()
        assert validate(new) == []
        assert warn(new, None) == []

    assert (len(judges.validated), len(judges.asked_to_warn)) == (2, 2)


def test_a_template_that_is_wrong_is_told_each_time() -> None:
    judges = Judges()
    validate, _ = judged_once(judges.validate, judges.warn)

    assert [len(validate(pod(nodeName="a"))) for _ in range(4)] == [1, 1, 1, 1]


def test_warnings_are_given_each_time() -> None:
    judges = Judges()
    validate, warn = judged_once(judges.validate, judges.warn)
    for _ in range(4):
        new = pod(hostname="x")
        validate(new)

        assert warn(new, None) == ["odd"]


def test_a_pod_whose_name_is_no_label_is_always_looked_at() -> None:
    judges = Judges()
    validate, warn = judged_once(judges.validate, judges.warn)
    for _ in range(3):
        new = pod()
        validate(new)
        assert warn(new, None) == []
    dotted = pod()
    dotted["metadata"]["name"] = "a.b"
    validate(dotted)

    assert warn(dotted, None) == ["odd"]


def test_a_pod_that_was_not_the_last_to_be_validated_is_looked_at() -> None:
    judges = Judges()
    validate, warn = judged_once(judges.validate, judges.warn)
    for _ in range(3):
        new = pod()
        validate(new)
        warn(new, None)
    validate(pod())

    assert warn(pod(hostname="x"), None) == ["odd"]
    assert warn(pod(hostname="x"), pod()) == ["odd"]
