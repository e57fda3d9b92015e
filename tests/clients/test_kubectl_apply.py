"""kubectl apply changes an object into what is wanted, whatever it was before, and kubectl diff says so beforehand."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .conftest import Cluster

Kubectl = Callable[..., str]
Json = dict[str, Any]

WHOLE = "diff -N -U 100000"
"""Told by kubectl diff: every line of both, so that the second can be read out of it."""
_words = st.sampled_from(("a", "b", "c"))
_maps = st.dictionaries(_words, _words, max_size=3)
few = settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    # Each example takes seconds: to look for a smaller one would take many minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@pytest.fixture
def kubectl(cluster: Cluster, namespace: str) -> Kubectl:
    """`kubectl("get", "pods")` is what it prints; `code` is the exit status that is expected beside 0."""

    def run(*arguments: str, stdin: Any = None, code: int = 0) -> str:
        command = ["kubectl", "--namespace", namespace, *arguments]
        text = "" if stdin is None else json.dumps(stdin)
        environment = {**cluster.environment(), "KUBECTL_EXTERNAL_DIFF": WHOLE}
        done = subprocess.run(
            command, env=environment, input=text, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode in (0, code), done.stdout + done.stderr
        return done.stdout

    return run


def _told_apart(items: st.SearchStrategy[Json], key: str) -> st.SearchStrategy[list[Json]]:
    return st.lists(items, min_size=1, max_size=3, unique_by=lambda item: item[key])


_variables = st.fixed_dictionaries({"name": _words}, optional={"value": _words})
_ports = st.fixed_dictionaries(
    {"containerPort": st.sampled_from((80, 443))}, optional={"name": st.just("web"), "protocol": st.just("UDP")}
)
_containers = _told_apart(
    st.fixed_dictionaries(
        {"name": _words, "image": st.sampled_from(("i:1", "i:2"))},
        optional={
            "env": _told_apart(_variables, "name"),
            "ports": _told_apart(_ports, "containerPort").filter(
                lambda ports: sum("name" in each for each in ports) < 2
            ),
            "args": st.lists(_words, min_size=1, max_size=2),
            "resources": st.just({"limits": {"cpu": "1"}}),
        },
    ),
    "name",
)
_pods = st.fixed_dictionaries(
    {"containers": _containers},
    optional={
        "nodeSelector": st.dictionaries(_words, _words, min_size=1, max_size=3),
        "tolerations": st.just([{"key": "a", "operator": "Exists"}]),
        "imagePullSecrets": _told_apart(st.fixed_dictionaries({"name": _words}), "name"),
    },
)


def deployment(pod: Json, labels: Json, replicas: int | None, strategy: str | None) -> Json:
    template = {"metadata": {"labels": {"app": "web", **labels}}, "spec": pod}
    spec: Json = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    if replicas is not None:
        spec["replicas"] = replicas
    if strategy is not None:
        # Where a strategy leaves out what the server fills in, kubectl takes it away each time.
        parameters = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}} if strategy == "RollingUpdate" else {}
        spec["strategy"] = {"type": strategy, **parameters}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": spec}


def config_map(data: Json, labels: Json, annotations: Json) -> Json:
    # An empty map in a configuration is a change each time it is applied.
    metadata = {"name": "x", **({"labels": labels} if labels else {})}
    metadata |= {"annotations": annotations} if annotations else {}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **({"data": data} if data else {})}


def network_policy(ports: list[int], selector: Json, peers: list[Json]) -> Json:
    rule = {
        "ports": [{"port": port, "protocol": "TCP"} for port in ports],
        "from": [{"podSelector": {"matchLabels": p}} for p in peers],
    }
    spec = {"podSelector": {"matchLabels": selector}, "ingress": [rule]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "x"}, "spec": spec}


deployments = st.builds(
    deployment,
    _pods,
    _maps,
    st.sampled_from((None, 0, 2)),
    st.sampled_from((None, "Recreate", "RollingUpdate")),
)
config_maps = st.builds(config_map, _maps, _maps, _maps)
_some = st.dictionaries(_words, _words, min_size=1, max_size=3)
network_policies = st.builds(
    network_policy,
    st.lists(st.integers(1, 3), unique=True, min_size=1, max_size=2),
    _some,
    st.lists(_some, min_size=1, max_size=2),
)
pairs = st.one_of(*(st.tuples(each, each) for each in (deployments, config_maps, network_policies)))


def merged(diff: str) -> Any:
    """The object that kubectl diff says there will be."""
    lines = [line[1:] for line in diff.splitlines() if line[:1] in (" ", "+") and not line.startswith("+++ ")]
    return yaml.safe_load("\n".join(lines))


def written(obj: Json) -> Json:
    """What clients say of an object; diff shows no annotation of apply, and controllers add theirs later."""
    return {"spec": obj.get("spec"), "data": obj.get("data"), "labels": obj["metadata"].get("labels")}


@few
@given(pairs)
def test_apply_gives_what_diff_has_shown_and_then_nothing_is_left_to_do(
    kubectl: Kubectl, pair: tuple[Json, Json]
) -> None:
    first, second = pair
    kind = first["kind"].lower()
    kubectl("delete", kind, "x", "--ignore-not-found")
    kubectl("apply", "-f", "-", stdin=first)

    shown = kubectl("diff", "-f", "-", stdin=second, code=1)
    kubectl("apply", "-f", "-", stdin=second)
    there = json.loads(kubectl("get", kind, "x", "-o", "json"))

    assert not shown or written(merged(shown)) == written(there)
    assert kubectl("diff", "-f", "-", stdin=second) == ""
    assert kubectl("apply", "-f", "-", stdin=second).rstrip().endswith("unchanged")


@few
@given(pairs)
def test_what_was_before_leaves_nothing_in_what_is_applied(kubectl: Kubectl, pair: tuple[Json, Json]) -> None:
    first, second = pair
    kind = first["kind"].lower()
    kubectl("delete", kind, "x", "y", "--ignore-not-found")

    kubectl("apply", "-f", "-", stdin=first)
    kubectl("apply", "-f", "-", stdin=second)
    kubectl("apply", "-f", "-", stdin={**second, "metadata": {**second["metadata"], "name": "y"}})

    changed, fresh = (json.loads(kubectl("get", kind, name, "-o", "json")) for name in ("x", "y"))
    assert written(changed) == written(fresh)
