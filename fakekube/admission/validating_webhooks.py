"""ValidatingAdmissionWebhook: programs elsewhere judge what is written."""

from __future__ import annotations

from collections.abc import Awaitable

from fakekube.admission.attributes import Attributes
from fakekube.registry.kind import Object


def validate(obj: Object, old: Object | None, attributes: Attributes) -> Awaitable[None] | None:
    """Raises StatusError: what a webhook refuses with, InternalError for its failures."""
    webhooks = attributes.webhooks
    if webhooks is None:
        return None
    asked = webhooks.validating.asked(attributes.kind, attributes.subresource, attributes.operation)
    if not asked:
        return None
    from fakekube.admission.webhooks import validate as ask_them

    return ask_them(webhooks, asked, None if attributes.operation == "DELETE" else obj, old, attributes)
