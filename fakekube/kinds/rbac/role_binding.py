"""RoleBindings: who may do in one namespace what a role says."""

from __future__ import annotations

from fakekube.kinds.rbac_rules import ROLE_BINDING, keeps_its_role
from fakekube.objects.rules import table
from fakekube.registry.kind import Strategy

STRATEGY = Strategy(
    validate_create=table(*ROLE_BINDING), validate_update_first=table(*ROLE_BINDING), validate_update=keeps_its_role
)
