"""fakekube beside another API server, a real one for example: the same requests of one client, in turns.

Times on the clock, the middle one of many. The other server is whatever the current context of a kubeconfig leads to; a namespace is made
there and deleted in the end.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from benchmarks.client import Unexpected
from benchmarks.pods import body_like_no_other, pod
from benchmarks.report import Row
from benchmarks.servers import fakekube

ACCOUNT_TIMEOUT_S = 30.0
APPLY, MERGE_PATCH = "application/apply-patch+yaml", "application/merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@dataclass(frozen=True, slots=True)
class Tries:
    """How much is measured."""

    count: int = 100
    """Requests in a turn; a tenth as many where answers are long."""
    turns: int = 5


QUICK = Tries(20, 2)


class Client:
    """One connection to the server that a kubeconfig leads to, and a namespace of its own there."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        where = urlsplit(cluster["server"])
        trusted = ssl.create_default_context(cadata=_content(cluster, "certificate-authority", kubeconfig).decode())
        if "client-certificate" in user or "client-certificate-data" in user:
            with tempfile.NamedTemporaryFile() as pair:
                pair.write(_content(user, "client-certificate", kubeconfig))
                pair.write(_content(user, "client-key", kubeconfig))
                pair.flush()
                trusted.load_cert_chain(pair.name)
        self._headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        self._connection = http.client.HTTPSConnection(where.hostname or "", where.port or 443, context=trusted)
        self.namespace = f"/api/v1/namespaces/bench-{os.getpid()}"

    def ask(self, method: str, path: str, body: Any = None, type: str = "application/json", accept: str = "") -> bytes:
        """The body of the answer. Raises Unexpected unless it is a success."""
        text = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        headers = {**self._headers, "Accept": accept or "application/json", "Content-Type": type}
        self._connection.request(method, path, text, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise Unexpected(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def wait_for_account(self) -> None:
        """Without which no pod can be made."""
        end = time.monotonic() + ACCOUNT_TIMEOUT_S
        while True:
            try:
                self.ask("GET", f"{self.namespace}/serviceaccounts/default")
            except Unexpected:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
            else:
                return


@contextmanager
def _client(kubeconfig: Path) -> Iterator[Client]:
    client = Client(kubeconfig)
    client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": client.namespace.rpartition("/")[2]}})
    try:
        client.wait_for_account()
        yield client
    finally:
        client.ask("DELETE", client.namespace)


def measure(tries: Tries, kubeconfig: Path) -> Iterator[Row]:
    """The rows, each as soon as it is known."""
    with (
        tempfile.TemporaryDirectory() as folder,
        fakekube(Path(folder)),
        _client(Path(folder, "kubeconfig")) as ours,
        _client(kubeconfig) as theirs,
    ):
        for what, share, request in REQUESTS:
            yield _row(what, request, (ours, theirs), tries.turns, max(1, int(tries.count * share)))


Request = Callable[[Client, int], object]


def _row(what: str, request: Request, clients: tuple[Client, Client], turns: int, count: int) -> Row:
    took: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns):
        for client, seconds in zip(clients, took, strict=True):
            for i in range(turn * count, (turn + 1) * count):
                start = time.perf_counter()
                request(client, i)
                seconds.append(time.perf_counter() - start)
    ours, theirs = map(statistics.median, took)
    return Row(what, f"{ours * 1e3:.2f} ms", result=f"{theirs * 1e3:.2f} ms there, {theirs / ours:.1f} times as long")


def _deployment(name: str) -> dict[str, Any]:
    labels = {"matchLabels": {"app": "shop"}}
    template = {"metadata": {"labels": {"app": "shop"}}, "spec": pod("p")["spec"]}
    spec = {"replicas": 0, "selector": labels, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def _apply(client: Client, i: int) -> object:
    namespace = client.namespace.replace("/api/v1", "/apis/apps/v1")
    path = f"{namespace}/deployments/d{i}?fieldManager=bench"
    return client.ask("PATCH", path, _deployment(f"d{i}"), APPLY)


def _patch(client: Client, i: int) -> object:
    return client.ask("PATCH", f"{client.namespace}/pods/p{i}", {"metadata": {"labels": {"i": str(i)}}}, MERGE_PATCH)


REQUESTS: tuple[tuple[str, float, Request], ...] = (
    (
        "create of a pod",
        1,
        lambda client, i: client.ask("POST", f"{client.namespace}/pods", body_like_no_other(f"p{i}")),
    ),
    ("get of a pod", 1, lambda client, i: client.ask("GET", f"{client.namespace}/pods/p{i}")),
    ("merge patch of a pod's labels", 1, _patch),
    ("list of all these pods", 0.1, lambda client, i: client.ask("GET", f"{client.namespace}/pods")),
    ("the same as a Table", 0.1, lambda client, i: client.ask("GET", f"{client.namespace}/pods", accept=TABLE)),
    ("list by a label", 0.5, lambda client, i: client.ask("GET", f"{client.namespace}/pods?labelSelector=i%3D{i}")),
    ("apply of a new deployment", 0.5, _apply),
    ("apply of the same again", 0.5, _apply),
    ("delete of a pod", 1, lambda client, i: client.ask("DELETE", f"{client.namespace}/pods/p{i}")),
)
"""What is asked, how large a part of the usual number of times, and how."""


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in entries if each["name"] == name)


def _content(entry: dict[str, Any], field: str, kubeconfig: Path) -> bytes:
    """What stands in a kubeconfig as a file's name or as its content."""
    if f"{field}-data" in entry:
        return base64.b64decode(str(entry[f"{field}-data"]))
    return Path(kubeconfig.parent, entry[field]).read_bytes()
