"""Manifests from files into a cluster, through the front door, in whatever order they were written.

Namespaces and custom resource definitions go first, the rest in the order of the files. What is refused because of something
that may still come (its namespace, its kind, its service account) is tried again after the others, as long as that helps.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fakekube.remote import AGGREGATED, RemoteError, Resource, answer_of, no_such_kind, resources_of

if TYPE_CHECKING:
    from fakekube.server.connection import App

SUFFIXES = (".yaml", ".yml", ".json")

FIRST = ("Namespace", "CustomResourceDefinition")
_YAML_LINE = re.compile(r"(?:yaml|json): line (\d+): (.*)", re.DOTALL)

SETTLE_S = 0.02
"""Between two rounds, for controllers: a definition becomes established, a namespace gets its service account."""
FRUITLESS_ROUNDS = 5
"""So many rounds without one success are the end."""


class Creator(Protocol):
    async def create(self, manifest: dict[str, Any]) -> Any:
        """Create the object. Raises RemoteError when it is refused."""


class SeedError(Exception):
    """A file cannot be read or does not hold manifests. The message begins with file and line."""


@dataclass(frozen=True)
class Manifest:
    """An object as it was written. `line` counts from 1 and is where its document begins."""

    file: Path
    line: int
    object: dict[str, Any]

    def __str__(self) -> str:
        metadata = self.object.get("metadata") or {}
        name = metadata.get("name") or metadata.get("generateName") or "?"
        namespace = metadata.get("namespace")
        return f"{self.file}:{self.line}: {self.object['kind']} {f'{namespace}/' if namespace else ''}{name}"


@dataclass(frozen=True)
class SeedFailure:
    """A manifest that the cluster refused, and its answer."""

    manifest: Manifest
    message: str

    def __str__(self) -> str:
        return f"{self.manifest}: {self.message}"


def read(paths: Iterable[str | os.PathLike[str]]) -> list[Manifest]:
    """All manifests of these files and, by name, of the files in these directories. Raises SeedError."""
    return [manifest for path in paths for file in _files(Path(path)) for manifest in _manifests(file)]


def ordered(manifests: Sequence[Manifest]) -> list[Manifest]:
    """Namespaces, then definitions, then the others as they came."""
    rank = {kind: number for number, kind in enumerate(FIRST)}
    return sorted(manifests, key=lambda manifest: rank.get(manifest.object["kind"], len(FIRST)))


async def seed(door: Creator, paths: Iterable[str | os.PathLike[str]]) -> list[SeedFailure]:
    """Create all that these files and directories hold; what was refused comes back, in their order.

    A Namespace or StorageClass may be there already. Raises SeedError before anything is created.
    """
    return await create_all(door, read(paths))


async def create_all(door: Creator, manifests: Sequence[Manifest]) -> list[SeedFailure]:
    waiting = ordered(manifests)
    failures: dict[int, SeedFailure] = {}
    fruitless = 0
    while waiting and fruitless < FRUITLESS_ROUNDS:
        again: list[Manifest] = []
        for manifest in waiting:
            try:
                await door.create(manifest.object)
            except RemoteError as error:
                if error.reason == "AlreadyExists" and manifest.object["kind"] in MAY_BE_THERE:
                    continue
                failures[id(manifest)] = SeedFailure(manifest, error.message)
                if error.reason not in _FINAL:
                    again.append(manifest)
            else:
                failures.pop(id(manifest), None)
        fruitless = fruitless + 1 if len(again) == len(waiting) else 0
        waiting = again
        if waiting:
            await asyncio.sleep(SETTLE_S)
    return [failures[id(manifest)] for manifest in manifests if id(manifest) in failures]


MAY_BE_THERE = frozenset({"Namespace", "StorageClass"})
"""Kinds of which a cluster has some of its own."""

_FINAL = frozenset({"AlreadyExists", "Invalid", "BadRequest", "MethodNotAllowed", "RequestEntityTooLarge"})
"""Reasons that no other object can change."""


class FrontDoor:
    """Creates objects through the ASGI application, as any client of the server would, without a socket."""

    def __init__(self, app: App, token: str) -> None:
        self._app = app
        self._token = token
        self._resources: dict[tuple[str, str], Resource] = {}

    async def create(self, manifest: dict[str, Any]) -> Any:
        resource = await self._resource(manifest["apiVersion"], manifest["kind"])
        namespace = manifest["metadata"].get("namespace") or "default"
        return await self._ask("POST", resource.path(namespace), manifest)

    async def _resource(self, api_version: str, kind: str) -> Resource:
        """Raises RemoteError; a kind that is not served may be so later, when its definition is established."""
        if (api_version, kind) not in self._resources:
            for path in ("/api", "/apis"):
                for resource in resources_of(await self._ask("GET", path)):
                    self._resources[resource.group_version, resource.kind] = resource
        try:
            return self._resources[api_version, kind]
        except KeyError:
            raise no_such_kind(api_version, kind) from None

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = [
            (b"host", b"fakekube"),
            (b"authorization", f"Bearer {self._token}".encode()),
            (b"accept", AGGREGATED.encode() if body is None else b"application/json"),
            (b"content-type", b"application/json"),
            (b"user-agent", b"fakekube"),
        ]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"" if body is None else b"fieldManager=fakekube&fieldValidation=Strict",
            "headers": headers,
            "server": ("fakekube", 443),
            "client": ("127.0.0.1", 0),
            "state": {},
        }
        status, pieces = 500, []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"" if body is None else json.dumps(body).encode()}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                pieces.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return answer_of(status, b"".join(pieces))


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise SeedError(f"{path}: there is no such file or directory")
    if not path.is_dir():
        return [path]
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix in SUFFIXES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    if not files:
        raise SeedError(f"{path}: this directory holds no manifests: expected files ending in {', '.join(SUFFIXES)}")
    return files


def _manifests(file: Path) -> list[Manifest]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SeedError(f"{file}:{line}: this is not UTF-8 text") from None
    except OSError as error:
        raise SeedError(f"{file}: this file cannot be read: {error.strerror}") from None
    return parse(file, text)


def parse(file: Path, text: str) -> list[Manifest]:
    """The manifests in `text`; `file` is only what they are said to come from. Raises SeedError."""
    from fakekube.objects import yaml

    manifests: list[Manifest] = []
    try:
        for document in yaml.load_all(text):
            if document.value is not None:
                manifests += _objects(file, document.line, document.value)
    except yaml.YAMLError as error:
        found = _YAML_LINE.match(str(error))
        where, problem = (f"{file}:{found[1]}", found[2]) if found else (str(file), str(error))
        raise SeedError(f"{where}: this is not YAML: {problem}") from None
    return manifests


def _objects(file: Path, line: int, value: Any) -> list[Manifest]:
    if not isinstance(value, dict):
        raise SeedError(f"{file}:{line}: this is not a manifest: expected a mapping with apiVersion, kind and metadata")
    for key in ("apiVersion", "kind"):
        if not isinstance(value.get(key), str) or not value[key]:
            raise SeedError(
                f"{file}:{line}: {key} is missing: expected a text, as in `apiVersion: v1` and `kind: ConfigMap`"
            )
    if value["kind"].endswith("List") and isinstance(value.get("items"), list):
        return [manifest for item in value["items"] for manifest in _objects(file, line, item)]
    if not isinstance(value.get("metadata"), dict):
        raise SeedError(f"{file}:{line}: {value['kind']} has no metadata: expected at least `metadata: {{name: ...}}`")
    return [Manifest(file, line, value)]
