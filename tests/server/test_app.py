"""The path of a request through the filters, asked in process: no socket is opened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, NamedTuple

import orjson
import pytest

from fakekube import bootstrap
from fakekube.access.authentication import Authenticator
from fakekube.access.authorization import Authorizer
from fakekube.admission import Chain
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import Forbidden
from fakekube.kinds import Kinds
from fakekube.kinds.custom import served
from fakekube.registry.allocators import Allocators
from fakekube.registry.clock import Chance, Clock
from fakekube.registry.create import complete_metadata
from fakekube.registry.kind import Kind
from fakekube.registry.user import User
from fakekube.server.app import App
from fakekube.server.connection import CLIENT_CERTIFICATE, ClientCertificate
from fakekube.server.discovery import Discovery
from fakekube.server.encoding import error_response
from fakekube.server.health import Health
from fakekube.server.metrics import Metrics
from fakekube.server.openapi import OpenApi
from fakekube.server.request import Request
from fakekube.server.resources import MAX_BODY_BYTES
from fakekube.server.state import State
from fakekube.storage.store import Store

MAPS = "/api/v1/namespaces/default/configmaps"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


Ask = Callable[..., Awaitable[Answer]]


async def nothing() -> MutableMapping[str, Any]:
    return {"type": "http.disconnect"}


@pytest.fixture
def app() -> Iterator[App]:
    """A cluster's application, without controllers."""
    clock, chance, store, kinds = Clock(), Chance(1), Store(), Kinds.builtin()
    for kind in kinds:
        if kind.is_stored and kind.is_stored_form:
            store.declare(kind.collection, kind.kind, kind.api_version)
    plane = ControlPlane(store, kinds, clock, chance, Allocators("10.96.0.0/16", chance.random), Chain(()))
    operation = plane.operation(User("test"))
    for obj in bootstrap.objects(ca_pem="", service_cidr="10.96.0.0/16", server_address="127.0.0.1:1", now=clock.now()):
        group, _, version = obj["apiVersion"].rpartition("/")
        found = kinds.of_kind(group, version, obj["kind"])
        assert found is not None
        complete_metadata(obj, operation)
        metadata = obj["metadata"]
        store.create(found.collection, metadata.get("namespace", ""), metadata["name"], obj)
    tokens = {"admin": User("kubernetes-admin", ("system:masters",)), "jane": User("jane", ("dev",))}
    app = App()
    app.state = State(
        plane,
        Authenticator(tokens),
        Authorizer(store),
        Discovery(kinds, lambda: "127.0.0.1:1"),
        OpenApi(),
        Health(),
        Metrics(),
    )
    yield app
    assert store.changed_objects() == [], "somebody changed a shared object"


@pytest.fixture
def ask(app: App) -> Ask:
    """`await ask("GET", "/api")`: the answer to one request, as the administrator unless `token` says otherwise."""

    async def request(
        method: str,
        target: str,
        body: Any = b"",
        *,
        token: str = "admin",
        headers: dict[str, str] | None = None,
        certificate: ClientCertificate | None = None,
    ) -> Answer:
        path, _, query = target.partition("?")
        sent = {"content-type": "application/json", **(headers or {})}
        if token:
            sent.setdefault("authorization", f"Bearer {token}")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            CLIENT_CERTIFICATE: certificate,
        }
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        incoming = [{"type": "http.request", "body": text, "more_body": False}]
        outgoing: list[Any] = []
        never = asyncio.Event()

        async def receive() -> Any:
            if not incoming:
                await never.wait()
            return incoming.pop()

        async def send(message: Any) -> None:
            outgoing.append(message)

        await app(scope, receive, send)
        start = outgoing[0]
        answered = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], answered, b"".join(each.get("body", b"") for each in outgoing[1:]))

    return request


async def test_who_gives_no_credential_is_anonymous_and_may_read_little(ask: Ask) -> None:
    assert (await ask("GET", "/healthz", token="")).status == 200
    refused = await ask("GET", "/api", token="")
    assert refused.status == 403
    assert refused.json()["message"] == 'forbidden: User "system:anonymous" cannot get path "/api"'
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert refused.json()["details"] == {}


