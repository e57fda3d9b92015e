"""The objects of the cluster that a pod refers to, asked over HTTP: the kubelet's `Source`.

An object is asked for when it is first needed; whoever follows a collection tells of its changes with `learn`.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fakekube.in_pod import runtime_directory
from fakekube.in_pod.connection import Connection
from fakekube.kubelet import Object
from fakekube.kubelet.source import Token, TokenError, TokenRequest
from fakekube.kubelet.token_manager import MOST_JITTER, TokenManager
from fakekube.remote import RemoteError

API_SERVICE = ("default", "kubernetes")
"""Namespace and name of the Service that stands for the API server."""


class ClusterSource:
    """For any thread; requests go one after another over `connection`. Its methods raise RemoteError when the server is away.

    `api_address` is where the view reaches the API server; programs are told it instead of the ClusterIP of `kubernetes`.
    `kubeconfig` is the server's, for a view that lasts no longer than its server; see `runtime_directory.claim_directory`.
    """

    def __init__(self, connection: Connection, api_address: tuple[str, int] | None = None) -> None:
        self.api_address = api_address
        self.kubeconfig: Path | None = None
        self._connection = connection
        self._lock = threading.RLock()
        self._known: dict[tuple[str, str, str], Object | None] = {}
        self._services: dict[str, list[Object]] = {}
        self._tokens = TokenManager(
            self._request_token, lambda: datetime.now(UTC), lambda: MOST_JITTER * random.random()
        )

    def learn(self, resource: str, namespace: str, name: str, obj: Object | None) -> bool:
        """An object is now so, or None: gone. False: it is of no interest, because nobody has ever asked for it."""
        with self._lock:
            key = (resource, namespace, name)
            if key not in self._known:
                return False
            before, self._known[key] = self._known[key], obj
            return before != obj

    def config_map(self, namespace: str, name: str) -> Object | None:
        return self._object("configmaps", namespace, name)

    def secret(self, namespace: str, name: str) -> Object | None:
        return self._object("secrets", namespace, name)

    def node(self, name: str) -> Object | None:
        return self._object("nodes", "", name)

    def claim(self, namespace: str, name: str) -> Object | None:
        return self._object("persistentvolumeclaims", namespace, name)

    def claim_directory(self, namespace: str, claim: str) -> Path:
        found = self.claim(namespace, claim)
        uid = found["metadata"]["uid"] if found else f"{namespace}.{claim}"
        return runtime_directory.claim_directory(uid, self.kubeconfig)

    def services(self, namespace: str) -> Sequence[Object]:
        with self._lock:
            if namespace not in self._services:
                answer = self._connection.ask("GET", f"/api/v1/namespaces/{namespace}/services")
                self._services[namespace] = answer["items"]
            return [self._as_reached(each) for each in self._services[namespace]]

    def token(self, request: TokenRequest) -> Token:
        """The same one until it is time for another. Raises TokenError."""
        with self._lock:
            return self._tokens.token(request)

    def _request_token(self, request: TokenRequest) -> Token:
        spec = {
            "audiences": [request.audience] if request.audience else [],
            "expirationSeconds": request.expiration_seconds,
            "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": request.pod_name, "uid": request.pod_uid},
        }
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = f"/api/v1/namespaces/{request.namespace}/serviceaccounts/{request.service_account}/token"
        try:
            answer = self._connection.ask("POST", path, body=body)
        except RemoteError as error:
            raise TokenError(error.message) from None
        # By its seconds: a test may have set the server's clock, so that its expirationTimestamp says nothing here.
        now = datetime.now(UTC)
        lifetime = timedelta(seconds=answer["spec"]["expirationSeconds"])
        return Token(answer["status"]["token"], now, now + lifetime)

    def _object(self, resource: str, namespace: str, name: str) -> Object | None:
        key = (resource, namespace, name)
        with self._lock:
            if key not in self._known:
                where = f"/namespaces/{namespace}" if namespace else ""
                try:
                    self._known[key] = self._connection.ask("GET", f"/api/v1{where}/{resource}/{name}")
                except RemoteError as error:
                    if error.code != 404:
                        raise
                    self._known[key] = None
            return self._known[key]

    def _as_reached(self, service: Object) -> Object:
        metadata = service["metadata"]
        if self.api_address is None or (metadata["namespace"], metadata["name"]) != API_SERVICE:
            return service
        address, port = self.api_address
        first, *others = service["spec"]["ports"]
        spec = {
            **service["spec"],
            "clusterIP": address,
            "clusterIPs": [address],
            "ports": [{**first, "port": port}, *others],
        }
        return {**service, "spec": spec}
