"""Objects whose versions are converted by a webhook: asked before they are shown, and before they are stored.

For all other kinds every function here gives back at once what it is given.
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.registry.kind import Kind, Object
from fakekube.storage.store import Stored


async def shown(kind: Kind, stored: Stored) -> Stored:
    """A stored object in the version of `kind`. Raises StatusError."""
    return stored if kind.strategy.read is None else (await all_shown(kind, [stored]))[0]


async def all_shown(kind: Kind, stored: Sequence[Stored]) -> list[Stored]:
    """Several, with one question. Raises StatusError."""
    read = kind.strategy.read
    if read is None or kind.is_stored_form:
        return list(stored)
    values = await read([each.value for each in stored])
    return [
        Stored(value, kind.head, each.namespace, each.name, each.revision)
        for each, value in zip(stored, values, strict=True)
    ]


async def as_stored(kind: Kind, obj: Object) -> Object:
    """An object in the version in which it is stored. Raises StatusError."""
    write = kind.strategy.write
    return obj if write is None else await write(obj)