async def test_a_wrong_token_is_401_on_every_path(ask: Ask) -> None:
    refused = await ask("GET", "/healthz", token="wrong")
    assert refused.status == 401
    assert refused.body == (
        b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized",'
        b'"reason":"Unauthorized","code":401}\n'
    )


async def test_a_client_certificate_names_user_and_groups(ask: Ask) -> None:
    certificate = ClientCertificate("root", ("system:masters",), b"der")
    assert (await ask("GET", MAPS, token="", certificate=certificate)).status == 200


TOKEN = "base64url.bearer.authorization.k8s.io."
LET_IN = 405
"""Nobody runs commands here."""


@pytest.mark.parametrize(
    ("protocols", "authorization", "status"),
    [
        ([f"{TOKEN}YWRtaW4", "v5.channel.k8s.io"], "", LET_IN),
        (["v5.channel.k8s.io", f"{TOKEN}YWRtaW4"], "", LET_IN),
        ([f"{TOKEN}YWRtaW4"], "", 401),
        ([f"{TOKEN}YWRtaW4", f"{TOKEN}YWRtaW4", "v5.channel.k8s.io"], "", 401),
        ([f"{TOKEN}YWRtaW4=", "v5.channel.k8s.io"], "", 401),
        ([f"{TOKEN}!!", "v5.channel.k8s.io"], "", 401),
        ([TOKEN, "v5.channel.k8s.io"], "", 403),
        (["v5.channel.k8s.io"], "", 403),
        ([f"{TOKEN}bm9wZQ", "v5.channel.k8s.io"], "Bearer admin", LET_IN),
        ([f"{TOKEN}YWRtaW4", "v5.channel.k8s.io"], "Bearer nope", LET_IN),
    ],
)
async def test_a_websocket_may_carry_its_token_once_among_its_protocols(
    app: App, protocols: list[str], authorization: str, status: int
) -> None:
    sent: list[Any] = []
    scope = {
        "type": "websocket",
        "path": "/api/v1/namespaces/default/pods/x/exec",
        "query_string": b"command=ls",
        "headers": [(b"authorization", authorization.encode())] if authorization else [],
        "subprotocols": protocols,
    }

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)

    assert sent[0]["status"] == status


async def test_a_certificate_without_a_name_is_none(ask: Ask) -> None:
    nameless = ClientCertificate("", ("system:masters",), b"none")

    anonymous = await ask("GET", MAPS, token="", certificate=nameless)

    assert anonymous.json()["message"].startswith('configmaps is forbidden: User "system:anonymous"')
    assert (await ask("GET", MAPS, certificate=nameless)).status == 200


async def test_whoever_is_named_anonymous_is_not_authenticated(ask: Ask) -> None:
    certificate = ClientCertificate("system:anonymous", (), b"anonymous")

    answer = await ask(
        "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, token="", certificate=certificate
    )

    assert answer.status == 403


async def test_authorization_comes_before_404_and_before_bad_options(ask: Ask) -> None:
    for target in ("/apis/no.such.group/v1/widgets", f"{MAPS}?limit=abc", "/api/v1/nothings"):
        assert (await ask("GET", target, token="jane")).status == 403


async def test_a_role_binding_lets_a_user_in(ask: Ask) -> None:
    binding = {
        "metadata": {"name": "devs"},
        "subjects": [{"kind": "Group", "name": "dev", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
    }
    assert (await ask("GET", MAPS, token="jane")).status == 403
    place = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings"
    assert (await ask("POST", place, binding)).status == 201
    assert (await ask("GET", MAPS, token="jane")).status == 200
    assert (await ask("POST", MAPS, {"metadata": {"name": "a"}}, token="jane")).status == 403


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/api/v1/namespaces/default/nothings", 404),
        ("GET", "/api/v1/configmaps/a", 404),
        ("GET", "/api/v1/namespaces/default/nodes", 404),
        ("GET", "/api/v1//namespaces/default/configmaps", 404),
        ("HEAD", MAPS, 405),
        ("OPTIONS", MAPS, 405),
        ("PUT", MAPS, 405),
        ("POST", f"{MAPS}/a", 405),
        ("POST", "/api/v1/configmaps", 405),
        ("DELETE", "/api/v1/namespaces", 405),
        ("GET", "/apis/authorization.k8s.io/v1/subjectaccessreviews", 405),
    ],
)
async def test_what_leads_nowhere_and_what_is_not_allowed(ask: Ask, method: str, target: str, status: int) -> None:
    answer = await ask(method, target)
    assert (answer.status, answer.json()["details"]) == (status, {})


