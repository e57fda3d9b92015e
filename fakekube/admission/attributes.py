"""What admission may know of the request that it judges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fakekube.errors import Forbidden, forbidden
from fakekube.registry.clock import Chance
from fakekube.registry.kind import Kind, Object
from fakekube.registry.user import User


def _nothing() -> None:
    pass


@dataclass(slots=True)
class Attributes:
    """One write; nobody changes it, but for `take_back`.

    `get` and `list` read the cluster as it is; what they return is shared and may not be changed.
    """

    operation: str
    """CREATE, UPDATE, DELETE or CONNECT."""
    kind: Kind
    namespace: str
    name: str
    """Of a create with generateName: empty."""
    subresource: str
    user: User
    dry_run: bool
    get: Callable[[str, str, str, str], Object | None]
    """(group, resource, namespace, name)."""
    list: Callable[[str, str, str], list[Object]]
    """(group, resource, namespace or "" for all)."""
    warn: Callable[[str], None] = lambda _: None
    """Adds a text to the Warning headers of the answer."""
    generate_name: str = ""
    random_suffix: Callable[[int], str] = Chance().suffix
    """Letters for a generated name."""
    permits: Callable[[str, str, str, str], bool] = lambda verb, group, resource, name: True
    """(verb, group, resource, name): whether the user may do that as well, at the cluster scope."""
    replace: Callable[[str, str, str, str, Object], None] = lambda *_: None
    """(group, resource, namespace, name, new object): writes what a plugin keeps count of."""
    take_back: Callable[[], None] = _nothing
    """What a plugin that has written something leaves here: undoes it, should the write fail after all."""

    def forbidden(self, text: str) -> Forbidden:
        """403 `<resource> "<name>" is forbidden: <text>`; a name that is still to be generated shows as its prefix."""
        return forbidden(self.kind.group, self.kind.resource, self.name or self.generate_name, text)
