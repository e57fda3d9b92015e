"""MutatingWebhookConfigurations: which webhooks are asked about which requests."""

from __future__ import annotations

from fakekube.kinds.webhook_rules import MUTATING
from fakekube.objects.rules import table
from fakekube.registry.kind import Strategy

STRATEGY = Strategy(validate_create=table(*MUTATING), validate_update=table(*MUTATING))