async def test_outside_the_served_groups_404_is_plain_text(ask: Ask) -> None:
    answer = await ask("GET", "/apis/nothing.example.com/v1/things")
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_the_status_of_an_error_has_the_order_of_the_go_type(ask: Ask) -> None:
    answer = await ask("GET", f"{MAPS}/missing")
    assert answer.body == (
        b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"configmaps \\"missing\\" not found",'
        b'"reason":"NotFound","details":{"name":"missing","kind":"configmaps"},"code":404}\n'
    )


async def test_curl_gets_indented_json_without_a_newline_at_the_end(ask: Ask) -> None:
    answer = await ask("GET", f"{MAPS}/missing", headers={"user-agent": "curl/8.5"})
    assert answer.body.startswith(b'{\n  "kind": "Status",')
    assert answer.body.endswith(b"}")


async def test_an_object_is_created_read_as_yaml_and_deleted(ask: Ask) -> None:
    created = await ask("POST", MAPS, {"metadata": {"name": "a"}, "data": {"x": "1"}})
    assert created.status == 201
    read = await ask("GET", f"{MAPS}/a", headers={"accept": "application/yaml"})
    assert read.headers["content-type"] == "application/yaml"
    assert read.body.startswith(b'apiVersion: v1\ndata:\n  x: "1"\nkind: ConfigMap\n') or b"x: '1'" in read.body
    deleted = await ask("DELETE", f"{MAPS}/a")
    assert deleted.json()["details"]["kind"] == "configmaps"
    assert "code" not in deleted.json()


async def test_items_of_a_list_carry_no_kind(ask: Ask) -> None:
    await ask("POST", MAPS, {"metadata": {"name": "a"}})
    listed = (await ask("GET", f"{MAPS}?labelSelector=!none")).json()
    assert listed["kind"] == "ConfigMapList"
    assert all("kind" not in item and "apiVersion" not in item for item in listed["items"])


async def test_a_long_list_that_comes_again_shows_what_has_changed_meanwhile(ask: Ask) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    for name in "ab":
        await ask("POST", path, {"metadata": {"name": name}, "data": {"text": "long" * 20_000}})
    first, again = await ask("GET", path), await ask("GET", path)
    elsewhere = await ask("GET", "/api/v1/namespaces/kube-system/configmaps")
    limited = await ask("GET", f"{path}?limit=1")
    await ask("DELETE", f"{path}/a")
    after = await ask("GET", path)

    assert again.body == first.body
    assert "long" not in elsewhere.body.decode()
    assert [[item["metadata"]["name"] for item in each.json()["items"]] for each in (first, limited, after)] == [
        ["a", "b", "kube-root-ca.crt"],
        ["a"],
        ["b", "kube-root-ca.crt"],
    ]
    assert after.json()["metadata"]["resourceVersion"] != first.json()["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    ("accept", "status", "message"),
    [
        ("text/html", 406, "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "),
        ("application/json;as=Nope;v=v1;g=meta.k8s.io", 406, "only the following media types are accepted: "),
    ],
)
async def test_what_cannot_be_had_is_406_in_indented_json(ask: Ask, accept: str, status: int, message: str) -> None:
    answer = await ask("GET", f"{MAPS}/a", headers={"accept": accept})
    assert answer.status == status
    assert answer.json()["message"].startswith(message)
    assert answer.body.startswith(b"{\n")


