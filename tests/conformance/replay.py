"""Play HTTP scenarios against a Kubernetes API server and say what it answered, in a form that two servers share.

A scenario is a YAML file:

    name: create, read and delete a job
    namespace: true            # make a fresh namespace, $NS in every string (default true)
    service_account: true      # wait until the namespace has its default ServiceAccount
    settle: 0                  # seconds to wait after that
    managed_fields: false      # true: compare metadata.managedFields too
    resource_versions: false   # true: number the versions of objects (not of lists) by first appearance: <rv-1>, <rv-2>; one that is
                               # lower than one seen before is marked "older".  Shows which answers carry the same state, and the order
    cleanup: [DELETE /...]     # cluster-scoped things to remove at the end ($ID is unique per run)
    steps:
    - do: POST /apis/batch/v1/namespaces/$NS/jobs
      body: {...}              # sent as JSON (content type from `type:`, default application/json)
      raw: "text"              # or this text as it is
      headers: {Accept: ...}
      as: admin | anonymous | $VAR     # bearer token to send (default admin)
      save: {uid: metadata.uid}        # later usable as ${uid}
      until: {path: status.phase, is: Active, within: 5}   # poll a GET
      watch: {events: 3, within: 3}    # read that many events of a watch stream (or until `within`); with `end: true` the
                                       # answer also says whether the server ended the stream within `within`;
                                       # periodic bookmarks are skipped unless `bookmarks: true`
      meanwhile: [{do: ..., body: ...}]  # requests sent while the watch is open
      ignore: [metadata.annotations]   # paths left out of the comparison (items.*.status works)
      ignore_keys: [selfLink]          # keys left out wherever they stand
      only: [status.phase]             # compare these paths alone
      unordered: [details.causes]      # lists whose order a server chooses at random: sorted before they are compared
      skip: true                       # run it, but record nothing
    - pause: 1                         # seconds

A scenario may own HTTPS webhooks, which the player serves on 127.0.0.1 while it runs:

    webhooks:                  # each gives $<name>_url and $<name>_ca (a base64 CA bundle) to every string
      guard: [...]             # its answers, used one after another; the last one stays
      gone: refused            # nobody listens at its URL
    steps:
    - do: ...
      answers: {guard: [...]}  # from this step on it answers these
      calls: [guard]           # record what the webhooks were sent during this step (sorted by webhook)
      calls_only: [request.object.spec]   # of their bodies compare these paths alone
      calls_ignore: [request.options]     # or leave these out

An answer is one of (each may add `delay: seconds`, `status: 500` and, for AdmissionReviews, `response: {...}`):

    response: {allowed: false, status: {...}}   # an AdmissionReview; apiVersion, kind and uid are filled in, `allowed` is true if left out
    patch: [{op: add, path: /metadata/labels/a, value: b}]         # the same, with that JSON patch
    convert: {v2: [{move: [spec.host, spec.name]}, {set: [spec.a, 1]}]}  # a ConversionReview: by desired version, what to do to each object
    body: {...}                                 # or this whole body ($uid is the request's)
    raw: "text"

Answers are normalised, so that two servers that behave alike give the same text: UIDs, times, resource versions, generated
names, IPs, tokens and the namespace's own name become ordinal placeholders.
"""

from __future__ import annotations

import contextlib
import copy
import json
import secrets
import ssl
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import httpx
import yaml

from .normaliser import Normaliser
from .values import dig, drop, drop_everywhere, expand
from .webhooks import Call, Webhook

KEPT_HEADERS = ("content-type", "warning", "retry-after", "allow", "www-authenticate")
POLL_INTERVAL_S = 0.1
HOPELESS_WAIT_S = 0.5
"""How long a step may wait for what is known not to come."""

Step = dict[str, Any]
Scenario = dict[str, Any]


@dataclass(frozen=True)
class Played:
    """What one step gave. `position` counts the scenario's steps from 1, those that record nothing included."""

    position: int
    do: str
    answer: dict[str, Any] | None
    met: bool = True
    """Whether what `until` waited for came."""


