"""Being somebody else in a test: handles and kubeconfigs for users, service accounts and the administrator; and what they needed.

jane = kube.as_user("jane", "dev")
with pytest.raises(Forbidden):
    jane.delete("namespace", "default")

with kube.as_service_account("shop", "robot") as robot:  # KUBECONFIG leads to the cluster as this account
    run_my_operator()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakekube.access.recording import Recorder, to_yaml
from fakekube.server import kubeconfig
from fakekube.testing import clients
from fakekube.testing.client_access import CACHE, ClientAccess, write
from fakekube.testing.environment import isolated
from fakekube.testing.handle import Handle, Object

if TYPE_CHECKING:
    from fakekube.api.control_plane import ControlPlane
    from fakekube.server.certificates import KeyPair
    from fakekube.server.responses import Header

PROGRAM = b"fakekube-as"
"""The user agent of the verbs of such a handle: unlike what a test does to set up, they are recorded."""


class IdentityHandle(Handle):
    """The verbs of one user, and a kubeconfig for other programs. As a context it leads KUBECONFIG, and all that clients look at, there."""

    def __init__(
        self,
        cluster: Identities,
        name: str,
        credential: Callable[[], KeyPair | str],
        headers: Sequence[Header],
        namespace: str = "",
    ) -> None:
        """`credential` makes what a kubeconfig holds, when one is wanted."""
        super().__init__(cluster.server, cluster._application, [*headers, (b"user-agent", PROGRAM)])
        self.name = name
        self._cluster = cluster
        self._credential = credential
        self._namespace = namespace
        self._entered: list[AbstractContextManager[None]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def token(self) -> str:
        """The bearer token; empty for whoever has a client certificate."""
        credential = self._credential()
        return credential if isinstance(credential, str) else ""

    def kubeconfig_dict(self, namespace: str | None = None) -> dict[str, Any]:
        """The content of a kubeconfig of this user."""
        certificates = self._cluster.certificates
        where = namespace or self._namespace or None
        return kubeconfig.kubeconfig(
            self._cluster.url, certificates.ca.certificate, self._credential(), user=self.name, namespace=where
        )

    @property
    def kubeconfig(self) -> Path:
        """A file with it, readable by its owner alone, valid until the next reset."""
        path = self._cluster.file_of(self.name)
        write(path, kubeconfig.to_yaml(self.kubeconfig_dict()))
        return path

    def __enter__(self) -> IdentityHandle:
        path = self.kubeconfig
        official = partial(clients.official_configuration, kubeconfig=path)
        context = isolated(path, path.parent / CACHE, self._cluster.server.host, official)
        context.__enter__()
        self._entered.append(context)
        return self

    def __exit__(self, *error: Any) -> None:
        self._entered.pop().__exit__(*error)


class Identities(Handle, ClientAccess):
    """The part of FakeCluster that lets a test be somebody else."""

    @property
    def plane(self) -> ControlPlane:
        return self._plane

    def new_recorder(self) -> Recorder:
        """One that knows what everybody may anyway in this cluster."""
        state = self._application.state
        return Recorder(lambda name: state.authorizer.role({"kind": "ClusterRole", "name": name}, ""))

    def as_user(self, name: str, *groups: str) -> IdentityHandle:
        """A user with a client certificate: nobody knows of it beforehand, and it may do what bindings give to name and groups."""
        certificate = cache(lambda: self.certificates.client(name, groups))
        identity = [(b"impersonate-user", name.encode()), *((b"impersonate-group", each.encode()) for each in groups)]
        return IdentityHandle(self, name, certificate, [*self._administrator(), *identity])

    def as_service_account(
        self, namespace: str, name: str = "default", *, expiration_seconds: int = 3600
    ) -> IdentityHandle:
        """A service account that is there, with a fresh token. Raises NotFound."""
        __tracebackhide__ = True
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        answer: Object = self._request("POST", path, {}, {"spec": {"expirationSeconds": expiration_seconds}})
        token: str = answer["status"]["token"]
        headers = [(b"authorization", f"Bearer {token}".encode())]
        return IdentityHandle(self, f"system:serviceaccount:{namespace}:{name}", lambda: token, headers, namespace)

    def as_admin(self) -> IdentityHandle:
        """The administrator, who may everything: `with kube.as_admin():` inside of another identity's context."""
        certificate = self.certificates.admin
        return IdentityHandle(self, "kubernetes-admin", lambda: certificate, self._administrator())

    @property
    def permissions(self) -> Permissions:
        """What identities needed: `with kube.permissions.record() as recording: ...`."""
        return Permissions(self)

    def file_of(self, identity: str) -> Path:
        return self._path_for(identity)

    def _administrator(self) -> list[Header]:
        return [(b"authorization", f"Bearer {self.certificates.admin_token}".encode())]


class Permissions:
    """Records what programs are permitted."""

    def __init__(self, cluster: Identities) -> None:
        self._cluster = cluster

    @contextmanager
    def record(self) -> Iterator[Recording]:
        """From here to the end of the block, what everybody but the test's own verbs (`kube.create` ...) is permitted.

        Run the program as its own identity, bound to a role that is too large (cluster-admin): the recording has the least one.
        """
        plane = self._cluster.plane
        before = plane.recorder
        recorder = plane.recorder = self._cluster.new_recorder()
        try:
            yield Recording(recorder)
        finally:
            plane.recorder = before


class Recording:
    """What was permitted so far, as roles."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    @property
    def identities(self) -> list[str]:
        """The names of all who asked for anything, `system:serviceaccount:shop:robot`."""
        return self._recorder.identities

    def objects(self, identity: str | None = None, *, resource_names: bool = False) -> list[Mapping[str, Any]]:
        """The smallest Roles, ClusterRoles and their bindings that permit what was asked, of one identity or of all.

        With `resource_names` rules name the objects, where a rule can.
        """
        return list(self._recorder.objects(identity, resource_names=resource_names))

    def yaml(self, identity: str | None = None, *, resource_names: bool = False) -> str:
        """The same for `kubectl apply -f`."""
        return to_yaml(self._recorder.objects(identity, resource_names=resource_names))