@pytest.mark.parametrize(
    "accept",
    [
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "application/yaml;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    ],
)
async def test_an_error_is_indented_json_for_who_accepts_a_form_of_the_object_alone(ask: Ask, accept: str) -> None:
    answer = await ask("GET", f"{MAPS}/nope", headers={"accept": accept})

    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
    assert answer.body.startswith(b"{\n")


async def test_an_error_is_in_the_first_plain_type_beside_forms(ask: Ask) -> None:
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/yaml"

    answer = await ask("GET", f"{MAPS}/nope", headers={"accept": accept})

    assert (answer.status, answer.headers["content-type"]) == (404, "application/yaml")


@pytest.mark.parametrize(
    ("path", "kind"),
    [("status", "Table"), ("ephemeralcontainers", "Pod"), ("resize", "Pod")],
)
async def test_some_subresources_answer_with_the_object_where_a_table_is_asked_for(
    ask: Ask, path: str, kind: str
) -> None:
    pods, table = "/api/v1/namespaces/default/pods", "application/json;as=Table;v=v1;g=meta.k8s.io"
    account = {"metadata": {"name": "default"}}
    await ask("POST", "/api/v1/namespaces/default/serviceaccounts", account)
    await ask("POST", pods, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})

    answer = await ask("GET", f"{pods}/p/{path}", headers={"accept": f"{table},application/json"})
    only = await ask("GET", f"{pods}/p/{path}", headers={"accept": table})

    assert answer.json()["kind"] == kind
    assert only.status == (200 if kind == "Table" else 406)


async def test_a_deprecated_kind_does_not_warn_who_cannot_be_answered(ask: Ask) -> None:
    answer = await ask("GET", "/api/v1/componentstatuses", headers={"accept": "text/html"})

    assert answer.status == 406
    assert "warning" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_name_that_can_be_no_part_of_a_key_is_400(ask: Ask, method: str) -> None:
    answer = await ask(method, f"{MAPS}/a%b")

    assert answer.status == 400
    assert answer.json()["message"] == "Name parameter invalid: \"a%b\": may not contain '%'"


@pytest.mark.parametrize(
    ("method", "content_type"), [("PUT", "application/json"), ("PATCH", "application/apply-patch+yaml")]
)
async def test_nothing_is_made_under_such_a_name(ask: Ask, method: str, content_type: str) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/a%b?fieldManager=m"
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a%b"}}

    answer = await ask(method, path, lease, headers={"content-type": content_type})

    assert answer.json()["message"] == "Name parameter invalid: \"a%b\": may not contain '%'"


@pytest.mark.parametrize("path", ["/api/v1/watch", "/apis/apps/v1/watch/", "/api/v1/proxy"])
async def test_a_path_of_the_old_form_that_ends_too_soon_is_not_understood(ask: Ask, path: str) -> None:
    answer = await ask("GET", path)

    assert answer.status == 500
    words = f"failed to create RequestInfo: unable to determine kind and namespace from url, {path}"
    assert answer.body.decode() == f'Internal Server Error: "{path}": {words}\n'
    assert "cache-control" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_path_of_the_old_watch_is_a_watch_whatever_the_method(ask: Ask, method: str) -> None:
    path = "/api/v1/watch/namespaces/default/configmaps"

    refused = await ask(method, path, token="jane")

    assert 'User "jane" cannot watch resource "configmaps"' in refused.json()["message"]
    assert (await ask(method, path)).status == 405


async def test_a_path_of_the_old_proxy_is_understood_and_leads_nowhere(ask: Ask) -> None:
    refused = await ask("GET", "/api/v1/proxy/nodes/n", token="jane")

    assert refused.json()["message"].startswith('nodes "n" is forbidden: User "jane" cannot proxy resource "nodes"')
    assert (await ask("GET", "/api/v1/proxy/nodes/n")).status == 404


@pytest.mark.parametrize("path", ["namespaces", "namespaces/default"])
async def test_there_are_no_namespaces_within_namespaces(ask: Ask, path: str) -> None:
    assert (await ask("GET", f"/api/v1/namespaces/default/{path}")).status == 404
    assert (await ask("DELETE", f"/api/v1/namespaces/default/{path}?dryRun=All")).status == 404


async def test_a_path_without_a_resource_names_none_in_its_refusal(ask: Ask) -> None:
    refused = await ask("GET", "/api/v1//pods", token="jane")

    assert refused.json()["message"].startswith('forbidden: User "jane" cannot get resource ""')


