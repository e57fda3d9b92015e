"""Rules of workloads that follow from the real strategies and that no recording shows; each refusal word for word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakekube.errors import BadRequest
from fakekube.kinds.apps import daemon_set, stateful_set
from fakekube.kinds.job_rules import overlap
from fakekube.objects import defaults, schemas

Refused = Callable[..., list[str]]

MAIN = {"containers": [{"name": "main", "image": "i"}]}
CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


def stateful(spec: Any = None, **template: Any) -> Any:
    described = {"metadata": {"labels": {"a": "b"}}, "spec": {**MAIN, **template}}
    return {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": described, **(spec or {})}}


def test_volumes_of_claims_take_the_place_of_their_namesakes(refused: Refused) -> None:
    volumes = [{"name": "data", "emptyDir": {}}, {"name": "other", "secret": {}}]

    why = refused("statefulsets.apps", stateful({"volumeClaimTemplates": [CLAIM]}, volumes=volumes))

    assert why == ["spec.template.spec.volumes[1].secret.secretName: Required value"]


def test_the_controller_of_a_stateful_set_names_its_pods_whatever_the_template_says(refused: Refused) -> None:
    assert refused("statefulsets.apps", stateful(hostname="H", subdomain="S")) == []


def test_labels_of_a_template_are_asked_twice(refused: Refused) -> None:
    spec = stateful()
    spec["spec"]["template"]["metadata"]["annotations"] = {"a b": ""}

    why = refused("statefulsets.apps", spec)

    assert len(why) == 2
    assert len(set(why)) == 1


def test_what_cannot_change_is_not_asked_again(refused_change: Refused) -> None:
    before, after = stateful(), stateful({"serviceName": "S", "volumeClaimTemplates": [{}]})
    after["spec"]["volumeClaimTemplates"][0]["metadata"] = {"name": "data"}

    assert refused_change("statefulsets.apps", before, after) == [f"spec: Forbidden: {stateful_set._FROZEN}"]


def test_how_many_pods_of_a_stateful_set_may_be_away_is_dropped() -> None:
    new = stateful({"updateStrategy": {"rollingUpdate": {"partition": 1, "maxUnavailable": 2}}})

    stateful_set.prepare(new)

    assert new["spec"]["updateStrategy"] == {"rollingUpdate": {"partition": 1}}


@pytest.mark.parametrize(
    ("generation", "why"),
    [("A", "invalid syntax"), ("", "invalid syntax"), ("9223372036854775808", "value out of range")],
)
def test_generation_of_a_daemon_set_is_a_number(operation: Any, generation: str, why: str) -> None:
    new = {"metadata": {"annotations": {daemon_set.TEMPLATE_GENERATION: generation}}, "spec": {}}

    with pytest.raises(BadRequest) as refusal:
        daemon_set.prepare_create(new, operation)

    assert str(refusal.value) == (
        f'DaemonSet in version "v1" cannot be handled as a DaemonSet: strconv.ParseInt: parsing "{generation}": {why}'
    )


def test_collisions_only_become_more() -> None:
    why = daemon_set.validate_status({"status": {}}, {"status": {"collisionCount": 2}})

    assert [str(error) for error in why] == ["status.collisionCount: Invalid value: 0: cannot be decremented"]


@pytest.mark.parametrize(("done", "failed", "both"), [("0-3,7", "5,7-8", 7), ("0-1", "2", None), ("x,4", "4", 4)])
def test_indexes_are_done_or_failed(done: str, failed: str, both: int | None) -> None:
    assert overlap(done, failed, 10) == both


@pytest.mark.parametrize(
    ("zone", "why"),
    [
        ("Etc/UTC", []),
        (
            "local",
            [
                "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
                "unknown time zone local",
            ],
        ),
        ("Etc/../UTC", ["unknown time zone Etc/../UTC"]),
    ],
)
def test_time_zones_are_asked_for_by_name(refused: Refused, zone: str, why: list[str]) -> None:
    template = {"spec": {"template": {"spec": {**MAIN, "restartPolicy": "Never"}}}}
    cron_job = {"spec": {"schedule": "@daily", "timeZone": zone, "jobTemplate": template}}

    assert refused("cronjobs.batch", cron_job) == [f'spec.timeZone: Invalid value: "{zone}": {each}' for each in why]


def test_a_template_of_claims_is_of_claims_whatever_it_calls_itself() -> None:
    claim = {"kind": "Volume", "apiVersion": "v9", "metadata": {"name": "data"}}
    body = {"spec": {"volumeClaimTemplates": [claim], "template": {}}}
    made = schemas.decode("apps.v1.StatefulSet", body, kind="StatefulSet", version="apps/v1").object

    defaults.apply("apps.v1.StatefulSet", made)

    (template,) = made["spec"]["volumeClaimTemplates"]
    assert (template["kind"], template["apiVersion"]) == ("PersistentVolumeClaim", "v1")