class Player:
    """An administrator of one server."""

    def __init__(self, server: str, verify: ssl.SSLContext | bool, token: str) -> None:
        self.http = httpx.Client(base_url=server, verify=verify, timeout=30, trust_env=False)
        self.token = token

    def close(self) -> None:
        self.http.close()

    def _auth(self, who: str, variables: dict[str, str]) -> dict[str, str]:
        if who == "anonymous":
            return {}
        token = self.token if who == "admin" else expand(who, variables)
        return {"Authorization": f"Bearer {token}"}

    def request(
        self, step: Step, variables: dict[str, str], longest_wait_s: float = float("inf")
    ) -> tuple[httpx.Response, Any, bool]:
        """The answer, its body as a value, and whether `until` came true within its time and `longest_wait_s`."""
        method, path = expand(step["do"], variables).split(" ", 1)
        headers = {"Accept": "application/json"} | self._auth(step.get("as", "admin"), variables)
        content = None
        if "body" in step:
            content = json.dumps(expand(step["body"], variables)).encode()
            headers["Content-Type"] = step.get("type", "application/json")
        elif "raw" in step:
            content = expand(step["raw"], variables).encode()
            headers["Content-Type"] = step.get("type", "application/json")
        headers |= expand(step.get("headers", {}), variables)
        until = step.get("until")
        deadline = time.monotonic() + min((until or {}).get("within", 5), longest_wait_s)
        while True:
            response = self.http.request(method, path, headers=headers, content=content)
            body = decode(response)
            if not until:
                return response, body, True
            late = time.monotonic() > deadline
            if until.get("status", response.status_code) == response.status_code and (
                "path" not in until or dig(body, until["path"]) == expand(until["is"], variables)
            ):
                return response, body, True
            if late:
                return response, body, False
            time.sleep(POLL_INTERVAL_S)

    def watch(self, step: Step, variables: dict[str, str]) -> tuple[int, dict[str, str], list[Any], bool]:
        """Status, headers, events (or the one error) and whether the server ended the stream."""
        method, path = expand(step["do"], variables).split(" ", 1)
        headers = {"Accept": "application/json"} | self._auth(step.get("as", "admin"), variables)
        headers |= expand(step.get("headers", {}), variables)
        wanted, within = step["watch"].get("events", 99), step["watch"].get("within", 3)
        events: list[Any] = []
        status, got, ended = 0, dict[str, str](), False
        started = threading.Event()

        def act() -> None:
            started.wait(2)
            time.sleep(0.2)
            for action in step.get("meanwhile", []):
                with contextlib.suppress(httpx.HTTPError):
                    self.request(action, variables)

        actor = threading.Thread(target=act, daemon=True)
        actor.start()
        try:
            with self.http.stream(method, path, headers=headers, timeout=within) as response:
                started.set()
                status, got = response.status_code, dict(response.headers)
                if response.status_code != 200:
                    response.read()
                    actor.join(5)
                    return status, got, [decode(response)], True
                deadline = time.monotonic() + within
                for line in response.iter_lines():
                    periodic = '"BOOKMARK"' in line and "k8s.io/initial-events-end" not in line
                    if line.strip() and (not periodic or step["watch"].get("bookmarks")):
                        events.append(json.loads(line))
                    if len(events) >= wanted or time.monotonic() > deadline:
                        break
                else:
                    ended = True
        except (httpx.ReadTimeout, httpx.RemoteProtocolError):
            pass
        actor.join(10)
        return status, got, events, ended


def decode(response: httpx.Response) -> Any:
    kind = response.headers.get("content-type", "")
    try:
        if "json" in kind:
            return response.json()
        if "yaml" in kind:
            return yaml.safe_load(response.text)
    except (ValueError, yaml.YAMLError):
        pass
    return response.text