async def test_what_only_reviews_could_list_is_not_there_across_namespaces(ask: Ask) -> None:
    assert [(await ask(method, "/api/v1/bindings")).status for method in ("GET", "POST", "PUT")] == [404] * 3


def test_what_is_forbidden_after_authorization_says_nothing_about_sniffing() -> None:
    request = Request({"path": MAPS, "headers": []}, receive=nothing)

    assert error_response(request, Forbidden("by admission")).headers == []


async def test_a_body_of_another_type_is_415_and_a_large_one_413(ask: Ask) -> None:
    assert (await ask("POST", MAPS, b"hello", headers={"content-type": "text/plain"})).status == 415
    large = await ask("POST", MAPS, b" " * (MAX_BODY_BYTES + 1))
    assert (large.status, large.json()["reason"]) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"metadata":' * 5000,
        b'{"metadata":{"name":{"a":1}}}',
        b'{"metadata":[]}',
        b'{"data":{"a":1}}',
        b'{"kind":5}',
        b'{"apiVersion":"a/b/c"}',
        b"\x00" * 50,
        b'{"metadata":{"name":"\\ud800"}}',
        b'{"metadata":{"name":"a"},"data":{"x":"\\ud800"}}',
    ],
)
async def test_an_unreadable_body_is_refused_with_a_status(ask: Ask, body: bytes) -> None:
    answer = await ask("POST", MAPS, body)
    assert answer.status in (201, 400, 422)
    if answer.status != 201:
        assert answer.json()["kind"] == "Status"


async def test_a_wrong_timeout_is_told_before_who_asks(ask: Ask) -> None:
    answer = await ask("GET", f"{MAPS}?timeout=soon", token="wrong")
    assert answer.status == 400
    assert answer.json()["message"].endswith('time: invalid duration "soon"')


async def test_an_audit_id_is_sent_back_and_made_where_none_is_given(ask: Ask) -> None:
    assert (await ask("GET", "/version", headers={"audit-id": "mine"})).headers["audit-id"] == "mine"
    assert len((await ask("GET", "/version")).headers["audit-id"]) == 36


async def test_impersonation_acts_as_the_other_user_where_it_is_permitted(ask: Ask) -> None:
    answer = await ask("GET", MAPS, headers={"impersonate-user": "jane"})
    assert answer.json()["message"].startswith('configmaps is forbidden: User "jane" cannot list')
    refused = await ask("GET", MAPS, token="jane", headers={"impersonate-user": "root"})
    assert 'User "jane" cannot impersonate' in refused.json()["message"]
    nameless = await ask("GET", MAPS, headers={"impersonate-group": "g"})
    assert (nameless.status, nameless.headers["x-content-type-options"]) == (400, "nosniff")


async def test_headers_are_read_as_utf_8(ask: Ask) -> None:
    answer = await ask("GET", MAPS, headers={"impersonate-user": "é"})

    assert answer.json()["message"].startswith('configmaps is forbidden: User "é" cannot list')


KITES = "/apis/x.example.com/v1/namespaces/default/kites"


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("OPTIONS", KITES, 405, ' is not supported on resources of kind "kites.x.example.com"'),
        ("DELETE", f"{KITES}/a/status", 405, 'delete is not supported on resources of kind "kites.x.example.com"'),
        ("PUT", KITES, 400, "name must be provided"),
        ("PATCH", KITES, 400, "name must be provided"),
        ("GET", f"{KITES}/a/nope", 404, 'kites.x.example.com "a" not found'),
    ],
)
async def test_what_cannot_be_done_to_custom_resources_is_told_in_other_words(
    app: App, ask: Ask, method: str, path: str, status: int, message: str
) -> None:
    app.state.plane.kinds.add(kite())

    answer = await ask(method, path)

    assert (answer.status, answer.json()["message"]) == (status, message)


async def test_of_custom_resources_the_head_may_be_asked_for(app: App, ask: Ask) -> None:
    app.state.plane.kinds.add(kite())
    app.state.plane.store.declare("kites.x.example.com", "Kite", "x.example.com/v1")

    assert (await ask("HEAD", KITES)).status == 200
    assert (await ask("HEAD", MAPS)).status == 405


