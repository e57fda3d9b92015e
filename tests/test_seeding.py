from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakekube import seeding
from fakekube.remote import RemoteError
from fakekube.seeding import FrontDoor, Manifest, SeedError
from fakekube.server.responses import Receive, Scope, Send


class Cluster:
    """Refuses what lies in a namespace, or is of a kind, that was not created before."""

    def __init__(self) -> None:
        self.created: list[str] = []
        self.namespaces = {"default"}
        self.kinds = {"Namespace", "CustomResourceDefinition", "ConfigMap"}

    async def create(self, manifest: dict[str, Any]) -> None:
        kind, metadata = manifest["kind"], manifest["metadata"]
        namespace = metadata.get("namespace", "default")
        if kind not in self.kinds:
            raise RemoteError(f'no matches for kind "{kind}"')
        if kind == "Namespace" and metadata["name"] in self.namespaces:
            raise RemoteError(f'namespaces "{metadata["name"]}" already exists', "AlreadyExists")
        if namespace not in self.namespaces:
            raise RemoteError(f'namespaces "{namespace}" not found', "NotFound")
        if "bad" in manifest:
            raise RemoteError('unknown field "bad"', "BadRequest")
        if kind == "Namespace":
            self.namespaces.add(metadata["name"])
        if kind == "CustomResourceDefinition":
            self.kinds.add(manifest["spec"]["names"]["kind"])
        self.created.append(f"{kind}/{metadata['name']}")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "SETTLE_S", 0)


def write(path: Path, *documents: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n---\n".join(json.dumps(document, indent=1) for document in documents))
    return path


def named(kind: str, name: str, namespace: str | None = None, **more: Any) -> dict[str, Any]:
    metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


async def test_kinds_may_stand_in_any_order(tmp_path: Path) -> None:
    definition = named("CustomResourceDefinition", "widgets.example.com", spec={"names": {"kind": "Widget"}})
    file = write(tmp_path / "all.yaml", named("Widget", "w", "shop"), named("ConfigMap", "c", "shop"), definition,
                 named("Namespace", "shop"))  # fmt: skip
    cluster = Cluster()

    failures = await seeding.seed(cluster, [file])

    assert failures == []
    assert cluster.created == [
        "Namespace/shop",
        "CustomResourceDefinition/widgets.example.com",
        "Widget/w",
        "ConfigMap/c",
    ]


async def test_what_comes_later_is_waited_for(tmp_path: Path) -> None:
    class Slow(Cluster):
        async def create(self, manifest: dict[str, Any]) -> None:
            if manifest["metadata"]["name"] == "late":
                self.namespaces.add("made-by-a-controller")
            await super().create(manifest)

    cluster = Slow()
    file = write(tmp_path / "a.yaml", named("ConfigMap", "early", "made-by-a-controller"), named("ConfigMap", "late"))

    assert await seeding.seed(cluster, [file]) == []
    assert cluster.created == ["ConfigMap/late", "ConfigMap/early"]


async def test_what_is_refused_is_reported_with_file_and_line(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.yaml", named("ConfigMap", "good"), named("ConfigMap", "bad", bad=1), named("ConfigMap", "c", "no")
    )
    cluster = Cluster()

    failures = await seeding.seed(cluster, [file])

    assert [str(failure) for failure in failures] == [
        f'{file}:8: ConfigMap bad: unknown field "bad"',
        f'{file}:17: ConfigMap no/c: namespaces "no" not found',
    ]
    assert cluster.created == ["ConfigMap/good"]


async def test_a_namespace_may_be_there_already(tmp_path: Path) -> None:
    assert await seeding.seed(Cluster(), [write(tmp_path / "a.yaml", named("Namespace", "default"))]) == []


def test_directories_are_read_in_the_order_of_names(tmp_path: Path) -> None:
    write(tmp_path / "b.yaml", named("ConfigMap", "2"))
    write(tmp_path / "a" / "x.yml", named("ConfigMap", "1"))
    write(tmp_path / "c.json", named("ConfigMap", "3"))
    write(tmp_path / ".hidden.yaml", named("ConfigMap", "no"))
    (tmp_path / "README.md").write_text("no manifest")

    assert [manifest.object["metadata"]["name"] for manifest in seeding.read([tmp_path])] == ["1", "2", "3"]


def test_a_list_is_its_items(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.yaml", {"apiVersion": "v1", "kind": "List", "items": [named("ConfigMap", "a"), named("Pod", "b")]}
    )

    assert [manifest.object["kind"] for manifest in seeding.read([file])] == ["ConfigMap", "Pod"]


def test_empty_documents_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("---\n# only a comment\n---\n")

    assert seeding.read([tmp_path / "a.yaml"]) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: b\nc: [", r"a\.yaml:\d: this is not YAML"),
        ("kind: Pod\napiVersion: v1\n---\n- 1\n", r"a\.yaml:1: Pod has no metadata"),
        ("- 1\n", r"a\.yaml:1: this is not a manifest"),
        ("\n\nkind: Pod\n", r"a\.yaml:3: apiVersion is missing"),
        ("apiVersion: v1\n", r"a\.yaml:1: kind is missing"),
        (b"a: b\n\xff", r"a\.yaml:2: this is not UTF-8 text"),
    ],
)
def test_what_is_no_manifest_is_told_with_file_and_line(tmp_path: Path, text: str | bytes, problem: str) -> None:
    (tmp_path / "a.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(SeedError, match=problem):
        seeding.read([tmp_path / "a.yaml"])


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match="nowhere: there is no such file or directory"):
        seeding.read([tmp_path / "nowhere"])


def test_a_directory_without_manifests_is_told(tmp_path: Path) -> None:
    with pytest.raises(SeedError, match=r"holds no manifests: expected files ending in \.yaml, \.yml, \.json"):
        seeding.read([tmp_path])


async def test_the_front_door_is_the_application_itself() -> None:
    asked: list[tuple[str, str, bytes]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        asked.append((scope["method"], scope["path"], scope["query_string"]))
        assert (b"authorization", b"Bearer my-token") in scope["headers"]
        if scope["method"] == "GET":
            resource = {
                "resource": "configmaps",
                "responseKind": {"kind": "ConfigMap"},
                "scope": "Namespaced",
                "verbs": [],
            }
            answer: Any = {"items": [{"metadata": {}, "versions": [{"version": "v1", "resources": [resource]}]}]}
            answer = answer if scope["path"] == "/api" else {"items": []}
        else:
            answer = json.loads(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    manifest = named("ConfigMap", "a", "shop")

    assert await FrontDoor(app, "my-token").create(manifest) == manifest
    assert asked == [
        ("GET", "/api", b""),
        ("GET", "/apis", b""),
        ("POST", "/api/v1/namespaces/shop/configmaps", b"fieldManager=fakekube&fieldValidation=Strict"),
    ]


async def test_a_refusal_at_the_front_door_carries_the_servers_words() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 403, "headers": []})
        await send({"type": "http.response.body", "body": b'{"kind":"Status","reason":"Forbidden","message":"no"}'})

    with pytest.raises(RemoteError, match=r"^no$") as caught:
        await FrontDoor(app, "my-token").create(named("ConfigMap", "a"))

    assert (caught.value.reason, caught.value.code) == ("Forbidden", 403)


def test_a_manifest_is_shown_with_its_place() -> None:
    assert str(Manifest(Path("a.yaml"), 7, named("Pod", "p", "shop"))) == "a.yaml:7: Pod shop/p"
