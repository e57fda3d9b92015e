"""A client for our own commands: a server named by a kubeconfig is asked over HTTP, and its refusals become exceptions.

Blocking and on the standard library alone; tests and programs use a real client library.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    import http.client

    from fakekube.server.kubeconfig import Endpoint

TIMEOUT_S = 60.0

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class RemoteError(Exception):
    """What the server answered, or why it could not be asked. `reason` is the Status reason, empty when there is none."""

    def __init__(self, message: str, reason: str = "", code: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.code = code


@dataclass(frozen=True)
class Resource:
    """What discovery says about one resource."""

    group: str
    version: str
    name: str
    singular: str
    kind: str
    namespaced: bool
    short_names: tuple[str, ...]
    verbs: tuple[str, ...]

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified_kind(self) -> str:
        """`deployment.apps`, or `pod`: how kubectl names an object's kind in its reports."""
        return f"{self.kind.lower()}.{self.group}" if self.group else self.kind.lower()

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """`/apis/apps/v1/namespaces/shop/deployments/web`; no namespace is all of them."""
        parts = [f"/apis/{self.group_version}" if self.group else f"/api/{self.version}"]
        if self.namespaced and namespace is not None:
            parts.append(f"namespaces/{namespace}")
        parts.append(self.name)
        if name is not None:
            parts.append(name)
        return "/".join(parts)


class Remote:
    """One connection to one server, opened by the first request. Close it, or use it in `with`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._connection: http.client.HTTPConnection | None = None
        self._resources: list[Resource] | None = None

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        """The answer's JSON. Raises RemoteError for whatever is not 2xx, and when the server cannot be reached."""
        # Here, because whoever needs the exceptions alone starts faster without them.
        import http.client
        import ssl

        headers = {"Accept": accept, "User-Agent": "fakekube"}
        if self.endpoint.token is not None:
            headers["Authorization"] = f"Bearer {self.endpoint.token}"
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        target = self.endpoint.prefix + path + (f"?{urlencode(query)}" if query else "")
        try:
            connection = self._connect()
            connection.request(method, target, data, headers)
            response = connection.getresponse()
            text = response.read()
        except ssl.SSLCertVerificationError as error:
            raise RemoteError(f"{self.endpoint.url} shows a certificate that the kubeconfig does not trust: "
                              f"{error.verify_message}. Is the kubeconfig of another run, or of another server?") from None  # fmt: skip
        except (OSError, http.client.HTTPException) as error:
            raise RemoteError(f"{self.endpoint.url} cannot be reached: {error}. Is `fakekube serve` running?") from None
        return answer_of(response.status, text)

    def _connect(self) -> http.client.HTTPConnection:
        import http.client

        if self._connection is None:
            endpoint, context = self.endpoint, self.endpoint.context()
            if context is None:
                self._connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=TIMEOUT_S)
            else:
                self._connection = http.client.HTTPSConnection(
                    endpoint.host, endpoint.port, context=context, timeout=TIMEOUT_S
                )
        return self._connection

    def resources(self) -> list[Resource]:
        """All that the server serves, in the order of its discovery."""
        if self._resources is None:
            documents = [self.ask("GET", path, accept=AGGREGATED) for path in ("/api", "/apis")]
            self._resources = [resource for document in documents for resource in resources_of(document)]
        return self._resources

    def find(self, name: str) -> Resource:
        """By plural, singular, short name, kind, or `deployments.apps`, whatever the case. Raises RemoteError."""
        wanted, _, group = name.lower().partition(".")
        for resource in self.resources():
            if group and group not in (resource.group, f"{resource.version}.{resource.group}"):
                continue
            if wanted in (resource.name, resource.singular, resource.kind.lower(), *resource.short_names):
                return resource
        raise RemoteError(f'the server doesn\'t have a resource type "{name}"')

    def of_manifest(self, manifest: Mapping[str, Any]) -> Resource:
        """The resource of a manifest's apiVersion and kind. Raises RemoteError."""
        for _ in range(2):
            for resource in self.resources():
                if (resource.group_version, resource.kind) == (manifest["apiVersion"], manifest["kind"]):
                    return resource
            self._resources = None  # a definition may have been created since
        raise no_such_kind(manifest["apiVersion"], manifest["kind"])


def answer_of(status: int, text: bytes) -> Any:
    """The JSON of a 2xx answer, None when it is empty. Raises RemoteError for every other."""
    try:
        answer = json.loads(text) if text else None
    except ValueError:
        answer = None
        if status < 300:
            raise RemoteError("the server is not a Kubernetes API server: it does not answer in JSON") from None
    if status < 300:
        return answer
    refusal = answer if isinstance(answer, dict) else {}
    message = refusal.get("message") or text.decode("utf-8", "replace").strip() or f"HTTP {status} without a text"
    raise RemoteError(message, refusal.get("reason", ""), status)


def no_such_kind(api_version: str, kind: str) -> RemoteError:
    return RemoteError(
        f'no matches for kind "{kind}" in version "{api_version}": '
        "is it misspelt, or is its CustomResourceDefinition missing?"
    )


def resources_of(document: Mapping[str, Any]) -> Iterator[Resource]:
    for group in document.get("items", ()):
        for version in group["versions"]:
            for resource in version.get("resources", ()):
                yield Resource(
                    group=group["metadata"].get("name", ""),
                    version=version["version"],
                    name=resource["resource"],
                    singular=resource.get("singularResource", ""),
                    kind=resource["responseKind"]["kind"],
                    namespaced=resource["scope"] == "Namespaced",
                    short_names=tuple(resource.get("shortNames", ())),
                    verbs=tuple(resource["verbs"]),
                )
