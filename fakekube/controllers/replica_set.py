"""Keeps the pods of a ReplicaSet.

https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/
"""

from __future__ import annotations

from fakekube.controllers.claims import selector_of
from fakekube.controllers.replication import Replication

CONTROLLER = Replication("replicasets.apps", "ReplicaSet", selector_of, tells_terminating=True).controller(
    "replicaset-controller"
)
