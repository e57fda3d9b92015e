"""ValidatingWebhookConfigurations: which webhooks are asked about which requests."""

from __future__ import annotations

from fakekube.kinds.webhook_rules import VALIDATING
from fakekube.objects.rules import table
from fakekube.registry.kind import Strategy

STRATEGY = Strategy(validate_create=table(*VALIDATING), validate_update=table(*VALIDATING))
