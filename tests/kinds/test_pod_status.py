from __future__ import annotations

import copy
from typing import Any

import pytest

from fakekube.kinds import pod_status
from fakekube.registry.kind import Object


def pod(status: Any, **spec: Any) -> Object:
    return {
        "metadata": {"name": "p"},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c"}], **spec},
        "status": status,
    }


ENDED = {"containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 0}}}]}
RUNNING = {"containerStatuses": [{"name": "c", "state": {"running": {}}}]}


@pytest.mark.parametrize(
    ("old", "new", "texts"),
    [
        (
            {},
            {"podIPs": [{"ip": "192.0.2.2"}, {"ip": "192.0.2.3"}]},
            [
                'status.podIPs: Invalid value: [{"IP":"192.0.2.2"},{"IP":"192.0.2.3"}]: '
                "may specify no more than one IP for each IP family"
            ],
        ),
        ({}, {"podIPs": [{"ip": "192.0.2.2"}, {"ip": "2001:db8::1"}]}, []),
        (
            {},
            {"hostIP": "192.0.2.1", "hostIPs": [{"ip": "192.0.2.9"}]},
            ['status.hostIPs[0].ip: Invalid value: "192.0.2.9": must be equal to `hostIP`'],
        ),
        (
            ENDED,
            RUNNING,
            ["status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"],
        ),
        (
            {"qosClass": "BestEffort"},
            {"qosClass": "Burstable"},
            ['status.qosClass: Invalid value: "Burstable": field is immutable'],
        ),
    ],
)
def test_report_is_refused_as_the_real_server_refuses_it(old: Any, new: Any, texts: list[str]) -> None:
    assert [str(error) for error in pod_status.validate_update(pod(new), pod(old))] == texts


def test_container_that_is_always_restarted_may_run_again() -> None:
    assert pod_status.validate_update(pod(RUNNING, restartPolicy="Always"), pod(ENDED, restartPolicy="Always")) == []


def test_pod_on_a_node_is_nominated_for_no_other() -> None:
    new, old = pod({"nominatedNodeName": "other"}, nodeName="n"), pod({}, nodeName="n")

    assert [str(error) for error in pod_status.validate_update(new, old)] == [
        "status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node"
    ]


def test_report_keeps_what_it_leaves_out() -> None:
    conditions = [{"type": "Ready", "status": "True", "observedGeneration": 4}]
    old = pod({"qosClass": "BestEffort", "observedGeneration": 1, "conditions": conditions})
    new = pod({"podIP": "192.0.2.2", "conditions": [{"type": "Ready", "status": "False"}]})
    before = copy.deepcopy(old)

    pod_status.complete(new, old)

    assert new["status"] == {
        "observedGeneration": 1,
        "conditions": [{"type": "Ready", "status": "False", "observedGeneration": 4}],
        "podIP": "192.0.2.2",
        "podIPs": [{"ip": "192.0.2.2"}],
        "qosClass": "BestEffort",
    }
    assert old == before
