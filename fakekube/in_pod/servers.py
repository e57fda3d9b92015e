"""Which server a command talks to: one that runs, or, for a manifest without one, one of the command's own."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fakekube.in_pod import children, runtime_directory
from fakekube.in_pod.connection import Connection
from fakekube.in_pod.errors import InPodError
from fakekube.remote import RemoteError
from fakekube.server import kubeconfig
from fakekube.server.kubeconfig import Endpoint, NoServerNamed

FIELD_MANAGER = "fakekube"
REFUSED = "seed: "
"""With this a server tells of an object that it could not create."""
CONNECTED_WITHIN_S = 5.0
SERVICE_ACCOUNT_WITHIN_S = 5.0
TRY_AGAIN_S = 0.02


def running(file: Path | None, certs_dir: Path | None) -> Endpoint:
    """Raises KubeconfigError, NoServerNamed."""
    return kubeconfig.chosen(file, certs_dir)


@contextmanager
def for_manifests(
    manifests: Sequence[Path], file: Path | None, certs_dir: Path | None, namespace: str | None
) -> Iterator[tuple[Connection, list[dict[str, Any]]]]:
    """A connection to a server that has the objects of these files, and the pods among them.

    Where a server is named they are applied to it; where none is, one is started that ends with the block.
    Raises InPodError, RemoteError, KubeconfigError, SeedError.
    """
    from fakekube import seeding

    documents = [each.object for each in seeding.ordered(seeding.read(manifests))]
    pods = [each for each in documents if each.get("kind") == "Pod"]
    if not pods:
        raise InPodError(f"there is no Pod in {', '.join(map(str, manifests))}")
    endpoint = _of_choice(file, certs_dir)
    here = namespace or (endpoint.namespace if endpoint is not None else "default")
    for pod in pods:
        if not pod["metadata"].get("name"):
            raise InPodError(
                "a Pod of the manifests has no metadata.name, by which it is to be found again: give it one"
            )
        pod["metadata"].setdefault("namespace", here)
    if endpoint is None:
        # Seeds go to the namespaces that they name, so that another one needs them sent by us.
        with embedded([] if namespace else manifests) as endpoint:
            connection = Connection(endpoint)
            if namespace:
                apply(connection, [_namespace(namespace), *documents], here)
            yield connection, pods
        return
    connection = Connection(endpoint)
    apply(connection, documents, here)
    yield connection, pods
    connection.close()


def _of_choice(file: Path | None, certs_dir: Path | None) -> Endpoint | None:
    """None: no server is meant, or only that of the current directory, and it has ended. Raises KubeconfigError."""
    try:
        endpoint = kubeconfig.chosen(file, certs_dir)
    except NoServerNamed:
        return None
    if file is None and certs_dir is None and not os.environ.get("KUBECONFIG"):
        try:
            socket.create_connection((endpoint.host, endpoint.port), timeout=CONNECTED_WITHIN_S).close()
        except OSError:
            return None
    return endpoint


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def apply(connection: Connection, documents: Sequence[dict[str, Any]], namespace: str) -> None:
    """Server-side apply. Raises RemoteError, InPodError."""
    from fakekube.remote import Remote

    remote = Remote(connection.endpoint)
    for document in documents:
        metadata = document["metadata"]
        resource = remote.of_manifest(document)
        where = (metadata.get("namespace") or namespace) if resource.namespaced else None
        try:
            _apply(connection, resource.path(where, metadata["name"]), document)
        except RemoteError as error:
            hint = ""
            if document["kind"] == "Pod" and error.reason == "Invalid":
                hint = f". A pod can hardly be changed: kubectl delete pod {metadata['name']}, then try again"
            raise InPodError(f"{document['kind']} {metadata['name']}: {error.message}{hint}") from None
    remote.close()


def _apply(connection: Connection, path: str, document: dict[str, Any]) -> None:
    """Raises RemoteError. In a namespace that is new, pods are refused until it has its service account."""
    query = {"fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Strict"}
    deadline = time.monotonic() + SERVICE_ACCOUNT_WITHIN_S
    while True:
        try:
            connection.ask("PATCH", path, query=query, body=document, content_type="application/apply-patch+yaml")
            return
        except RemoteError as error:
            is_early = error.code == 403 and "service account" in error.message and document["kind"] == "Pod"
            if not is_early or time.monotonic() > deadline:
                raise
        time.sleep(TRY_AGAIN_S)


@contextmanager
def embedded(manifests: Sequence[Path]) -> Iterator[Endpoint]:
    """A server that lives as long as the block, with the objects of these files. Raises InPodError."""
    import subprocess
    import tempfile

    directory = Path(tempfile.mkdtemp(prefix="server-", dir=runtime_directory.root()))
    end_of_parent = runtime_directory.when_this_process_is_gone(lambda: runtime_directory.remove_tree(directory))
    seeds = [word for path in manifests for word in ("--seed", str(path))]
    command = [sys.executable, "-P", "-m", "fakekube", "serve", "--port", "0", "--certs-dir", str(directory), *seeds]
    log = directory / "log"
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log.open("wb"),
        env=children.environment(),
        preexec_fn=children.end_with_parent,
    )
    try:
        assert process.stdout is not None
        # It says where it serves once everything has been created, or ends.
        started = process.stdout.readline()
        told = log.read_text(errors="replace").strip()
        if not started or REFUSED in told:
            raise InPodError(told or "the server of the command's own did not start")
        yield kubeconfig.read(directory / "kubeconfig")
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        runtime_directory.remove_tree(directory)
        os.close(end_of_parent)
