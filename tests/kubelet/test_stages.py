"""Stages as others write them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fakekube import FakeCluster
from fakekube.kubelet import StageError
from fakekube.kubelet.stages import Finalizers, Stage, choose, read

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STAGE = """
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: start}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchLabels: {play: "yes"}
    matchExpressions:
    - {key: .status.startTime, operator: DoesNotExist}
    - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
  delay:
    durationMilliseconds: 5000
    durationFrom: {expressionFrom: '.metadata.annotations["delay"]'}
  next:
    event: {type: Normal, reason: Begun, message: 'on {{ .spec.nodeName }}'}
    finalizers: {add: [{value: example.com/held}]}
    statusTemplate: |
      startTime: {{ Now | Quote }}
      phase: Running
      podIP: {{ PodIPWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace | Quote }}
      containerStatuses:
      {{ range .spec.containers }}
      - name: {{ .name }}
        image: {{ .image | Quote }}
        ready: true
      {{ end }}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: gone}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - jq: {key: .metadata.deletionTimestamp, operator: Exists}
  steps:
  - finalizers: {empty: true}
  - delete: true
"""
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"play": "yes"}},
    "spec": {"containers": [{"name": "main", "image": "nginx"}]},
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "stages.yaml").write_text(STAGE)
    (tmp_path / "other.yaml").write_text("kind: Kustomization\nresources: [stages.yaml]\n")
    return tmp_path


def test_a_pod_lives_by_stages_and_by_nothing_else(directory: Path) -> None:
    with FakeCluster(stages=str(directory)) as kube:
        kube.clock.freeze()
        kube.create(POD)
        kube.create({**POD, "metadata": {"name": "other"}})
        kube.clock.advance(seconds=4)
        assert "startTime" not in kube.get("pod", "web")["status"]
        kube.clock.advance(seconds=1)

        pod = kube.get("pod", "web")
        assert (pod["status"]["phase"], pod["status"]["podIP"]) == ("Running", "10.244.0.2")
        assert pod["metadata"]["finalizers"] == ["example.com/held"]
        assert [event["message"] for event in kube.events("pod", "web", reason="Begun")] == ["on fakekube-0"]
        assert kube.get("pod", "other")["status"]["phase"] == "Pending"

        kube.delete("pod", "web")
        kube.settle()
        assert kube.find("pod", "web") is None


def test_selectors(directory: Path) -> None:
    start, gone = read(directory)
    labels = {"play": "yes"}
    assert start.fits({"metadata": {"labels": labels}, "status": {}})
    assert not start.fits({"metadata": {}, "status": {}})
    assert not start.fits({"metadata": {"labels": labels}, "status": {"startTime": "now"}})
    assert gone.fits({"metadata": {"deletionTimestamp": "now"}})


def test_delays(directory: Path) -> None:
    start, gone = read(directory)
    chance = random.Random(1)
    assert gone.delay_s({"metadata": {}}, NOW, chance) == 0
    assert start.delay_s({"metadata": {}}, NOW, chance) == 5
    for text, expected in (("250", 0.25), ("1m", 60), ("2026-01-02T03:04:15Z", 10), ("nonsense", 5)):
        assert start.delay_s({"metadata": {"annotations": {"delay": text}}}, NOW, chance) == expected


def stage(tmp_path: Path, **spec: Any) -> Stage:
    import yaml

    whole = {"resourceRef": {"kind": "Pod"}, **spec}
    value = {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": "s"}, "spec": whole}
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(value))
    return read(tmp_path / "one.yaml")[0]


def test_a_jitter_is_the_latest_time(tmp_path: Path) -> None:
    one = stage(tmp_path, delay={"durationMilliseconds": 1000, "jitterDurationMilliseconds": 3000})
    delays = [one.delay_s({"metadata": {}}, NOW, random.Random(seed)) for seed in range(50)]
    assert min(delays) >= 1
    assert max(delays) <= 3
    assert max(delays) - min(delays) > 1


def test_of_several_that_fit_one_is_chosen_by_weight(tmp_path: Path) -> None:
    rare, often = stage(tmp_path, weight=1), stage(tmp_path, weight=9)
    never = stage(tmp_path, weightFrom={"expressionFrom": ".weight"})
    chosen = [choose([rare, often, never], {"metadata": {}, "weight": 0}, random.Random(seed)) for seed in range(200)]
    assert chosen.count(often) > 5 * chosen.count(rare) > 0
    assert never not in chosen
    assert choose([], {"metadata": {}}, random.Random(1)) is None


def test_finalizers() -> None:
    assert Finalizers(add=("b",), remove=("a",)).of(["a", "c"]) == ["c", "b"]
    assert Finalizers(empty=True).of(["a"]) == []


@pytest.mark.parametrize(
    ("was", "becomes", "line", "message"),
    [
        ("{{ Now | Quote }}", "{{ Now | Cite }}", 19, "the function 'Cite' is not supported"),
        ("operator: DoesNotExist", "operator: Lacks", 10, "the operator 'Lacks' is none of In, NotIn"),
        ("key: .status.startTime", "key: reduce .a", 10, "'reduce' is not supported"),
        ("  delay:", "  patience: 1\n  delay:", 12, "the field 'patience' is not supported: expected delay,"),
        ("{apiGroup: v1, kind: Pod}", "{}", 6, "spec.resourceRef.kind is missing"),
        ("jq: {", "cel: {", 36, "expressions in CEL are not supported, only jq"),
    ],
)
def test_what_is_not_supported_is_refused_with_file_and_line(
    directory: Path, was: str, becomes: str, line: int, message: str
) -> None:
    file = directory / "stages.yaml"
    file.write_text(STAGE.replace(was, becomes, 1))
    with pytest.raises(StageError) as refused:
        read(directory)
    assert str(refused.value).startswith(f"{file}:{line}: "), refused.value
    assert message in str(refused.value)


def test_a_directory_without_stages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="there are no stages here"):
        read(tmp_path)
    with pytest.raises(StageError, match="no such file"):
        read(tmp_path / "none")


SHAPES = Path(__file__).parent / "stages"
"""Stages that use what those that KWOK publishes use."""


def events_of(kube: FakeCluster, name: str) -> list[str]:
    return [each["reason"] for each in kube.list("events") if each["involvedObject"]["name"] == name]


def test_a_whole_life_by_stages_of_the_published_shape() -> None:
    with FakeCluster(stages=str(SHAPES)) as kube:
        kube.clock.freeze()
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web", "annotations": {"create.example.com/delay": "5s"}},
            "spec": {
                "initContainers": [{"name": "i", "image": "init"}],
                "containers": [{"name": "c", "image": "nginx"}],
                "readinessGates": [{"conditionType": "example.com/gate"}],
            },
        }
        kube.create(pod)
        kube.clock.advance(seconds=0.5)
        assert "podIP" not in kube.get("pod", "web")["status"]  # 1 s at the latest, by the jitter

        kube.clock.advance(seconds=1)
        status = kube.get("pod", "web")["status"]
        assert status["podIP"].startswith("10.")
        assert status["initContainerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"
        assert {each["type"]: each["status"] for each in status["conditions"]}["example.com/gate"] == "True"

        kube.clock.advance(seconds=1)
        kube.wait_for("pod", "web", "condition=Ready")
        assert kube.get("pod", "web")["status"]["containerStatuses"][0]["started"] is True
        assert events_of(kube, "web")[-2:] == ["Created", "Started"]

        kube.delete("pod", "web")
        kube.clock.advance(seconds=29)
        assert kube.find("pod", "web")
        kube.clock.advance(seconds=2)
        assert kube.find("pod", "web") is None
        assert events_of(kube, "web")[-1] == "Killing"


def test_a_job_completes_and_chaos_fails_the_container_that_annotations_name() -> None:
    with FakeCluster(stages=str(SHAPES)) as kube:
        kube.clock.freeze()
        work = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "work"}]}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "done"}}
        kube.create({**job, "spec": {"template": {"spec": work}}})
        annotations = {
            "failed.example.com/container-name": "b",
            "failed.example.com/reason": "OOMKilled",
            "failed.example.com/exit-code": "137",
        }
        containers = [{"name": name, "image": name} for name in ("a", "b")]
        kube.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "bad", "labels": {"failed.example.com": "true"}, "annotations": annotations},
                "spec": {"restartPolicy": "Never", "containers": containers},
            }
        )
        kube.clock.advance(seconds=10)
        kube.wait_for("job", "done", "condition=Complete")
        a, b = kube.get("pod", "bad")["status"]["containerStatuses"]
        assert "running" in a["state"]
        terminated = b["state"]["terminated"]
        assert (terminated["exitCode"], terminated["reason"]) == (137, "OOMKilled")
        assert kube.get("pod", "bad")["status"]["phase"] == "Failed"


def test_nodes_that_clients_create_are_initialized_by_stages_and_never_doubted() -> None:
    with FakeCluster(nodes=0, stages=str(SHAPES), run_any_node=True) as kube:
        kube.clock.freeze("2030-01-02T03:04:05Z")
        allocatable = {"cpu": "32", "memory": "256Gi", "pods": "110"}
        kube.create(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": "kwok-0"},
                "status": {"allocatable": allocatable, "capacity": allocatable},
            }
        )
        kube.settle()
        node = kube.get("node", "kwok-0")
        assert node["status"]["allocatable"] == allocatable
        assert [each["type"] for each in node["status"]["addresses"]] == ["InternalIP", "Hostname"]
        assert node["status"]["nodeInfo"]["kubeletVersion"] == "kwok-v0.7.0"
        kube.wait_for("node", "kwok-0", "condition=Ready")

        kube.clock.advance(minutes=15)
        kube.wait_for("node", "kwok-0", "condition=Ready")
        (ready,) = [each for each in kube.get("node", "kwok-0")["status"]["conditions"] if each["type"] == "Ready"]
        assert ready["lastHeartbeatTime"] > "2030-01-02T03:14:00Z"
        lease = kube.get("lease", "kwok-0", namespace="kube-node-lease")
        assert lease["spec"]["renewTime"] == "2030-01-02T03:19:05.000000Z"