async def test_custom_resources_are_written_in_the_order_of_their_keys(app: App, ask: Ask) -> None:
    app.state.plane.kinds.add(kite())
    app.state.plane.store.declare("kites.x.example.com", "Kite", "x.example.com/v1")
    kite_of_paper = {"kind": "Kite", "apiVersion": "x.example.com/v1", "metadata": {"name": "a"}, "spec": {}}

    made = await ask("POST", KITES, kite_of_paper)
    listed = await ask("GET", f"{KITES}?watch=0")
    initial = "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    watched = await ask("GET", f"{KITES}?watch=1&timeoutSeconds=1&{initial}")
    shown = await ask(
        "GET", f"{KITES}?includeObject=Object", headers={"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    )

    added, bookmark = map(orjson.loads, watched.body.splitlines())
    rows = shown.json()["rows"]
    assert list(listed.json()) == ["apiVersion", "items", "kind", "metadata"]
    assert list(listed.json()["metadata"]) == ["continue", "resourceVersion"]
    assert list(bookmark["object"]) == ["apiVersion", "kind", "metadata"]
    for each in (made.json(), listed.json()["items"][0], added["object"], rows[0]["object"]):
        assert list(each)[:3] == ["apiVersion", "kind", "metadata"]
        assert list(each["metadata"]) == sorted(each["metadata"])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
async def test_across_namespaces_custom_resources_are_read_alone(app: App, ask: Ask, method: str) -> None:
    app.state.plane.kinds.add(kite())

    answer = await ask(method, "/apis/x.example.com/v1/kites")

    assert (answer.status, answer.body) == (404, b"404 page not found\n")


def kite() -> Kind:
    names = {"plural": "kites", "singular": "kite", "kind": "Kite", "listKind": "KiteList"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}
    spec = {"group": "x.example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    status = {"acceptedNames": names, "conditions": [{"type": "Established", "status": "True"}]}
    (kind,) = served({"metadata": {}, "spec": spec, "status": status}, rereads=False).kinds
    return kind


@pytest.mark.parametrize("query", ["labelSelector=%zz", "limit=x;y=z", "limit=%4", "%zz=1&pretty=0"])
def test_a_pair_of_the_query_that_go_cannot_read_is_not_there(query: str) -> None:
    request = Request({"path": MAPS, "headers": [], "query_string": query.encode()}, receive=nothing)

    assert request.query == ({"pretty": "0"} if "pretty" in query else {})


@pytest.mark.parametrize(("query", "status"), [("fieldSelector=x=y", 400), ("resourceVersion=x", 500), ("", 406)])
async def test_that_yaml_cannot_stream_is_told_after_what_is_wrong_with_the_options(
    ask: Ask, query: str, status: int
) -> None:
    answer = await ask("GET", f"{MAPS}?watch=1&{query}", headers={"accept": "application/yaml"})

    assert answer.status == status


async def test_a_watch_streams_one_event_a_line_and_ends_by_itself(ask: Ask) -> None:
    await ask("POST", MAPS, {"metadata": {"name": "a"}})
    answer = await ask("GET", f"{MAPS}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name=a&allowWatchBookmarks=true")
    first, second = map(orjson.loads, answer.body.splitlines())
    assert (first["type"], first["object"]["kind"], first["object"]["metadata"]["name"]) == ("ADDED", "ConfigMap", "a")
    assert second["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert "content-length" not in answer.headers


async def test_large_answers_are_compressed_for_those_who_accept_it(ask: Ask) -> None:
    for i in range(3):
        await ask("POST", MAPS, {"metadata": {"name": f"a{i}"}, "data": {"x": "y" * 60_000}})
    assert "content-encoding" not in (await ask("GET", MAPS)).headers
    assert (await ask("GET", MAPS, headers={"accept-encoding": "gzip"})).headers["content-encoding"] == "gzip"


async def test_a_mistake_of_ours_is_a_500_without_a_traceback(
    app: App, ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app.state.plane.store, "get", None)
    answer = await ask("GET", f"{MAPS}/a")
    assert (answer.status, answer.json()["reason"]) == (500, "InternalError")
    assert "Traceback" not in answer.body.decode()
    assert "Traceback" in caplog.text
