"""ValidatingAdmissionPolicyBindings: where a policy holds, and with which parameters."""

from __future__ import annotations

from fakekube.kinds.policy_rules import VALIDATING_BINDING
from fakekube.objects.rules import table
from fakekube.registry.kind import Strategy

STRATEGY = Strategy(validate_create=table(*VALIDATING_BINDING), validate_update=table(*VALIDATING_BINDING))
