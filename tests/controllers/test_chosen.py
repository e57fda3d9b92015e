from __future__ import annotations

import pytest

from fakekube.controllers import CONTROLLERS, UnknownController, chosen


def names(words: str) -> set[str]:
    return {controller.name for controller in chosen(words)}


EVERYBODY = {controller.name for controller in CONTROLLERS}
ALWAYS = {"customresourcedefinition-controller", "priority-and-fairness-config-consumer"}
"""What the API server does itself."""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("*", EVERYBODY),
        ("*,-deployment", EVERYBODY - {"deployment-controller"}),
        ("*, -deployment-controller , -scheduler", EVERYBODY - {"deployment-controller", "default-scheduler"}),
        (
            "daemonset-controller,garbage-collector-controller",
            {"daemon-set-controller", "generic-garbage-collector"} | ALWAYS,
        ),
        ("*,-podgc,-horizontalpodautoscaling", EVERYBODY - {"pod-garbage-collector", "horizontal-pod-autoscaler"}),
        ("endpoint,endpoints-controller", {"endpoint-controller"} | ALWAYS),
        ("*,-ttl-controller,-bootstrapsigner,-tokencleaner,-nodeipam", EVERYBODY),
        ("-deployment", ALWAYS),
        ("", ALWAYS),
        ("-customresourcedefinition", ALWAYS - {"customresourcedefinition-controller"}),
    ],
)
def test_controllers_are_chosen_as_kube_controller_manager_has_it(words: str, expected: set[str]) -> None:
    assert names(words) == expected


def test_a_name_that_nobody_has_is_refused() -> None:
    with pytest.raises(UnknownController, match="there is no controller 'nope': expected"):
        chosen("*,-nope")


def test_controllers_that_share_an_account_are_chosen_one_by_one() -> None:
    left = chosen("*,-csrsigning,-certificatesigningrequest-cleaner-controller")
    certificates = [each.reconcile.__module__ for each in left if each.name == "certificate-controller"]
    assert certificates == ["fakekube.controllers.certificate_approval"]


OF_KUBE_CONTROLLER_MANAGER = (
    "serviceaccount-token",
    "endpoints",
    "endpointslice",
    "endpointslice-mirroring",
    "service-cidr",
    "replicationcontroller",
    "pod-garbage-collector",
    "resourcequota",
    "namespace",
    "serviceaccount",
    "garbage-collector",
    "daemonset",
    "job",
    "deployment",
    "replicaset",
    "horizontal-pod-autoscaler",
    "disruption",
    "statefulset",
    "cronjob",
    "certificatesigningrequest-signing",
    "certificatesigningrequest-approving",
    "certificatesigningrequest-cleaner",
    "node-lifecycle",
    "taint-eviction",
    "persistentvolume-binder",
    "clusterrole-aggregation",
    "ephemeral-volume",
    "persistentvolumeclaim-protection",
    "persistentvolume-protection",
    "ttl-after-finished",
    "root-ca-certificate-publisher",
)


@pytest.mark.parametrize("name", OF_KUBE_CONTROLLER_MANAGER)
def test_what_kube_controller_manager_calls_a_controller_chooses_one(name: str) -> None:
    assert len(names(f"{name}-controller") - ALWAYS) == 1
    assert len(chosen(f"*,-{name}-controller")) == len(CONTROLLERS) - 1
