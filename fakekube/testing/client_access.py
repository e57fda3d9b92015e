"""How clients get in: address, credentials, kubeconfig files, clients of other libraries, and an environment that leads nowhere else."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fakekube.server import kubeconfig
from fakekube.testing import clients
from fakekube.testing.asgi_door import AsgiDoor
from fakekube.testing.environment import isolated

if TYPE_CHECKING:
    from fakekube.server.certificates import Certificates
    from fakekube.server.run import RunningServer

KUBECONFIG, CACHE = "kubeconfig", "cache"


class ClientAccess:
    """The part of FakeCluster that other programs and libraries need. Files are made at first need and are gone after `stop()`."""

    server: RunningServer
    certificates: Certificates
    app: AsgiDoor
    """An ASGI application for any event loop; without an Authorization header a request is the administrator's."""
    _directory: Path | None = None

    def __init__(self) -> None:
        self._opened: list[Callable[[], object]] = []

    @property
    def url(self) -> str:
        """`https://127.0.0.1:43210`"""
        return self.server.url

    @property
    def token(self) -> str:
        """The administrator's, for `Authorization: Bearer`."""
        return self.certificates.admin_token

    @property
    def ca_file(self) -> Path:
        """The certificate that clients must trust, PEM."""
        return self._files() / "ca.crt"

    @property
    def kubeconfig(self) -> Path:
        """A file for the administrator, readable by its owner alone. A reset undoes what a test has changed in it."""
        return self._files() / KUBECONFIG

    def kubeconfig_dict(self, user: str = "", *groups: str, namespace: str | None = None) -> dict[str, Any]:
        """The content of a kubeconfig: the administrator's, or that of a user with a client certificate."""
        certificates = self.certificates
        client = certificates.client(user, groups) if user else certificates.admin
        named = {"user": user} if user else {}
        return kubeconfig.kubeconfig(self.url, certificates.ca.certificate, client, namespace=namespace, **named)

    def kubeconfig_for(self, user: str, *groups: str, namespace: str | None = None) -> Path:
        """A kubeconfig file for a user with a client certificate, valid until the next reset."""
        path = self._path_for(user)
        write(path, kubeconfig.to_yaml(self.kubeconfig_dict(user, *groups, namespace=namespace)))
        return path

    @contextmanager
    def environment(self) -> Iterator[None]:
        """KUBECONFIG, and whatever else clients look at by themselves, leads to this cluster and to no other; undone at the end."""
        path = self.kubeconfig
        official = partial(clients.official_configuration, kubeconfig=path)
        with isolated(path, path.parent / CACHE, self.server.host, official):
            yield

    def kubernetes(self) -> Any:
        """The official client: `kubernetes.client.CoreV1Api(kube.kubernetes())`. An ApiClient."""
        api = clients.kubernetes(self.kubeconfig)
        self._opened.append(api.close)
        return api

    def kubernetes_asyncio(self) -> Any:
        """`async with kube.kubernetes_asyncio() as api: kubernetes_asyncio.client.CoreV1Api(api)`. An ApiClient."""
        return clients.kubernetes_asyncio(self.kubeconfig)

    def kr8s(self) -> Any:
        """`kr8s.objects.Pod.get("web", api=kube.kr8s())`. A kr8s.Api."""
        api = clients.kr8s(self.kubeconfig)
        self._opened.append(partial(clients.close_kr8s, api))
        return api

    async def kr8s_asyncio(self) -> Any:
        """`api = await kube.kr8s_asyncio()`. A kr8s.asyncio Api."""
        return await clients.kr8s_asyncio(self.kubeconfig)

    def lightkube(self, namespace: str = "default") -> Any:
        """`kube.lightkube().get(Pod, "web")`. A lightkube.Client."""
        client = clients.lightkube(self.kubeconfig, namespace)
        self._opened.append(client.close)
        return client

    def lightkube_async(self, namespace: str = "default") -> Any:
        """`await kube.lightkube_async().get(Pod, "web")`. A lightkube.AsyncClient."""
        return clients.lightkube_async(self.kubeconfig, namespace)

    def httpx(self) -> Any:
        """`async with kube.httpx() as client: await client.get("/version")`. An httpx.AsyncClient, without a socket."""
        return clients.httpx(self.app, self.url)

    def close_clients(self) -> None:
        """Close the synchronous clients that were given out, as `reset` and `stop` do. Asynchronous ones are closed in their own loop."""
        while self._opened:
            self._opened.pop()()

    def _path_for(self, user: str) -> Path:
        return self._files() / f"{quote(user, safe='')}.{KUBECONFIG}"

    def _files(self) -> Path:
        if self._directory is None:
            self._directory = directory = Path(tempfile.mkdtemp(prefix="fakekube-"))
            # For those who forget to stop the cluster.
            self._remove = weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
            certificates = self.certificates
            write(directory / "ca.crt", certificates.ca.certificate)
            write(directory / "admin.crt", certificates.admin.certificate)
            write(directory / "admin.key", certificates.admin.key)
            write(directory / KUBECONFIG, kubeconfig.to_yaml(self.kubeconfig_dict()))
        return self._directory

    def _restore_files(self) -> None:
        """As they were when the cluster was fresh, without what clients have put beside them."""
        if self._directory is None:
            return
        for entry in list(os.scandir(self._directory)):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif entry.name not in ("ca.crt", "admin.crt", "admin.key"):
                os.unlink(entry.path)
        write(self._directory / KUBECONFIG, kubeconfig.to_yaml(self.kubeconfig_dict()))

    def _remove_files(self) -> None:
        if self._directory is not None:
            self._directory = None
            self._remove()


def write(path: Path, text: str) -> None:
    """For its owner alone, and never half written."""
    new = path.with_name(f".{path.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(new, path)
