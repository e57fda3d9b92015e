"""Which server a command talks to: one that runs, or, for a manifest without one, one of the command's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fakekube.in_pod import runtime_directory
from fakekube.in_pod.connection import Connection
from fakekube.in_pod.errors import InPodError
from fakekube.remote import RemoteError
from fakekube.server import kubeconfig
from fakekube.server.kubeconfig import Endpoint, NoServerNamed

FIELD_MANAGER = "fakekube"
CONNECTED_WITHIN_S = 5.0
_PDEATHSIG = 1
"""prctl: PR_SET_PDEATHSIG."""


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
    for pod in pods:
        pod["metadata"].setdefault("namespace", namespace or "default")
    endpoint = _of_choice(file, certs_dir)
    if endpoint is None:
        with embedded(manifests) as endpoint:
            yield Connection(endpoint), pods
        return
    connection = Connection(endpoint)
    apply(connection, documents, namespace or endpoint.namespace)
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


def apply(connection: Connection, documents: Sequence[dict[str, Any]], namespace: str) -> None:
    """Server-side apply. Raises RemoteError, InPodError."""
    from fakekube.remote import Remote

    remote = Remote(connection.endpoint)
    for document in documents:
        metadata = document["metadata"]
        resource = remote.of_manifest(document)
        where = (metadata.get("namespace") or namespace) if resource.namespaced else None
        query = {"fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Strict"}
        try:
            connection.ask(
                "PATCH",
                resource.path(where, metadata["name"]),
                query=query,
                body=document,
                content_type="application/apply-patch+yaml",
            )
        except RemoteError as error:
            hint = ""
            if document["kind"] == "Pod" and error.reason == "Invalid":
                hint = f". A pod can hardly be changed: kubectl delete pod {metadata['name']}, then try again"
            raise InPodError(f"{document['kind']} {metadata['name']}: {error.message}{hint}") from None
    remote.close()


@contextmanager
def embedded(manifests: Sequence[Path]) -> Iterator[Endpoint]:
    """A server that lives as long as the block, with the objects of these files. Raises InPodError."""
    directory = Path(tempfile.mkdtemp(prefix="server-", dir=runtime_directory.root()))
    end_of_parent = runtime_directory.when_this_process_is_gone(lambda: shutil.rmtree(directory, ignore_errors=True))
    seeds = [word for path in manifests for word in ("--seed", str(path))]
    command = [sys.executable, "-P", "-m", "fakekube", "serve", "--port", "0", "--certs-dir", str(directory), *seeds]
    # Without what could name another server's settings.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAKEKUBE_")}
    log = directory / "log"
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log.open("wb"),
        env=environment,
        preexec_fn=_end_with_parent,
    )
    try:
        assert process.stdout is not None
        # It says where it serves once everything has been created, or ends.
        started = process.stdout.readline()
        told = log.read_text(errors="replace").strip()
        if not started or told:
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
        shutil.rmtree(directory, ignore_errors=True)
        os.close(end_of_parent)


def _end_with_parent() -> None:
    """Linux only: elsewhere a killed command leaves its server, which nobody can reach any more."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGTERM)
    os.setpgid(0, 0)  # Ctrl-C is for the program; the server has to see its end
