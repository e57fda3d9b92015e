"""Keeps the pods of a ReplicationController, whose selector is a plain map of labels.

https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller/
"""

from __future__ import annotations

from fakekube.controllers.loop import Object
from fakekube.controllers.replication import Replication
from fakekube.objects.selectors import LabelSelector, selector_of_labels


def selector_of(owner: Object) -> LabelSelector:
    return selector_of_labels(owner["spec"].get("selector"))


CONTROLLER = Replication(
    "replicationcontrollers", "ReplicationController", selector_of, tells_terminating=False
).controller("replication-controller")
