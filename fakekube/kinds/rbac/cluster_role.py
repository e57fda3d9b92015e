"""ClusterRoles: what may be done anywhere, written out or gathered from other roles."""

from __future__ import annotations

from fakekube.kinds.rbac_rules import CLUSTER_ROLE
from fakekube.objects.rules import table
from fakekube.registry.kind import Strategy

STRATEGY = Strategy(validate_create=table(*CLUSTER_ROLE), validate_update_first=table(*CLUSTER_ROLE))