class Play:
    """One scenario against one server, step by step."""

    def __init__(self, player: Player, scenario: Scenario, hopeless: Collection[int] = ()) -> None:
        """`hopeless` are the positions of steps that are known to wait in vain."""
        self.player, self.scenario, self.hopeless = player, scenario, hopeless
        run_id = "r" + secrets.token_hex(4)
        self.namespace = f"ns-{run_id}" if scenario.get("namespace", True) else ""
        self.variables: dict[str, str] = {"NS": self.namespace, "ID": run_id} | scenario.get("vars", {})
        self.normaliser = Normaliser(self.namespace, run_id, scenario.get("resource_versions", False))
        self.webhooks = {name: Webhook(name, answers) for name, answers in scenario.get("webhooks", {}).items()}
        for name, webhook in self.webhooks.items():
            for suffix, value in (
                ("url", f"https://{webhook.address}"),
                ("address", webhook.address),
                ("ca", webhook.ca),
            ):
                self.variables[f"{name}_{suffix}"] = value
                mark = f"${name}_{suffix}" if suffix != "ca" else "$webhook_ca"
                self.normaliser.generated.setdefault(value, mark)

    def run(self) -> list[Played]:
        try:
            if self.namespace:
                self._make_namespace()
            steps = enumerate(self.scenario["steps"], 1)
            return [self._play(position, step) for position, step in steps if not self._paused(step)]
        finally:
            cleanups = [f"DELETE /api/v1/namespaces/{self.namespace}"] if self.namespace else []
            for cleanup in cleanups + self.scenario.get("cleanup", []):
                with contextlib.suppress(httpx.HTTPError):
                    self.player.request({"do": cleanup}, self.variables)
            for webhook in self.webhooks.values():
                webhook.close()

    def _make_namespace(self) -> None:
        made = {"do": "POST /api/v1/namespaces", "body": {"metadata": {"name": self.namespace}}}
        self.player.request(made, self.variables)
        account = {"do": "GET /api/v1/namespaces/$NS/serviceaccounts/default", "until": {"status": 200}}
        if self.scenario.get("service_account", True):
            self.player.request(account, self.variables)
        time.sleep(self.scenario.get("settle", 0))

    @staticmethod
    def _paused(step: Step) -> bool:
        time.sleep(step.get("pause", 0))
        return "pause" in step

    def _play(self, position: int, step: Step) -> Played:
        for name, webhook in self.webhooks.items():
            webhook.calls = []
            webhook.answers = expand(step.get("answers", {}), self.variables).get(name, webhook.answers)
        do, ended, met = step["do"], None, True
        body: Any
        try:
            if "watch" in step:
                status, headers, body, ended = self.player.watch(step, self.variables)
            else:
                longest = HOPELESS_WAIT_S if position in self.hopeless else float("inf")
                response, body, met = self.player.request(step, self.variables, longest)
                status, headers = response.status_code, dict(response.headers)
        except httpx.HTTPError as error:  # a broken connection fails this step, and the scenario goes on
            failed = None if step.get("skip") else {"do": do, "error": f"{type(error).__name__}: {error}"}
            return Played(position, do, failed, met=False)
        for name, path in step.get("save", {}).items():
            self.variables[name] = str(dig(body, path))
        self.normaliser.learn(body)
        body = self._compared(step, body)
        if step.get("skip"):
            return Played(position, do, None, met)
        kept = {key: self.normaliser.text(headers[key]) for key in KEPT_HEADERS if headers.get(key)}
        answer = {"do": do, "status": status, "headers": kept, "body": self.normaliser.value(body)}
        if "watch" in step and step["watch"].get("end"):
            answer["ended"] = ended
        if "calls" in step:
            calls = [call for name in sorted(step["calls"]) for call in self.webhooks[name].calls]
            answer["calls"] = [self._recorded(call, step) for call in calls]
        return Played(position, do, answer, met)

    def _compared(self, step: Step, body: Any) -> Any:
        """What the scenario binds a server to, of this body."""
        for path in step.get("ignore", []):
            for document in body if "watch" in step else [body]:
                drop(document, path)
        for key in step.get("ignore_keys", []) + ([] if self.scenario.get("managed_fields") else ["managedFields"]):
            drop_everywhere(body, key)
        for path in step.get("unordered", []):
            if isinstance(found := dig(body, path), list):
                found.sort(key=lambda item: json.dumps(item, sort_keys=True))
        if step.get("only") is not None:
            body = {path: dig(body, path) for path in step["only"]}
        if "watch" in step and step["watch"].get("sort"):
            body = sorted(body, key=lambda event: (event.get("type", ""), dig(event, "object.metadata.name") or ""))
        return body

    def _recorded(self, call: Call, step: Step) -> dict[str, Any]:
        body = copy.deepcopy(call["body"])
        for path in step.get("calls_ignore", []):
            drop(body, path)
        drop_everywhere(body, "managedFields")
        if "calls_only" in step:
            body = {path: dig(body, path) for path in step["calls_only"]}
        do = self.normaliser.text(call["do"])
        return {"webhook": call["webhook"], "do": do, "body": self.normaliser.value(body)}
