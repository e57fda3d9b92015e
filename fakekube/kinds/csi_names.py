"""How drivers of the Container Storage Interface may be called."""

from __future__ import annotations

from fakekube.objects import names
from fakekube.objects.field_errors import FieldError, invalid, required, too_long

MOST_BYTES = 63


def driver_name(name: str | None, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    errors = [too_long(path, MOST_BYTES)] if len(name) > MOST_BYTES else []
    return errors + [invalid(path, name, text) for text in names.subdomain(name.lower())]
