"""ClusterRoleBindings: who may do anywhere what a cluster role says."""

from __future__ import annotations

from fakekube.kinds.rbac_rules import CLUSTER_ROLE_BINDING, keeps_its_role
from fakekube.objects.rules import table
from fakekube.registry.kind import Strategy

STRATEGY = Strategy(
    validate_create=table(*CLUSTER_ROLE_BINDING),
    validate_update_first=table(*CLUSTER_ROLE_BINDING),
    validate_update=keeps_its_role,
)
