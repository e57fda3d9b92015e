"""What admission may know of the request that it judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fakekube.errors import Forbidden, forbidden
from fakekube.registry.clock import Chance
from fakekube.registry.kind import Kind, Object
from fakekube.registry.user import User

if TYPE_CHECKING:
    from fakekube.admission.passes import Passes
    from fakekube.admission.policies import AdmissionPolicies
    from fakekube.admission.webhook_configurations import Webhooks
    from fakekube.expressions.libraries.authorizer import Decide


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
    permits: Callable[[str, str, str, str, str], bool] = lambda *_: True
    """(verb, group, resource, namespace or "" for the cluster, name): whether the user may do that as well."""
    replace: Callable[[str, str, str, str, Object], None] = lambda *_: None
    """(group, resource, namespace, name, new object): writes what a plugin keeps count of."""
    take_back: Callable[[], None] = _nothing
    """What a plugin that has written something leaves here: undoes it, should the write fail after all."""
    webhooks: Webhooks | None = None
    """None: there are none in this cluster."""
    query: Mapping[str, str] = field(default_factory=dict)
    """The parameters of the request, of which its options are made."""
    options: Object | None = None
    """The options as an object, where they are not made of the query: those of a delete, what a connection asks for."""
    show: Callable[[Object], Object] | None = None
    """How others are shown the object, where they judge only what a subresource shows of it: its Scale."""
    put_shown: Callable[[Object, Object], None] | None = None
    """(object, what is shown of it): takes over into the object what was changed in what was shown."""
    policies: AdmissionPolicies | None = None
    """None: there are none in this cluster."""
    decide: Decide = lambda _: (True, "")
    """What expressions are answered that ask whether somebody may do something."""
    passes: Passes | None = None
    """What policies and webhooks leave here for the second pass over the mutating plugins."""

    def forbidden(self, text: str) -> Forbidden:
        """403 `<resource> "<name>" is forbidden: <text>`; a name that is still to be generated shows as its prefix."""
        return forbidden(self.kind.group, self.kind.resource, self.name or self.generate_name, text)
