"""The verbs of a test: dicts in, dicts out, as one user of the cluster.

Each call is one request, answered in the server's thread while the caller waits, some 0.3 ms; so they may be called from synchronous tests
and from any event loop. Only what waits for others to act has a form to be awaited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from fakekube import seeding
from fakekube.errors import AlreadyExists, BadRequest, Invalid, NotFound, StatusError
from fakekube.remote import RemoteError
from fakekube.testing import manifests
from fakekube.testing.conditions import Condition, understood
from fakekube.testing.mailbox import Mailbox
from fakekube.testing.manifests import ManifestError, Source
from fakekube.testing.requests import ask, kind_named, kind_of, listed, note_what_was_sent
from fakekube.testing.waiting import News, Waiting, report

if TYPE_CHECKING:
    from fakekube.api.control_plane import ControlPlane
    from fakekube.registry.kind import Kind
    from fakekube.server.app import App
    from fakekube.server.responses import Header
    from fakekube.server.run import RunningServer

T = TypeVar("T")
Object = dict[str, Any]
Objects = list[Object]

DEFAULT_NAMESPACE = "default"
TIMEOUT_S = 10.0

JSON = "application/json"
PATCH_TYPES = {
    "apply": "application/apply-patch+yaml",
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


class Handle:
    """What one user does to the cluster.

    A kind is named as kubectl takes it (`"Pod"`, `"pods"`, `"po"`, `"jobs.batch"`), or by an object, which then says name and namespace
    too: `kube.delete(pod)`. The namespace is `default` unless said otherwise; kinds without namespaces ignore it.

    Refusals are raised as in fakekube.errors (NotFound, AlreadyExists, Invalid, Forbidden ...), with notes on what was sent or
    what is there.
    """

    def __init__(self, server: RunningServer, application: App, headers: Sequence[Header]) -> None:
        self.server = server
        self._application = application
        self._headers = list(headers)

    def as_user(self, name: str, *groups: str) -> Handle:
        """The same verbs as another user sees them, by impersonation: `kube.as_user("jane", "dev").list("pods")`."""
        identity = [(b"impersonate-user", name.encode()), *((b"impersonate-group", each.encode()) for each in groups)]
        return Handle(self.server, self._application, [*self._without_impersonation(), *identity])

    def create(self, source: Source, *, namespace: str | None = None) -> Object:
        """The object as the server made it. `source` is a dict, a text of YAML or JSON, or a Path; unknown fields are refused."""
        __tracebackhide__ = True
        obj, kind, place = self._understood(source, namespace)
        return self._write("POST", _path(kind, place), _STRICT, obj)

    def apply(self, source: Source, *, namespace: str | None = None) -> Object:
        """Create the object, or bring it to what is given, as `kubectl apply --server-side --force-conflicts` does: lists are merged by
        their keys, and what an earlier `apply` has set and this one leaves out goes."""
        __tracebackhide__ = True
        obj, kind, place = self._understood(source, namespace)
        obj["metadata"].pop("managedFields", None)
        name = obj["metadata"].get("name")
        if not name:
            return self._write("POST", _path(kind, place), _STRICT, obj)
        return self._write("PATCH", _path(kind, place, name), _APPLY, obj, PATCH_TYPES["apply"])

    def replace(self, source: Source, *, namespace: str | None = None, subresource: str = "") -> Object:
        """Put this object in the place of the one of its name. With its resourceVersion, only if nobody has changed that one."""
        __tracebackhide__ = True
        obj, kind, place = self._understood(source, namespace)
        path = _path(kind, place, _name_of(obj), subresource)
        return self._write("PUT", path, _STRICT, obj)

    def load(self, *sources: Source, namespace: str | None = None) -> Objects:
        """Create all objects of files, directories, texts and dicts, in whatever order they were written. Raises ManifestError."""
        __tracebackhide__ = True
        wanted = manifests.read_all(sources)
        made: Objects = []

        failures = self._run(lambda: seeding.create_all(_Creator(self, namespace, made), wanted))
        if failures:
            raise ManifestError("\n".join(map(str, failures)))
        return made

    def get(
        self,
        kind: str | Mapping[str, Any],
        name: str | None = None,
        namespace: str | None = None,
        *,
        subresource: str = "",
    ) -> Object:
        """The object. Raises NotFound, which tells what is there."""
        __tracebackhide__ = True
        which, place, named = self._target(kind, name, namespace)
        try:
            found: Object = self._request("GET", _path(which, place, named, subresource))
        except NotFound as error:
            self._note_what_is_there(error, which, place, named)
            raise
        return found

    def find(
        self, kind: str | Mapping[str, Any], name: str | None = None, namespace: str | None = None
    ) -> Object | None:
        """The object, or None: `assert kube.find("pod", "web") is None`."""
        __tracebackhide__ = True
        return self._find(*self._target(kind, name, namespace))

    def list(
        self,
        kind: str,
        namespace: str | None = DEFAULT_NAMESPACE,
        *,
        labels: Mapping[str, str] | str = "",
        fields: Mapping[str, str] | str = "",
    ) -> Objects:
        """The objects in key order, each whole with kind and apiVersion. `namespace` None is all; selectors are dicts or texts."""
        __tracebackhide__ = True
        which = kind_named(self._plane.kinds, kind)
        query = {"labelSelector": _selector(labels), "fieldSelector": _selector(fields)}
        path = _path(which, (namespace or "") if which.namespaced else "")
        answer = self._request("GET", path, {key: value for key, value in query.items() if value})
        return [{"kind": which.kind, "apiVersion": which.api_version, **item} for item in answer["items"]]

    def patch(
        self,
        kind: str | Mapping[str, Any],
        name: str | None = None,
        patch: Mapping[str, Any] | Sequence[Mapping[str, Any]] = (),
        namespace: str | None = None,
        *,
        subresource: str = "",
        type: str = "",
    ) -> Object:
        """The changed object. A dict is a merge patch, a list a JSON patch, unless `type` (merge, json, strategic, apply) says otherwise.

        kube.patch("pod", "web", {"status": {"phase": "Failed"}}, subresource="status")
        """
        __tracebackhide__ = True
        which, place, named = self._target(kind, name, namespace)
        chosen = type or ("merge" if isinstance(patch, Mapping) else "json")
        if chosen not in PATCH_TYPES:
            raise ValueError(f"there is no patch type {chosen!r}: expected one of {', '.join(PATCH_TYPES)}")
        query = _APPLY if chosen == "apply" else _STRICT
        path = _path(which, place, named, subresource)
        try:
            return self._write("PATCH", path, query, patch, PATCH_TYPES[chosen])
        except NotFound as error:
            self._note_what_is_there(error, which, place, named)
            raise

    def delete(
        self,
        kind: str | Mapping[str, Any],
        name: str | None = None,
        namespace: str | None = None,
        *,
        grace_period_seconds: int | None = None,
        propagation_policy: str | None = None,
    ) -> None:
        """Ask for its end, and return: finalizers, and a pod's grace period, may hold it (`kube.wait_for(..., "delete")`)."""
        __tracebackhide__ = True
        which, place, named = self._target(kind, name, namespace)
        said = {"gracePeriodSeconds": grace_period_seconds, "propagationPolicy": propagation_policy}
        query = {key: str(value) for key, value in said.items() if value is not None}
        try:
            self._request("DELETE", _path(which, place, named), query)
        except NotFound as error:
            self._note_what_is_there(error, which, place, named)
            raise

    def events(
        self,
        kind: str | Mapping[str, Any] | None = None,
        name: str | None = None,
        namespace: str | None = DEFAULT_NAMESPACE,
        *,
        reason: str = "",
    ) -> Objects:
        """The Events (v1) of a namespace (None: all), oldest first: about objects of a kind, of a name, for a reason."""
        __tracebackhide__ = True
        fields = {"reason": reason}
        if isinstance(kind, Mapping):
            which, namespace, name = self._target(kind, name, None)
            namespace = namespace or DEFAULT_NAMESPACE
            fields["involvedObject.kind"] = which.kind
        elif kind is not None:
            fields["involvedObject.kind"] = kind_named(self._plane.kinds, kind).kind
        fields["involvedObject.name"] = name or ""
        found = self.list("events", namespace, fields={key: value for key, value in fields.items() if value})
        return sorted(found, key=_revision)

    def changes(self, kind: str | Mapping[str, Any], name: str | None = None, namespace: str | None = None) -> Objects:
        """What has happened to one object, or (`name` None) to all of a kind and namespace, as a watch would have told it:
        `{"type": "ADDED" | "MODIFIED" | "DELETED", "object": ...}`, oldest first; of the last thousand changes of the kind."""
        __tracebackhide__ = True
        if name is None and isinstance(kind, str):
            which, place = kind_named(self._plane.kinds, kind), ""
            place = (namespace or DEFAULT_NAMESPACE) if which.namespaced else ""
        else:
            which, place, name = self._target(kind, name, namespace)

        async def read() -> Objects:
            from fakekube.api.body import from_storage

            store = self._plane.store
            oldest = store.collection(which.collection).history.oldest
            return [
                {"type": event.type, "object": from_storage(which, (event.new or event.last()).copy())}
                for event in store.since(which.collection, place, oldest)
                if name in (None, event.name)
            ]

        return self._run(read)

    def wait_for(
        self,
        kind: str | Mapping[str, Any],
        name: str | None = None,
        condition: Condition = "create",
        namespace: str | None = None,
        *,
        timeout: float = TIMEOUT_S,
    ) -> Object:
        """The object as it was when the condition came true (or, for `"delete"`, as it was last seen, `{}` if never).

            kube.wait_for("job", "my-job", "condition=Complete")
            kube.wait_for("pod", "web", lambda pod: pod["status"]["phase"] == "Running")

        From now on every state is looked at, also those that last no longer than a moment; what was before is in `changes`. `name`
        None takes any object of the kind. See fakekube.testing.conditions for all that may be waited for.

        In an asynchronous test whose own tasks are to do what is waited for, use `await kube.wait_for_async(...)`.

        Raises WaitTimeout after `timeout` seconds, with the last state and events; ValueError for a condition that is none.
        """
        __tracebackhide__ = True
        waiting, news = self._begin_waiting(kind, name, condition, namespace, timeout)
        try:
            while not waiting.enough(news.get(waiting.left_s)):
                pass
        except TimeoutError:
            raise waiting.timed_out(self._events_of(waiting)) from None
        finally:
            waiting.reporting.cancel()
        return waiting.last or {}

    async def wait_for_async(
        self,
        kind: str | Mapping[str, Any],
        name: str | None = None,
        condition: Condition = "create",
        namespace: str | None = None,
        *,
        timeout: float = TIMEOUT_S,
    ) -> Object:
        """`wait_for` while the caller's event loop, asyncio's or trio's, goes on."""
        __tracebackhide__ = True
        import anyio

        waiting, news = self._begin_waiting(kind, name, condition, namespace, timeout)
        try:
            with anyio.move_on_after(timeout):
                while not waiting.enough(await news.receive()):
                    pass
                return waiting.last or {}
        finally:
            waiting.reporting.cancel()
        raise waiting.timed_out(self._events_of(waiting))

    def _without_impersonation(self) -> Sequence[Header]:
        return [header for header in self._headers if not header[0].startswith(b"impersonate-")]

    @property
    def _plane(self) -> ControlPlane:
        """The store in it is for functions that run in the server's loop."""
        return self._application.state.plane

    def _check_thread(self) -> None:
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self.server.loop:
            raise RuntimeError(
                "this would wait for itself: it is called in the server's own loop, where `client()` is to be used"
            )

    def _run(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run what `function()` returns in the server's loop, and wait."""
        self._check_thread()
        return self.server.call(function())

    def _ask(
        self, method: str, path: str, query: Mapping[str, str], body: Any = None, content_type: str = JSON
    ) -> Coroutine[Any, Any, Any]:
        return ask(self._application, self._headers, method, path, query, body, content_type)

    def _request(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None, content_type: str = JSON
    ) -> Any:
        __tracebackhide__ = True
        try:
            return self._run(lambda: self._ask(method, path, query or {}, body, content_type))
        except StatusError as error:
            # Where in the server it was raised tells a test nothing.
            raise error.with_traceback(None) from None

    def _write(self, method: str, path: str, query: Mapping[str, str], body: Any, content_type: str = JSON) -> Object:
        __tracebackhide__ = True
        try:
            answer: Object = self._request(method, path, query, body, content_type)
        except (BadRequest, Invalid) as error:
            note_what_was_sent(error, method, path, body)
            raise
        except AlreadyExists as error:
            error.add_note("`kube.apply(...)` changes what is there, `kube.replace(...)` takes its place")
            raise
        except NotFound as error:
            if error.details is not None and error.details.get("kind") == "namespaces":
                names = [each["metadata"]["name"] for each in self.list("namespaces")]
                error.add_note(f"there are the namespaces {listed(names)}")
            raise
        return answer

    def _understood(self, source: Source, namespace: str | None) -> tuple[Object, Kind, str]:
        obj = manifests.one(source)
        kind = kind_of(self._plane.kinds, obj)
        return obj, kind, _place(kind, obj, namespace)

    def _target(self, kind: str | Mapping[str, Any], name: str | None, namespace: str | None) -> tuple[Kind, str, str]:
        """(kind, namespace or "", name)"""
        if isinstance(kind, Mapping):
            which = kind_of(self._plane.kinds, kind)
            return which, _place(which, kind, namespace), name or _name_of(kind)
        which = kind_named(self._plane.kinds, kind)
        if not name:
            raise ValueError(f"which {which.singular}? Give its name, or see all with `kube.list({kind!r})`")
        return which, (namespace or DEFAULT_NAMESPACE) if which.namespaced else "", name

    def _find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        __tracebackhide__ = True
        try:
            found: Object = self._request("GET", _path(kind, namespace, name))
        except NotFound:
            return None
        return found

    def _note_what_is_there(self, error: NotFound, kind: Kind, namespace: str, name: str) -> None:
        async def read() -> list[tuple[str, str]]:
            stored = self._plane.store.list(kind.collection) if kind.is_stored else []
            return [(each.namespace, each.name) for each in stored]

        everywhere = self._run(read)
        here = [each for place, each in everywhere if place == namespace]
        where = f" in namespace {namespace!r}" if namespace else ""
        error.add_note(f"{kind.resource}{where}: {listed(here) or 'none'}")
        elsewhere = [place for place, each in everywhere if each == name and place != namespace]
        if elsewhere:
            error.add_note(f"there is one of this name in namespace {listed(elsewhere)}")

    def _begin_waiting(
        self,
        kind: str | Mapping[str, Any],
        name: str | None,
        condition: Condition,
        namespace: str | None,
        timeout_s: float,
    ) -> tuple[Waiting, Mailbox[News]]:
        test = understood(condition)
        if isinstance(kind, str) and name is None:
            which = kind_named(self._plane.kinds, kind)
            place = (namespace or DEFAULT_NAMESPACE) if which.namespaced else ""
        else:
            which, place, name = self._target(kind, name, namespace)
        what = f"{which.singular} {name or 'of any name'}{f' in namespace {place}' if place else ''}"
        news: Mailbox[News] = Mailbox()
        reporting = self.server.submit(report(self._plane, which, place, name, news))
        reporting.add_done_callback(lambda _: news.put(("", None)))
        return Waiting(what, test, timeout_s, reporting), news

    def _events_of(self, waiting: Waiting) -> Objects:
        """What the cluster has said about the object that did not become what was wanted."""
        if waiting.last is None:
            return []
        administrator = Handle(self.server, self._application, self._without_impersonation())
        return administrator.events(waiting.last)


@dataclass(frozen=True, slots=True)
class _Creator:
    """How `seeding` creates what it has read; runs in the server's loop."""

    handle: Handle
    namespace: str | None
    made: Objects

    async def create(self, manifest: Object) -> None:
        handle = self.handle
        try:
            kind = kind_of(handle._plane.kinds, manifest)
            path = _path(kind, _place(kind, manifest, self.namespace))
            self.made.append(await handle._ask("POST", path, _STRICT, manifest))
        except StatusError as error:
            raise RemoteError(error.message, error.status_reason, error.status_code) from None


_STRICT = {"fieldValidation": "Strict"}
"""As kubectl does it: a field that does not exist is a mistake."""
_APPLY = {**_STRICT, "fieldManager": "fakekube", "force": "true"}


def _path(kind: Kind, namespace: str, name: str = "", subresource: str = "") -> str:
    parts = [f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"]
    if namespace:
        parts.append(f"namespaces/{namespace}")
    parts += [part for part in (kind.resource, name, subresource) if part]
    return "/".join(parts)


def _place(kind: Kind, obj: Mapping[str, Any], namespace: str | None) -> str:
    """Where the object belongs: as it says itself, or as the call says."""
    if not kind.namespaced:
        return ""
    own: str = obj["metadata"].get("namespace") or ""
    if own and namespace and own != namespace:
        raise ManifestError(f"the object says namespace {own!r}, the call {namespace!r}")
    return own or namespace or DEFAULT_NAMESPACE


def _name_of(obj: Mapping[str, Any]) -> str:
    name: str = obj["metadata"].get("name") or ""
    if not name:
        raise ManifestError(f"this {obj['kind']} has no metadata.name")
    return name


def _selector(wanted: Mapping[str, str] | str) -> str:
    return wanted if isinstance(wanted, str) else ",".join(f"{key}={value}" for key, value in wanted.items())


def _revision(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])
