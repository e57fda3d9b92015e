"""Roles: what may be done in one namespace."""

from __future__ import annotations

from fakekube.kinds.rbac_rules import ROLE
from fakekube.objects.rules import table
from fakekube.registry.kind import Strategy

STRATEGY = Strategy(validate_create=table(*ROLE), validate_update_first=table(*ROLE))
