"""RoleBindings: who may do in one namespace what a role says."""

from __future__ import annotations

from fakekube.kinds.rbac_rules import ROLE_BINDING, keeps_its_role
from fakekube.objects.field_errors import FieldError
from fakekube.objects.rules import check, table
from fakekube.registry.kind import Object, Strategy


def validate_update(binding: Object, old: Object) -> list[FieldError]:
    return check(binding, ROLE_BINDING) + keeps_its_role(binding, old)


STRATEGY = Strategy(validate_create=table(*ROLE_BINDING), validate_update=validate_update)
