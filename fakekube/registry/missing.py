"""What is answered where an object is not in the store."""

from __future__ import annotations

from fakekube.errors import BadRequest, StatusError, not_found
from fakekube.objects.field_errors import go_quoted
from fakekube.registry.kind import Kind


def missing(kind: Kind, name: str) -> StatusError:
    """404, or 400 for a name that could be no part of a key, such as no object can have."""
    return _unusable(name) or not_found(kind.group, kind.resource, name)


def check_usable(name: str) -> None:
    """Raises BadRequest where an object of such a name cannot be made either."""
    if error := _unusable(name):
        raise error


def _unusable(name: str) -> BadRequest | None:
    faults = [f"may not be '{name}'"] if name in (".", "..") else [f"may not contain '{c}'" for c in "/%" if c in name]
    if faults:
        return BadRequest(f"Name parameter invalid: {go_quoted(name)}: {';'.join(faults)}")
    return None
